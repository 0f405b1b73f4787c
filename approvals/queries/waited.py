"""The term of a search that tells what waited for people at a moment, identical requests as one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Q

from approvals.domain import search, trial

AT = "waited-at"
_TICK = timedelta(microseconds=1)


def latest(values: Sequence[str], *, now: datetime) -> datetime | None:
    """What was asked before this is all that can have waited; None without such a term."""
    moments = [search.moment(value, now=now) for value in values]
    return max(moments) + _TICK if moments else None


def at(values: Sequence[str], *, now: datetime) -> Q:
    """Requests put to people that had been asked by one of these moments and had not ended at it."""
    wanted = Q()
    for value in values:
        moment = search.moment(value, now=now)
        had_not_ended = Q(closed_at=None) | Q(closed_at__gt=moment)
        wanted |= Q(created_at__lte=moment) & had_not_ended
    return wanted & cards() if wanted else wanted


def cards() -> Q:
    """What stands on a card of its own: no test of a channel, and nothing that joined another's card."""
    return Q(asked=True, joined=None) & ~Q(effect=trial.EFFECT)
