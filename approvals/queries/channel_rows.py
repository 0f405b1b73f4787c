"""What the rows of deliveries say of each channel: what arrived, what failed, what waits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count

from approvals.domain import channels
from approvals.models import Delivery
from approvals.models.outbox import DeliveryState

NEWEST = 5_000  # deliveries looked through; which day they reach back to is said where it matters
MOST = 1_000  # of those that wait, and of the dead, whose errors are read
UNFINISHED = (DeliveryState.WAITING.value, DeliveryState.DEAD.value)

Row = tuple[str, str, str, int, datetime, datetime, datetime | None, datetime | None, str]
COLUMNS = (
    "adapter", "address", "state", "attempts", "created_at", "due_at", "leased_until", "finished_at",
    "last_error",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something did not arrive; `mended` when it, or something later, did after all."""

    at: datetime
    to: str
    why: str
    fix: str
    mended: bool


@dataclass(slots=True)
class Seen:
    """What the rows of one channel say."""

    sent: list[tuple[datetime, datetime]] = field(default_factory=list)
    mended: list[Failure] = field(default_factory=list)
    reached: dict[str, datetime] = field(default_factory=dict)
    failing: list[tuple[datetime, str, Failure]] = field(default_factory=list)
    due_again: list[datetime] = field(default_factory=list)
    put_off: list[datetime] = field(default_factory=list)
    waiting: int = 0
    dead: int = 0


def seen(*, now: datetime) -> Mapping[str, Seen]:
    """What deliveries say: how many wait or are dead in all, and the rest from those due first, the dead
    given up last, and the newest of all."""
    found: dict[str, Seen] = defaultdict(Seen)
    columns = Delivery.objects.values_list(*COLUMNS)
    for adapter, state, count in _unfinished():
        there = found[channels.whole(adapter)]
        if state == DeliveryState.DEAD:
            there.dead += count
        else:
            there.waiting += count
    for row in columns.order_by("-pk")[:NEWEST]:
        if row[2] not in UNFINISHED:
            _arrived(found[channels.whole(row[0])], row)
    for row in columns.filter(state=DeliveryState.WAITING.value).order_by("due_at", "id")[:MOST]:
        _waits(found[channels.whole(row[0])], row, now=now)
    for row in columns.filter(state=DeliveryState.DEAD.value).order_by("-pk")[:MOST]:
        failure = _failure(row, at=row[7] or row[4])
        found[channels.whole(row[0])].failing.append((row[4], row[1], failure))
    return found


def _unfinished() -> Iterator[tuple[str, str, int]]:
    """How many of each adapter wait, and how many were given up; each read by its own small index."""
    for state in UNFINISHED:
        rows = Delivery.objects.filter(state=state).order_by().values_list("adapter", "state")
        yield from rows.annotate(Count("pk"))


def _arrived(seen: Seen, row: Row) -> None:
    _, address, state, _, created, _, _, finished, error = row
    if state != DeliveryState.SENT or finished is None:
        return
    seen.sent.append((created, finished))
    seen.reached[address] = max(seen.reached.get(address, finished), finished)
    if error:
        seen.mended.append(_failure(row, at=finished, mended=True))


def _waits(seen: Seen, row: Row, *, now: datetime) -> None:
    _, address, _, attempts, created, due, leased, _, error = row
    if error and not attempts:  # the vendor asked us to wait, which is no failure
        seen.put_off.append(due)
    if not (attempts and error):
        return
    failed_at = leased if leased is not None and leased <= now else created
    seen.failing.append((created, address, _failure(row, at=failed_at)))
    seen.due_again.append(due)


def _failure(row: Row, *, at: datetime, mended: bool = False) -> Failure:
    adapter, address, error = row[0], row[1], row[8]
    return Failure(
        at=at,
        to=channels.place(address),
        why=channels.reason(error),
        fix=channels.fix(adapter, error, address),
        mended=mended,
    )
