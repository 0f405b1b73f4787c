"""Keep signed callbacks until they had their effect, so that whoever sent them can be answered first.

A callback is written down by one statement before it is answered, and ended in the very transaction
of its effect: whoever works on it, and however often, it counts once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

import structlog
from django.conf import settings
from django.db import DatabaseError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.functions import Now
from django.utils.module_loading import import_string

from approvals.models import ApprovalRequest, Knock
from approvals.services import clock

logger = structlog.get_logger(__name__)

KEPT = timedelta(days=3)  # as long as the keys of other callbacks
LEASE = timedelta(seconds=20)
BACK_OFF = tuple(timedelta(seconds=seconds) for seconds in (2, 5, 15, 30, 60, 120, 240))
# By then nobody remembers the click, and Slack's way to tell them has ended.
OLDEST = timedelta(minutes=30)
OWN_CONNECTIONS = "knocks"  # what works on callbacks can never use these up
INSERT = (
    "INSERT INTO approvals_knock"
    " (provider, key, body, facts, received_at, leased_until, attempts, last_error)"
    " VALUES (%s, %s, %s, %s, {received}, {leased}, 1, '')"
    " ON CONFLICT (provider, key) DO NOTHING RETURNING id, received_at"
)


class TakenOver(Exception):
    """Somebody else works on this callback now; nothing of ours was written."""


class Dropped(StrEnum):
    """What became of a callback whose work failed: nothing, its effect after all, or nobody knows."""

    NOTHING = "nothing"
    HAPPENED = "happened"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Kept:
    """A callback in somebody's hands: they hold it for try number `attempts`, until `held_until` by
    this process's monotonic clock. That ended when `is_settled`; somebody else has it when `is_lost`;
    and when `is_left`, its sender was told that it will be tried again."""

    id: int
    provider: str
    body: bytes
    facts: Mapping[str, Any]
    received_at: datetime
    attempts: int
    held_until: float
    is_settled: bool = False
    is_lost: bool = False
    is_left: bool = False


class Doer(Protocol):
    """What knows a provider's callbacks; named by dotted path in settings.KNOCKS."""

    def do(self, kept: Kept) -> None:
        """Bring about what it asks for, and tell its sender; raises when it shall be tried again."""

    def give_up(self, kept: Kept) -> None:
        """Write down and tell its sender that nothing came of it."""


_in_hand: ContextVar[Kept | None] = ContextVar("knock_in_hand", default=None)


def keep(*, provider: str, key: str, body: bytes, facts: Mapping[str, Any]) -> Kept | None:
    """Write a callback down, held by the caller; None when the same one was written before.

    One statement in a transaction of its own, unless the caller has one. Raises DatabaseError.
    """
    using = _connection()
    received, moments = _moments(using)
    statement = INSERT.format(received=received[0], leased=received[1])
    until = _until(1)  # before it is asked for: ours must end first
    try:
        with using.cursor() as cursor:
            cursor.execute(statement, [provider, key, body, json.dumps(dict(facts)), *moments])
            row = cursor.fetchone()
    finally:
        if not using.in_atomic_block:
            using.close()
    if row is None:
        return None
    at = row[1].astimezone(UTC) if isinstance(row[1], datetime) else datetime.now(UTC)
    return Kept(row[0], provider, body, facts, at, 1, until)


@contextmanager
def in_hand(kept: Kept) -> Iterator[Kept]:
    """What is written within the block is the effect of this callback."""
    token = _in_hand.set(kept)
    try:
        yield kept
    finally:
        _in_hand.reset(token)


def moment(row: ApprovalRequest) -> datetime:
    """As of when a click counts: when it came in, though never before what was written meanwhile."""
    kept = _in_hand.get()
    return clock.now() if kept is None else max(kept.received_at, row.updated_at)


def came_in() -> datetime | None:
    """When the callback in hand came in, whatever was written since; None without one."""
    kept = _in_hand.get()
    return None if kept is None else kept.received_at


def settle() -> None:
    """End the callback in hand, within the transaction of its effect. Raises TakenOver."""
    kept = _in_hand.get()
    if kept is None or kept.is_settled:
        return
    if not _end(kept):
        kept.is_lost = True
        raise TakenOver(str(kept.id))
    kept.is_settled = True


def finish(kept: Kept) -> None:
    """End a callback that asked for nothing more than was done and said."""
    if not (kept.is_settled or kept.is_lost or kept.is_left):
        _end(kept)


