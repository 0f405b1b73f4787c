"""What a card is put together from, made safe to draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from approvals.domain.display import Shown
from approvals.domain.terms import Verdict


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and a value, both ours."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class CheckLine:
    """A check of ours: `mark` is OK, CAUTION or COULD NOT CHECK."""

    mark: str
    words: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """A verdict with its comment, made safe to draw."""

    by: str
    verdict: Verdict
    shown: Shown
    at: datetime
    channel: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A message of the question thread, made safe to draw."""

    by: str
    from_agent: bool
    shown: Shown
    at: datetime


def left_out(count: int, which: str = "more") -> Sequence[str]:
    """The line that says how many a card leaves to the request's page; none where it leaves none."""
    return (f"and {count} {which}, on the full request",) if count > 0 else ()
