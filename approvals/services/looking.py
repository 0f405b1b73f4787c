"""Let adapters look for what their vendors do not tell us, each in one process at a time.

An adapter with a method `look` (see `approvals.ports.Looker`) is called about once a minute, under a
lease that a dead process loses. The three moments kept of each adapter are rows beside the replays:
when it is due, until when somebody is at it, and when the last look that ended well began.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.db.models import QuerySet

from approvals.models import Replay
from approvals.ports import DeliveryError, Looker
from approvals.services import adapters, clock

logger = structlog.get_logger(__name__)

EVERY = timedelta(minutes=1)
# A look ends within a minute, says the port; twice that, and its process must have died.
LEASE = timedelta(minutes=2)
PROVIDER = "look"
DUE, BUSY, WELL = "due", "busy", "well"
Clock = Callable[[], datetime]


def look_due(*, now: Clock = clock.now) -> int:
    """Let every adapter that is due look; returns how many did. Safe in many processes at once."""
    lookers = {n: one for n, one in adapters.enabled().items() if isinstance(one, Looker)}
    return sum(_look(name, looker, now=now) for name, looker in lookers.items())


def soon(name: str, *, at: datetime) -> None:
    """Make an adapter's next look due at once; one that is under way is followed by another."""
    _set(DUE, name, at)


def last_well(name: str) -> datetime | None:
    """When the last look that ended well began; None when none did lately."""
    row = _rows(WELL, name).first()
    return row.seen_at if row else None


def _look(name: str, looker: Looker, *, now: Clock) -> bool:
    began = now()
    if not _take(name, at=began):
        return False
    try:
        looker.look(at=began, since=last_well(name))
    except DeliveryError as error:
        logger.warning("look failed", adapter=name, error=error.words)
        if error.retry_after is not None:
            _set(DUE, name, began + max(error.retry_after, EVERY))
    except Exception:  # a bug in one adapter must not stop the others
        logger.exception("look met a bug", adapter=name)
    else:
        _set(WELL, name, began)
    finally:
        _change(BUSY, name, to=now(), only_at=began + LEASE)
    return True


def _take(name: str, *, at: datetime) -> bool:
    """Take the lease if the adapter is due and nobody else is at it."""
    if _rows(DUE, name).filter(seen_at__gt=at).exists():
        return False  # by far the most often, and it costs one read
    for word in (DUE, BUSY):
        Replay.objects.get_or_create(
            provider=PROVIDER, key=_key(word, name), defaults={"seen_at": at}
        )
    if not _change(BUSY, name, to=at + LEASE, not_after=at):
        return False
    if _change(DUE, name, to=at + EVERY, not_after=at):
        return True
    _change(BUSY, name, to=at, only_at=at + LEASE)
    return False


def _change(
    word: str,
    name: str,
    *,
    to: datetime,
    not_after: datetime | None = None,
    only_at: datetime | None = None,
) -> bool:
    """Move one moment in one statement, so that of several who try only one succeeds."""
    rows = _rows(word, name)
    if not_after is not None:
        rows = rows.filter(seen_at__lte=not_after)
    if only_at is not None:
        rows = rows.filter(seen_at=only_at)
    return bool(rows.update(seen_at=to))


def _rows(word: str, name: str) -> QuerySet[Replay]:
    return Replay.objects.filter(provider=PROVIDER, key=_key(word, name))


def _set(word: str, name: str, to: datetime) -> None:
    Replay.objects.update_or_create(
        provider=PROVIDER, key=_key(word, name), defaults={"seen_at": to}
    )


def _key(word: str, name: str) -> str:
    return f"{word}:{name}"