def drop() -> Dropped:
    """End the callback in hand after a fault, so that nobody tries it again once its sender was told
    that nothing happened."""
    kept = _in_hand.get()
    if kept is None:
        return Dropped.NOTHING
    try:
        if _end(kept):
            kept.is_settled = True
            return Dropped.NOTHING
        is_done = Knock.objects.filter(pk=kept.id, done_at__isnull=False).exists()
    except DatabaseError:
        kept.is_left = True
        return Dropped.UNKNOWN
    kept.is_settled, kept.is_lost = is_done, not is_done
    return Dropped.HAPPENED if is_done else Dropped.UNKNOWN


def put_back(kept: Kept, *, error: str) -> None:
    """Let it be tried again, later each time."""
    wait = BACK_OFF[min(kept.attempts, len(BACK_OFF)) - 1]
    Knock.objects.filter(pk=kept.id, attempts=kept.attempts, done_at=None).update(
        leased_until=Now() + wait, last_error=error[:2000]
    )


def is_still_held(kept: Kept) -> bool:
    """Whether the caller may begin; a hold that ran out while waiting is taken anew if it is free."""
    if time.monotonic() < kept.held_until:
        return True
    free = Knock.objects.filter(pk=kept.id, attempts=kept.attempts, done_at=None)
    if not free.filter(leased_until__lte=Now()).update(**_taken(kept.attempts + 1)):
        kept.is_lost = True
        return False
    kept.attempts += 1
    kept.held_until = _until(kept.attempts)
    return True


def do_due(*, limit: int = 20, now: Callable[[], datetime] = clock.now) -> int:
    """Work on what was left behind; returns how many were tried. Safe in many processes at once."""
    tried = 0
    while tried < limit and (kept := _claim(at=(at := now()))) is not None:
        _work(kept, at=at)
        tried += 1
    return tried


def forget_old(*, at: datetime) -> int:
    """Drop what is long out of every signature's tolerance, done or not."""
    gone, _ = Knock.objects.filter(received_at__lt=at - KEPT).delete()
    return gone


def _work(kept: Kept, *, at: datetime) -> None:
    doer: Doer = import_string(settings.KNOCKS[kept.provider])()
    is_hopeless = kept.attempts > len(BACK_OFF) or at - kept.received_at > OLDEST
    try:
        with in_hand(kept):
            if is_hopeless:
                logger.error("knock given up", knock=kept.id, attempts=kept.attempts)
                _end(kept)
                doer.give_up(kept)
            else:
                doer.do(kept)
    except Exception as error:  # a bug met in one must not stop the others
        logger.exception("knock failed", knock=kept.id, attempts=kept.attempts)
        put_back(kept, error=f"{type(error).__name__}: {error}")


def _claim(*, at: datetime) -> Kept | None:
    due = Knock.objects.filter(
        done_at=None, leased_until__lte=at, provider__in=list(settings.KNOCKS)
    )
    if not due.exists():
        return None  # as nearly always; a transaction would cost more, and on SQLite stop writers
    with transaction.atomic():
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True)
        row = due.order_by("id").first()
        if row is None:
            return None
        tries = row.attempts + 1
        Knock.objects.filter(pk=row.pk).update(**_taken(tries))
    return Kept(
        id=row.pk,
        provider=row.provider,
        body=bytes(row.body),
        facts=row.facts,
        received_at=row.received_at,
        attempts=tries,
        held_until=_until(tries),
    )


def _taken(tries: int) -> dict[str, Any]:
    """Held longer at each try: one that takes long must not be taken from everybody in turn."""
    return {"attempts": tries, "leased_until": Now() + LEASE * tries}


def _until(tries: int) -> float:
    return time.monotonic() + (LEASE * tries).total_seconds()


def _end(kept: Kept) -> bool:
    """Whether the caller still had it. What was said is not kept any longer than it is needed."""
    mine = Knock.objects.filter(pk=kept.id, attempts=kept.attempts, done_at=None)
    return bool(mine.update(done_at=Now(), leased_until=None, body=b"", facts={}))


def _connection() -> BaseDatabaseWrapper:
    """Connections of its own where there are any, unless the caller is within a transaction."""
    usual = connections["default"]
    if usual.in_atomic_block or OWN_CONNECTIONS not in settings.DATABASES:
        return usual
    return connections[OWN_CONNECTIONS]


def _moments(using: BaseDatabaseWrapper) -> tuple[tuple[str, str], list[Any]]:
    """The database's moment within the same statement; this machine's for a local file."""
    if using.vendor == "postgresql":
        lease = f"clock_timestamp() + interval '{LEASE.total_seconds()} seconds'"
        return ("clock_timestamp()", lease), []
    at = datetime.now(UTC)
    adapt = using.ops.adapt_datetimefield_value
    return ("%s", "%s"), [adapt(at), adapt(at + LEASE)]
