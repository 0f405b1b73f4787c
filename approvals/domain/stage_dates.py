"""When a stage of autonomy begins and ends, as people agree to it and as it counts at a moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from approvals.domain import errors
from approvals.domain.terms import Stage

LONGEST_AHEAD = timedelta(days=366)
STARTS, ENDS, THEN = "starts", "ends", "then"
NOTHING = "Nothing was asked and nothing was changed."


@dataclass(frozen=True, slots=True)
class Dates:
    """From when until when; without a start at once, without an end for good."""

    starts: datetime | None = None
    ends: datetime | None = None

    def __bool__(self) -> bool:
        return self.starts is not None or self.ends is not None

    def to_json(self) -> dict[str, str]:
        """As they stand in the parameters people approve; what was not named is absent."""
        named = {STARTS: self.starts, ENDS: self.ends}
        return {
            name: at.astimezone(UTC).isoformat().replace("+00:00", "Z")
            for name, at in named.items()
            if at is not None
        }


def kept(parameters: Mapping[str, Any]) -> Dates:
    """The dates of a request as `to_json` wrote them."""
    starts, ends = (parameters.get(name) for name in (STARTS, ENDS))
    return Dates(
        datetime.fromisoformat(starts) if starts else None,
        datetime.fromisoformat(ends) if ends else None,
    )


def read(text: str, *, field: str) -> datetime | None:
    """A moment as somebody typed it, UTC unless it says its zone; None for nothing. Raises Invalid."""
    if not text.strip():
        return None
    try:
        found = datetime.fromisoformat(text.strip())
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        words = "Write the moment as 2026-12-01T09:00, in UTC."
        raise errors.Invalid(f"{words} {NOTHING}", field=field) from None


def refuse_odd(dates: Dates, *, at: datetime) -> None:
    """Raises Invalid for a start that is over or too far away, or an end before the start."""
    starts, ends = dates.starts, dates.ends
    if starts is not None and starts <= at:
        words = "The start is over already: choose a later one, or none to begin once people agree."
        raise errors.Invalid(f"{words} {NOTHING}", field=STARTS)
    if starts is not None and starts - at > LONGEST_AHEAD:
        words = f"A stage begins within {LONGEST_AHEAD.days} days from now."
        raise errors.Invalid(f"{words} {NOTHING}", field=STARTS)
    if ends is not None and ends <= (starts or at):
        words = "The end comes after the start, and after now."
        raise errors.Invalid(f"{words} {NOTHING}", field=ENDS)


def counts_as(stage: str, falls_to: str, ends_at: datetime | None, *, at: datetime) -> Stage:
    """The stage at a moment: from its end on the one it falls to, which never is a higher one."""
    if ends_at is None or at < ends_at:
        return Stage(stage)
    return lower(Stage(stage), Stage(falls_to))


def lower(one: Stage, other: Stage) -> Stage:
    """The stage of two that allows less."""
    return min(one, other, key=lambda each: each.rank)


def words(dates: Dates, then: Stage | None) -> str:
    """` from … until …, then …`, as a sentence goes on; empty without dates."""
    said = f" from {moment(dates.starts)}" if dates.starts else ""
    if dates.ends is None:
        return said
    return f"{said} until {moment(dates.ends)}, then {then}"


def moment(at: datetime) -> str:
    """A day and a time of day as people read them; always UTC."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y %H:%M} UTC"
