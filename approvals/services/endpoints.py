"""Let an endpoint that does not answer rest, so that what it is owed costs no other its time.

Nothing is kept beside the deliveries: one that waits and whose lease has ended was tried and failed,
and a success wipes that away from all of its endpoint. When enough of them failed with none arriving
between, everything for the endpoint waits; after each rest the first to come due is the trial.

A receiver that says it is gone is called no more at that address: its dead letters say so, until one
that a person sends again arrives.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Max, Q, QuerySet

from approvals.models import Delivery
from approvals.models.outbox import DeliveryState
from approvals.ports import GONE, Adapter, DeliveryError, Grouping

logger = structlog.get_logger(__name__)

ENOUGH = 5  # different deliveries: one alone waits by its own schedule
REST = timedelta(minutes=1)
MOST_AT_ONCE = 1_000
NOT_CALLED = f"{GONE} It was not called with this; send one again by hand when it is back."


def is_resting(delivery: Delivery, adapter: Adapter, *, at: datetime) -> bool:
    """Say whether a delivery just leased must wait with its endpoint, and if so put all of them back."""
    if not isinstance(adapter, Grouping):
        return False
    others = _waiting(delivery, adapter).exclude(pk=delivery.pk)
    failed = others.filter(_FAILED, leased_until__lte=at)
    last = failed.aggregate(last=Max("leased_until"))["last"]
    has_failed = delivery.attempts > 1  # this attempt is counted already
    if last is None or last + REST <= at or failed.count() + has_failed < ENOUGH:
        return False
    Delivery.objects.filter(pk=delivery.pk, leased_until=delivery.leased_until).update(
        attempts=delivery.attempts - 1,
        leased_until=last if has_failed else None,
        due_at=last + REST,
    )
    put_back = _move(others.filter(due_at__lt=last + REST), at=at, to=last + REST)
    endpoint = adapter.endpoint(delivery.address)
    logger.info("endpoint rests", adapter=adapter.name, endpoint=endpoint, deliveries=put_back + 1)
    return True


def refuse_gone(delivery: Delivery, adapter: Adapter) -> None:
    """Raises DeliveryError where the receiver said it was gone, and has taken nothing since.

    What a person sends again is called with all the same: it bears its old error at its first attempt.
    """
    if not isinstance(adapter, Grouping) or (delivery.attempts == 1 and delivery.last_error):
        return
    here = Delivery.objects.filter(adapter=delivery.adapter, address=delivery.address)
    dead = here.filter(state=DeliveryState.DEAD.value, last_error__startswith=GONE)
    since = dead.aggregate(last=Max("finished_at"))["last"]
    if since is None:
        return
    if not here.filter(state=DeliveryState.SENT.value, finished_at__gt=since).exists():
        raise DeliveryError(NOT_CALLED, permanent=True)


def answered(delivery: Delivery, adapter: Adapter, *, at: datetime) -> None:
    """A delivery arrived: its endpoint is well, and what rested with it is due already."""
    if isinstance(adapter, Grouping):
        _waiting(delivery, adapter).filter(_FAILED, leased_until__lte=at).update(leased_until=None)


_FAILED = Q(attempts__gt=0)


def _waiting(delivery: Delivery, adapter: Grouping) -> QuerySet[Delivery]:
    """Everything that waits for the endpoint of this one, itself included."""
    prefix = adapter.endpoint(delivery.address)
    same = Q(address=prefix)
    for end in "/?#":
        same |= Q(address__startswith=prefix + end)
    return Delivery.objects.filter(
        same, adapter=delivery.adapter, state=DeliveryState.WAITING.value
    )


def _move(rows: QuerySet[Delivery], *, at: datetime, to: datetime) -> int:
    """Change when rows are due, but for those somebody holds; in one order, so that none deadlock."""
    free = rows.filter(Q(leased_until=None) | Q(leased_until__lte=at)).order_by("pk")
    with transaction.atomic():
        numbers = list(_skipping_locked(free).values_list("pk", flat=True)[:MOST_AT_ONCE])
        return Delivery.objects.filter(pk__in=numbers).update(due_at=to)


def _skipping_locked(rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    if transaction.get_connection().features.has_select_for_update_skip_locked:
        return rows.select_for_update(skip_locked=True)
    return rows
