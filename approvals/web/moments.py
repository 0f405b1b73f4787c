"""Words about time: how long is left, what happens then, how long something took."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from approvals.domain.state import RequestState
from approvals.domain.terms import OnTimeout, Status

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SOON = 5 * MINUTE


@dataclass(frozen=True, slots=True)
class Deadline:
    """When the current time to decide ends, in words that do without colour."""

    at: datetime
    words: str
    then: str
    urgency: str
    is_paused: bool
    is_today: bool


def deadline(state: RequestState, *, now: datetime) -> Deadline:
    """What is left of the time to decide, and what happens at its end."""
    left = state.decide_by - now
    is_paused = state.status is Status.INVESTIGATING
    ends = state.paused_at + state.pause_left if is_paused and state.paused_at else state.decide_by
    return Deadline(
        at=ends,
        words=left_in_words(left),
        then=_then(state),
        urgency="calm" if is_paused or left >= SOON else "soon" if left >= MINUTE else "now",
        is_paused=is_paused,
        is_today=ends.date() == now.date(),
    )


def left_in_words(left: timedelta) -> str:
    """Minutes until five are left, then seconds; never zero, which only the service can say."""
    if left <= timedelta(0):
        return "Time is up"
    minutes, seconds = divmod(int(left.total_seconds()), 60)
    if left < MINUTE:
        return f"Under 1 min · {minutes}:{seconds:02} left"
    if left < SOON:
        return f"Under 5 min · {minutes}:{seconds:02} left"
    return f"{span(left)} left"


def left_spoken(left: timedelta) -> str:
    """As it is said aloud: whole minutes, so that a name does not change at every second."""
    if left <= timedelta(0):
        return "time is up"
    minutes = left // MINUTE
    if not minutes:
        return "under a minute left"
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    told = [(days, "day"), (hours, "hour"), (0 if days else minutes, "minute")]
    return " ".join([*(_of(count, unit) for count, unit in told if count), "left"])


def span(length: timedelta) -> str:
    """A length of time in its two largest units."""
    seconds = int(length.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    if length < HOUR:
        return f"{seconds // 60} min"
    if length < DAY:
        return _two(seconds // 3600, "h", seconds % 3600 // 60, "min")
    days = seconds // 86400
    return _two(days, "day" if days == 1 else "days", seconds % 86400 // 3600, "h")


def day_and_time(at: datetime, *, now: datetime) -> str:
    """A moment as sentences bear it: with its day of the week, or with its year where that is another."""
    at = at.astimezone(UTC)
    form = "%a %-d %b, %H:%M" if at.year == now.astimezone(UTC).year else "%-d %b %Y, %H:%M"
    return f"{at.strftime(form)} UTC"


def _of(count: int, unit: str) -> str:
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit} {small} {small_unit}" if small else f"{large} {large_unit}"


def _then(state: RequestState) -> str:
    if state.rung + 1 < len(state.current.rungs) and state.decide_by < state.expires_at:
        return "then more people are asked"
    if state.current.on_timeout is OnTimeout.APPROVE:
        return "then silence approves it"
    return "then it expires"
