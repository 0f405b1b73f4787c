"""Remember signed callbacks, so that a repeated one has no second effect."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q

from approvals.models import Replay

KEPT = timedelta(days=3)
# Where the lists of expired requests ended is kept beside them; what ends there is still owed to somebody.
LISTS = "expired-"
LISTS_KEPT = timedelta(days=30)


def first_time(*, provider: str, key: str, at: datetime) -> bool:
    """True for the first caller with this key, False for every later one."""
    try:
        with transaction.atomic():
            Replay.objects.create(provider=provider, key=key, seen_at=at)
    except IntegrityError:
        return False
    return True


def is_known(*, provider: str, key: str) -> bool:
    """Whether somebody was the first with this key: for callers that act before they remember,
    because their sender tries again and a crash in between must not lose the act."""
    return Replay.objects.filter(provider=provider, key=key).exists()


def known(*, provider: str, keys: Iterable[str]) -> set[str]:
    """Which of these somebody was the first with; one statement."""
    rows = Replay.objects.filter(provider=provider, key__in=list(keys))
    return set(rows.values_list("key", flat=True))


def forget_old(*, at: datetime) -> int:
    """Drop keys whose signatures are long out of tolerance, and what nobody could be told for a month."""
    is_list = Q(provider__startswith=LISTS)
    old = Q(seen_at__lt=at - KEPT) & ~is_list | Q(seen_at__lt=at - LISTS_KEPT) & is_list
    gone, _ = Replay.objects.filter(old).delete()
    return gone
