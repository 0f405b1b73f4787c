"""Keep the outbox's promises: claim, send, record, as two short transactions around a slow call."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q

from approvals import queries
from approvals.domain import errors
from approvals.domain.cards import Card
from approvals.domain.terms import EventKind
from approvals.models import ApprovalRequest, Delivery, Receipt
from approvals.models.outbox import DeliveryState
from approvals.models.requests import REF_PREFIX
from approvals.ports import DeliveryError, Message, MessageKind, event_body
from approvals.services import actors, adapters, agents, bell, clock, endpoints, ledger, showing

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
Clock = Callable[[], datetime]


def send_due(*, limit: int = 50, now: Clock = clock.now) -> int:
    """Send up to `limit` due deliveries; returns how many were tried. Safe in many processes at once.

    The clock is read anew for each: a slow receiver must not make the next lease or signature old.
    """
    tried = 0
    while tried < limit and (claimed := _claim(at=(at := now()))) is not None:
        if not endpoints.is_resting(claimed, adapters.enabled()[claimed.adapter], at=at):
            _attempt(claimed, at=at, now=now)
            tried += 1
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


def _claim(*, at: datetime) -> Delivery | None:
    """Lease the next delivery whose lane is free; None when nothing is due."""
    earlier = Delivery.objects.filter(
        request=OuterRef("request"),
        adapter=OuterRef("adapter"),
        address=OuterRef("address"),
        state=DeliveryState.WAITING.value,
        pk__lt=OuterRef("pk"),
    )
    due = Delivery.objects.filter(
        Q(leased_until=None) | Q(leased_until__lt=at),
        ~Exists(earlier),
        state=DeliveryState.WAITING.value,
        due_at__lte=at,
        adapter__in=list(adapters.enabled()),
    )
    with transaction.atomic():
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True, of=("self",))
        delivery = due.select_related("event").order_by("due_at", "id").first()
        if delivery is None:
            return None
        delivery.attempts += 1
        delivery.leased_until = at + LEASE
        delivery.save(update_fields=["attempts", "leased_until"])
    return delivery


def _attempt(delivery: Delivery, *, at: datetime, now: Clock) -> None:
    row = queries.whole_request(delivery.request_id)
    try:
        message = _message(delivery, row, at=at)
        handle = adapters.enabled()[delivery.adapter].deliver(message)
    except DeliveryError as error:
        _record_failure(delivery, error, at=now())
    except Exception as error:  # a bug in one adapter or card must not stop the others
        logger.exception("adapter failed", adapter=delivery.adapter, delivery=delivery.pk)
        _record_failure(delivery, DeliveryError(f"{type(error).__name__}: {error}"), at=now())
    else:
        _record_success(delivery, row, message, handle, at=(at := now()))
        endpoints.answered(delivery, adapters.enabled()[delivery.adapter], at=at)


def _message(delivery: Delivery, row: ApprovalRequest, *, at: datetime) -> Message:
    kind = MessageKind(delivery.kind)
    receipt = row.receipts.filter(adapter=delivery.adapter, address=delivery.address).first()
    return Message(
        id=str(delivery.message_id),
        kind=kind,
        address=delivery.address,
        card=_card(delivery, row) if kind is not MessageKind.EVENT else None,
        at=at,
        attempt=delivery.attempts,
        receipt=receipt.handle if receipt else {},
        words=delivery.words,
        event=_event(delivery),
        secrets=agents.webhook_secrets(row.agent, at=at),
    )


def _card(delivery: Delivery, row: ApprovalRequest) -> Card:
    """The card as it stands now, without what its address may not see."""
    return showing.reduce(queries.card(row), adapter=delivery.adapter, address=delivery.address)


def _event(delivery: Delivery) -> dict[str, Any]:
    if delivery.event is None:
        return {}
    event = delivery.event
    data = {key: value for key, value in event.entry.items() if key in _TOLD}
    return event_body(EventKind(event.type), event.at, {**data, "position": event.seq})


_TOLD = frozenset(
    {
        "request",
        "agent",
        "action",
        "target",
        "session",
        "parameters_sha256",
        "status",
        "basis",
        "reason_code",
        "outcome",
    }
)


def _record_success(
    delivery: Delivery,
    row: ApprovalRequest,
    message: Message,
    handle: Mapping[str, Any],
    *,
    at: datetime,
) -> None:
    with transaction.atomic():
        if not _finish(delivery, DeliveryState.SENT, at=at):
            return
        if message.kind is not MessageKind.CARD or message.card is None:
            return
        Receipt.objects.update_or_create(
            request=row,
            adapter=delivery.adapter,
            address=delivery.address,
            defaults={
                "handle": dict(handle),
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
    ).update(state=DeliveryState.SUPERSEDED.value, finished_at=at)


def _record_failure(delivery: Delivery, error: DeliveryError, *, at: datetime) -> None:
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
    wait = error.retry_after or _jittered(BACK_OFF[delivery.attempts - 1])
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
