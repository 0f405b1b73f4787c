"""Which delivery may go next: each lane in order, and what decides before what reminds.

A lane is an adapter, an address and a request. What was put off for later holds up nothing, and a note
holds up notes alone: an answer must not wait behind a reminder.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from approvals.models import Delivery
from approvals.models.outbox import DeliveryState
from approvals.ports import MessageKind

# However much there is to tell, a note is never overtaken for longer than this.
OVERTAKEN_FOR = timedelta(minutes=2)
_WAITING = {"state": DeliveryState.WAITING.value}
_NOTE, _DIGEST = MessageKind.NOTE.value, MessageKind.DIGEST.value


def due(*, at: datetime, among: Sequence[str]) -> QuerySet[Delivery]:
    """Every delivery of these adapters that is due, is nobody's now, and has nothing before it."""
    return Delivery.objects.filter(
        Q(leased_until=None) | Q(leased_until__lt=at),
        ~Exists(_earlier(at)),
        ~Q(kind=_DIGEST) | ~Exists(_gathering(at)),
        **_WAITING,
        due_at__lte=at,
        adapter__in=among,
    ).order_by("due_at", "id")


def pressing(rows: QuerySet[Delivery], *, at: datetime) -> QuerySet[Delivery]:
    """Those of them that go before any reminder and any list."""
    return rows.filter(~Q(kind__in=(_NOTE, _DIGEST)) | Q(due_at__lte=at - OVERTAKEN_FOR))


def _earlier(at: datetime) -> QuerySet[Delivery]:
    return Delivery.objects.filter(
        ~_put_off(at),
        ~Q(kind=_NOTE) | Q(kind=OuterRef("kind")),
        **_WAITING,
        request=OuterRef("request"),
        adapter=OuterRef("adapter"),
        address=OuterRef("address"),
        pk__lt=OuterRef("pk"),
    )


def _put_off(at: datetime) -> Q:
    """Promised for later from the beginning: nobody ever held it."""
    untouched = Q(attempts=0, leased_until=None, due_at__gt=at)
    return untouched & Q(kind__in=(MessageKind.CARD.value, _DIGEST))


def _gathering(at: datetime) -> QuerySet[Delivery]:
    """The first of a digest stands for all of it, also while it is being sent or tried again."""
    return Delivery.objects.filter(
        ~_put_off(at),
        **_WAITING,
        kind=_DIGEST,
        adapter=OuterRef("adapter"),
        address=OuterRef("address"),
        pk__lt=OuterRef("pk"),
    )
