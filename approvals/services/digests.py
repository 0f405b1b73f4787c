"""One message for many small requests: the first promise of a digest carries the others along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from approvals import queries
from approvals.domain.cards import Card
from approvals.models import ApprovalRequest, Delivery, Receipt
from approvals.models.outbox import DeliveryState
from approvals.ports import Adapter, Gathering, MessageKind
from approvals.services import showing

MOST_LISTED = 20
MOST_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Gathered:
    """The promises one digest keeps, and the requests that still wait to be listed in it."""

    promises: Sequence[Delivery]
    waiting: Sequence[ApprovalRequest]
    listed: Sequence[Card]


def gather(first: Delivery, *, at: datetime) -> Gathered:
    """Everything due for the same address, with the cards of those that still wait and stand nowhere
    else there."""
    rows = list(_due_with(first, at=at).select_related("request").order_by("id")[:MOST_AT_ONCE])
    numbers = [row.request_id for row in rows]
    waiting = list(
        ApprovalRequest.objects.filter(pk__in=numbers, closed_at=None, joined=None)
        .exclude(Exists(_card_there(first)))
        .order_by("decide_by", "number")
    )
    cards = [queries.card(queries.whole_request(row.pk)) for row in waiting[:MOST_LISTED]]
    listed = [showing.reduce(card, adapter=first.adapter, address=first.address) for card in cards]
    return Gathered(rows, waiting, listed)


def kept(gathered: Gathered, adapter: Adapter, *, first: Delivery, at: datetime) -> None:
    """The digest arrived, or there was nothing to list: its other promises are kept with it, and
    what still waits is promised for the next. Needs the transaction that closes the first."""
    others = [row.pk for row in gathered.promises if row.pk != first.pk]
    Delivery.objects.filter(pk__in=others, state=DeliveryState.WAITING.value).update(
        state=DeliveryState.SENT.value, finished_at=at
    )
    if isinstance(adapter, Gathering):
        Delivery.objects.bulk_create(_once_more(gathered.waiting, adapter, first=first, at=at))


def put_back(gathered: Gathered, *, first: Delivery) -> None:
    """The first failed and is due later; the others wait with it, so that none is sent alone."""
    due_at = Delivery.objects.filter(pk=first.pk).values_list("due_at", flat=True).first()
    others = [row.pk for row in gathered.promises if row.pk != first.pk]
    Delivery.objects.filter(pk__in=others, state=DeliveryState.WAITING.value).update(due_at=due_at)


def _once_more(
    rows: Sequence[ApprovalRequest], adapter: Gathering, *, first: Delivery, at: datetime
) -> list[Delivery]:
    return [
        Delivery(
            adapter=first.adapter,
            address=first.address,
            kind=MessageKind.DIGEST.value,
            request=row,
            due_at=due_at,
            created_at=at,
        )
        for row in rows
        if (due_at := adapter.again(decide_by=row.decide_by, at=at)) is not None
    ]


def _due_with(first: Delivery, *, at: datetime) -> QuerySet[Delivery]:
    return Delivery.objects.filter(
        adapter=first.adapter,
        address=first.address,
        kind=MessageKind.DIGEST.value,
        state=DeliveryState.WAITING.value,
        due_at__lte=at,
    )


def _card_there(first: Delivery) -> QuerySet[Receipt]:
    return Receipt.objects.filter(
        request=OuterRef("pk"), adapter=first.adapter, address=first.address
    ).exclude(handle={})
