"""Pages by key: where the last row stood, not how many rows came before it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from approvals.models import ApprovalRequest

PER_PAGE = 50
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST = 10**16  # behind every number, for orders that count down


class Place(NamedTuple):
    """Where a row stands in the queue: critical first, then the least time left."""

    rank: int
    decide_by: datetime
    number: int


def whole(text: str) -> int | None:
    """A whole number as an address says it, such as where a page begins; None for nonsense."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def place(row: ApprovalRequest) -> Place:
    return Place(int(row.risk != "critical"), row.decide_by, row.number)


def to_text(stand: Place) -> str:
    microseconds = (stand.decide_by - EPOCH) // timedelta(microseconds=1)
    return f"{stand.rank}.{microseconds}.{stand.number}"


def from_text(text: str) -> Place | None:
    """The place a cursor names; None for nonsense, which means the first page."""
    parts = text.split(".")
    if len(parts) != 3 or not all(p.isascii() and p.isdigit() and len(p) < 18 for p in parts):
        return None
    try:
        return Place(int(parts[0]), EPOCH + timedelta(microseconds=int(parts[1])), int(parts[2]))
    except OverflowError:
        return None
