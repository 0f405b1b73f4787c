"""Do as a vendor says that asks us to wait: everything for that address waits, and nothing is given up.

Otherwise a backlog would knock once for each of its messages, and each knock would count as a failure.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q

from approvals.models import Delivery
from approvals.models.outbox import DeliveryState
from approvals.ports import Grouping
from approvals.services import adapters

# A vendor that only ever asks us to wait is as good as one that fails.
PATIENCE = timedelta(days=1)
MOST_AT_ONCE = 1_000


def wait(delivery: Delivery, words: str, *, until: datetime, at: datetime) -> None:
    """Put a delivery back that was asked to wait, and with it what is due for its address.

    It was not an attempt, for the vendor did nothing; unless that has been going on for a day. Where
    endpoints rest by themselves, only this one is put back.
    """
    groups = isinstance(adapters.enabled().get(delivery.adapter), Grouping)
    uncounted = not groups and at - delivery.created_at < PATIENCE
    Delivery.objects.filter(
        pk=delivery.pk, attempts=delivery.attempts, state=DeliveryState.WAITING.value
    ).update(
        due_at=until,
        leased_until=at,
        last_error=words[:2000],
        attempts=delivery.attempts - uncounted,
    )
    if not groups:
        _put_back_others(delivery, until=until, at=at)


def _put_back_others(delivery: Delivery, *, until: datetime, at: datetime) -> None:
    others = (
        Delivery.objects.filter(
            Q(leased_until=None) | Q(leased_until__lte=at),
            adapter=delivery.adapter,
            address=delivery.address,
            state=DeliveryState.WAITING.value,
            due_at__lte=at,
        )
        .exclude(pk=delivery.pk)
        .order_by("pk")
    )
    with transaction.atomic():
        if connection.features.has_select_for_update_skip_locked:
            others = others.select_for_update(skip_locked=True)
        numbers = list(others.values_list("pk", flat=True)[:MOST_AT_ONCE])
        # The lease that has ended says that they wait in their lanes, unlike what was put off.
        Delivery.objects.filter(pk__in=numbers).update(due_at=until, leased_until=at)
