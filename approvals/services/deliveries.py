"""Keep the outbox's promises: claim, send, record, as two short transactions around a slow call."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.models import Exists

from approvals import queries
from approvals.domain import errors
from approvals.domain.cards import Card
from approvals.domain.terms import EventKind
from approvals.models import ApprovalRequest, Delivery, Receipt
from approvals.models.outbox import DeliveryState
from approvals.models.requests import REF_PREFIX
from approvals.ports import DOUBT, DeliveryError, Left, Message, MessageKind, Partly
from approvals.services import (
    actors,
    adapters,
    agents,
    behind,
    bell,
    clock,
    digests,
    endpoints,
    lanes,
    ledger,
    limits,
    note_words,
    showing,
    told,
)
from approvals.services.berths import Berths
from approvals.services.digests import Gathered

logger = structlog.get_logger(__name__)

# A worker may die after the vendor took the message and before we wrote the receipt: the lease lets
# another try, so a card can appear twice but never not at all.
# Shorter than the age at which promises count as late: one killed worker must raise no alarm.
LEASE = timedelta(seconds=45)
BACK_OFF = tuple(
    timedelta(seconds=seconds)
    for seconds in (1, 5, 15, 30, 60, 120, 600, 1800, 7200, 18000, 36000, 86400)
)
JITTER = 0.2
SHOWING_ONE = frozenset({MessageKind.CARD, MessageKind.NOTE})
Clock = Callable[[], datetime]
BERTHS = Berths()


def send_due(*, limit: int = 50, now: Clock = clock.now) -> int:
    """Send up to `limit` due deliveries; returns how many were tried. Safe in many processes at once.

    The clock is read anew for each: a slow receiver must not make the next lease or signature old.
    """
    tried = 0
    while tried < limit and (chosen := _choose(at=(at := now()))) is not None:
        claimed, began = chosen
        try:
            if not endpoints.is_resting(claimed, adapters.enabled()[claimed.adapter], at=at):
                _attempt(claimed, at=at, now=now)
                tried += 1
        finally:
            BERTHS.leave(claimed.adapter, began)
    return tried


def resend(delivery_id: int, *, at: datetime) -> None:
    """Let a dead delivery try again from the start. Raises NotFound unless it is dead."""
    changed = Delivery.objects.filter(pk=delivery_id, state=DeliveryState.DEAD.value).update(
        state=DeliveryState.WAITING.value,
        attempts=0,
        due_at=at,
        leased_until=None,
        finished_at=None,
    )
    if not changed:
        raise errors.NotFound(f"There is no dead delivery {delivery_id}.")
    bell.bell().ring([])


def oldest_due(*, at: datetime) -> float:
    """Seconds the oldest due delivery has been waiting; 0.0 when none is due."""
    first = (
        Delivery.objects.filter(state=DeliveryState.WAITING.value, due_at__lte=at)
        .order_by("due_at")
        .values_list("due_at", flat=True)
        .first()
    )
    return (at - first).total_seconds() if first else 0.0


def _choose(*, at: datetime) -> tuple[Delivery, float] | None:
    """Claim for a channel that may have one more sender of this process."""
    with BERTHS.choosing(adapters.enabled()) as free:
        claimed = _claim(at=at, among=free) if free else None
        return None if claimed is None else (claimed, BERTHS.take(claimed.adapter))


def _claim(*, at: datetime, among: Sequence[str]) -> Delivery | None:
    """Lease the next delivery of these adapters whose lane is free; None when nothing is due."""
    due = lanes.due(at=at, among=among)
    with transaction.atomic():
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True, of=("self",))
        due = due.select_related("event")
        delivery = lanes.pressing(due, at=at).first() or due.first()
        if delivery is None:
            return None
        delivery.attempts += 1
        delivery.leased_until = at + LEASE
        delivery.save(update_fields=["attempts", "leased_until"])
    return delivery


def _attempt(delivery: Delivery, *, at: datetime, now: Clock) -> None:
    row = queries.whole_request(delivery.request_id)
    if _is_moot(delivery, row):
        _finish(delivery, DeliveryState.SUPERSEDED, at=at)
        return
    is_digest = delivery.kind == MessageKind.DIGEST.value
    gathered = digests.gather(delivery, at=at) if is_digest else None
    try:
        message = _message(delivery, row, gathered, at=at)
        handle, left = _carry(delivery, message)
    except DeliveryError as error:
        _record_failure(delivery, error, gathered, at=now())
    except Exception as error:  # a bug in one adapter or card must not stop the others
        logger.exception("adapter failed", adapter=delivery.adapter, delivery=delivery.pk)
        words = f"{type(error).__name__}: {error}"
        _record_failure(delivery, DeliveryError(words), gathered, at=now())
    else:
        _record_success(delivery, row, message, handle, gathered, left=left, at=(at := now()))
        endpoints.answered(delivery, adapters.enabled()[delivery.adapter], at=at)


def _is_moot(delivery: Delivery, row: ApprovalRequest) -> bool:
    """Nobody is called to what is over; reminders are overtaken by decisions."""
    return bool(
        delivery.kind == MessageKind.NOTE.value
        and row.closed_at is not None
        and delivery.event is not None
        and delivery.event.type in note_words.MOOT_ONCE_CLOSED
    )


def _carry(delivery: Delivery, message: Message) -> tuple[Mapping[str, Any], Sequence[Left]]:
    """The receipt, and whom of those behind the address it did not reach."""
    if message.kind is MessageKind.DIGEST and not message.listed:
        return {}, ()  # everything in it was decided meanwhile
    adapter = adapters.enabled()[delivery.adapter]
    endpoints.refuse_gone(delivery, adapter)
    try:
        return adapter.deliver(message), ()
    except Partly as partly:
        return partly.receipt, partly.left


def _message(
    delivery: Delivery, row: ApprovalRequest, gathered: Gathered | None, *, at: datetime
) -> Message:
    kind = MessageKind(delivery.kind)
    receipt = row.receipts.filter(adapter=delivery.adapter, address=delivery.address).first()
    return Message(
        id=str(delivery.message_id),
        kind=kind,
        address=delivery.address,
        card=_card(delivery, row) if kind in SHOWING_ONE else None,
        at=at,
        attempt=delivery.attempts,
        receipt=receipt.handle if receipt else {},
        words=delivery.words,
        event=told.body_of(delivery),
        secrets=agents.webhook_secrets(row.agent, at=at),
        listed=gathered.listed if gathered else (),
        of=len(gathered.waiting) if gathered else 0,
    )


def _card(delivery: Delivery, row: ApprovalRequest) -> Card:
    """The card as it stands now, without what its address may not see."""
    return showing.reduce(queries.card(row), adapter=delivery.adapter, address=delivery.address)


def _record_success(
    delivery: Delivery,
    row: ApprovalRequest,
    message: Message,
    handle: Mapping[str, Any],
    gathered: Gathered | None,
    *,
    left: Sequence[Left],
    at: datetime,
) -> None:
    kept = {name: value for name, value in handle.items() if name != DOUBT}
    delivery.last_error = str(handle.get(DOUBT) or delivery.last_error)[:2000]
    with transaction.atomic():
        if not _finish(delivery, DeliveryState.SENT, at=at):
            return
        behind.promise(delivery, left, at=at)
        if gathered is not None:
            adapter = adapters.enabled()[delivery.adapter]
            digests.kept(gathered, adapter, first=delivery, at=at)
        if message.kind is not MessageKind.CARD or message.card is None:
            return
        Receipt.objects.update_or_create(
            request=row,
            adapter=delivery.adapter,
            address=delivery.address,
            defaults={
                "handle": kept,
                "position": row.position,
                "shown_sha256": message.card.shown_sha256,
                "updated_at": at,
            },
        )
        _supersede(delivery, row, at=at)


def _supersede(delivery: Delivery, row: ApprovalRequest, *, at: datetime) -> None:
    """Later cards of this lane that were promised before this one was drawn are shown already."""
    still = ApprovalRequest.objects.filter(pk=row.pk, position=row.position)
    Delivery.objects.filter(
        Exists(still),
        request=row,
        adapter=delivery.adapter,
        address=delivery.address,
        kind=MessageKind.CARD.value,
        state=DeliveryState.WAITING.value,
        leased_until=None,
        due_at__lte=at,
    ).update(state=DeliveryState.SUPERSEDED.value, finished_at=at)


def _record_failure(
    delivery: Delivery, error: DeliveryError, gathered: Gathered | None, *, at: datetime
) -> None:
    logger.warning(
        "delivery failed",
        adapter=delivery.adapter,
        delivery=delivery.pk,
        attempt=delivery.attempts,
        error=error.words,
    )
    if error.permanent or delivery.attempts > len(BACK_OFF):
        _bury(delivery, error, at=at)
        return
    if error.retry_after:
        limits.wait(delivery, error.words, until=at + error.retry_after, at=at)
    else:
        _try_later(delivery, error, at=at)
    if gathered is not None:
        digests.put_back(gathered, first=delivery)


def _try_later(delivery: Delivery, error: DeliveryError, *, at: datetime) -> None:
    wait = _jittered(BACK_OFF[delivery.attempts - 1])
    Delivery.objects.filter(
        pk=delivery.pk, attempts=delivery.attempts, state=DeliveryState.WAITING.value
    ).update(due_at=at + wait, leased_until=at, last_error=error.words[:2000])


def _bury(delivery: Delivery, error: DeliveryError, *, at: datetime) -> None:
    """Give up, visibly: a dead letter and a line of history."""
    with transaction.atomic():
        row = ledger.locked(f"{REF_PREFIX}{delivery.request_id}")
        delivery.last_error = error.words[:2000]
        if not _finish(delivery, DeliveryState.DEAD, at=at):
            return
        detail = {
            "adapter": delivery.adapter,
            "delivery": delivery.pk,
            "attempts": delivery.attempts,
            "error": error.words[:500],
        }
        ledger.note(row, EventKind.DELIVERY_DEAD, actor=actors.SYSTEM, at=at, detail=detail)
    bell.bell().ring([str(row.public_id)])


def _finish(delivery: Delivery, state: DeliveryState, *, at: datetime) -> bool:
    """Close a delivery; False when a lease ran out and another worker has it now."""
    return bool(
        Delivery.objects.filter(
            pk=delivery.pk, attempts=delivery.attempts, state=DeliveryState.WAITING.value
        ).update(
            state=state.value, finished_at=at, leased_until=None, last_error=delivery.last_error
        )
    )


def _jittered(wait: timedelta) -> timedelta:
    return wait * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  # spreads load, guards nothing
