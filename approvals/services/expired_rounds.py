"""Send the lists that are owed, one person after the other, by one way of writing to them.

That an attempt began is written down before it is made. Who finds such a mark does not know how that
attempt ended, waits until it must have, and says `again`: then the way looks for the message first.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from django.conf import settings
from django.db.models import QuerySet

from approvals.models import Person, Replay
from approvals.ports import DeliveryError
from approvals.services import expired_lists, replays
from approvals.services.expired_lists import Due, Owed, provider

logger = structlog.get_logger(__name__)
# A look ends within a minute and does other things too; what is left then is told by the next.
MOST_SECONDS = 10.0
# An attempt, or its process, has ended by then.
UNDER_WAY = timedelta(minutes=2)
SOONEST, LATEST = timedelta(minutes=1), timedelta(hours=1)
GATE = "next"


class Way(Protocol):
    """One way to write to people themselves."""

    name: str

    def addresses(self, people: Mapping[int, Person]) -> Mapping[int, str]:
        """Where these people are reached, by their number; without those who are not. One statement."""
        ...

    def write(self, one: Owed, *, again: bool) -> None:
        """Send one list. Raises DeliveryError. `again`: it may have arrived; look before a second copy."""
        ...


def tell(way: Way, *, at: datetime) -> None:
    """Tell everybody what they are owed by now; one statement while nothing can be owed.

    Raises DeliveryError unless all of it was taken or never can be; what was not is told by a later look.
    """
    if not settings.EXPIRED_LIST_AT or _waits(way, at=at):
        return
    due = expired_lists.due(way.name, way.addresses, at=at)
    try:
        is_all = _send(way, due, at=at)
    except DeliveryError as error:
        if due.is_all and error.retry_after is None:
            _wait(way, until=min(due.then, at + _patience(due, at=at)))
        raise
    if is_all and due.is_all:
        _wait(way, until=due.then)


def _send(way: Way, due: Due, *, at: datetime) -> bool:
    """One after the other, while there is time; False where some are left. Raises the first that failed."""
    began, failed, is_all = time.monotonic(), None, True
    for one in due.lists:
        passed = time.monotonic() - began
        if passed > MOST_SECONDS:
            return False  # the next look goes on here, and meets what failed again
        try:
            is_all &= _tell(way, one, at=at + timedelta(seconds=passed))
        except DeliveryError as error:
            if error.retry_after is not None:
                raise  # it was said to all of us, and the whole look waits so long
            failed = failed or error
    if failed is not None:
        raise failed
    return is_all


def _tell(way: Way, one: Owed, *, at: datetime) -> bool:
    """One list; False where somebody else may be at it."""
    if not expired_lists.pinned(one):
        return False
    is_first = replays.first_time(provider=provider(way.name), key=_began(one), at=at)
    if not is_first and not _took_over(one, at=at):
        return False
    try:
        way.write(one, again=not is_first)
    except DeliveryError as error:
        if not error.permanent:
            if is_first and not error.unknown:
                _attempt(one).delete()
            raise
        logger.warning("list of what expired was refused for good", way=way.name, error=error.words)
    expired_lists.kept(one)
    return True


def _took_over(one: Owed, *, at: datetime) -> bool:
    """Whether the attempt before has surely ended, and this is the only one that goes on with it."""
    return bool(_attempt(one).filter(seen_at__lte=at - UNDER_WAY).update(seen_at=at))


def _attempt(one: Owed) -> QuerySet[Replay]:
    return Replay.objects.filter(provider=provider(one.way), key=_began(one))


def _began(one: Owed) -> str:
    return f"began:{one.key}"


def _patience(due: Due, *, at: datetime) -> timedelta:
    """A quarter of how late it is, so that who cannot be written to is not tried every minute."""
    late = at - min(one.until for one in due.lists)
    return max(SOONEST, min(late / 4, LATEST))


def _waits(way: Way, *, at: datetime) -> bool:
    gate = Replay.objects.filter(provider=provider(way.name), key=GATE)
    return gate.filter(seen_at__gt=at).exists()


def _wait(way: Way, *, until: datetime) -> None:
    Replay.objects.update_or_create(
        provider=provider(way.name), key=GATE, defaults={"seen_at": until}
    )
