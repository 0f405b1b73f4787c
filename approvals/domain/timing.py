"""Spans of time as people write them, and the timers a request needs now, derived from its state."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from approvals.domain.state import RequestState
from approvals.domain.terms import Status, TimerKind

LONGEST = timedelta(days=30)
_SPAN = re.compile(r"([0-9]{1,7})\s*(s|m|h|d)")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def span(text: object) -> timedelta:
    """A span such as `30s`, `5m`, `4h` or `1d`, or whole seconds as a number.

    Raises ValueError, in words, for anything else, for nothing, and for more than 30 days.
    """
    match = _SPAN.fullmatch(f"{text}s" if type(text) is int else str(text))
    if match is None:
        raise ValueError("a span of time such as 30s, 5m, 4h or 1d is wanted here")
    seconds = int(match[1]) * _UNITS[match[2]]
    if not 0 < seconds <= LONGEST.total_seconds():
        raise ValueError(f"a span of time must be more than nothing and at most {LONGEST.days}d")
    return timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Due:
    """Something that must happen at `at`."""

    kind: TimerKind
    at: datetime


def timers(state: RequestState) -> tuple[Due, ...]:
    """All open promises about time: reminder, deadline, end of a pause, end of an unused grant."""
    if state.status is Status.APPROVED:
        return _grant(state)
    if state.status.is_final:
        return ()
    if state.paused_at:
        return (Due(TimerKind.RESUME, state.paused_at + state.pause_left),)
    return (*_reminder(state), Due(TimerKind.DEADLINE, state.decide_by))


def _grant(state: RequestState) -> tuple[Due, ...]:
    if state.grant is None or state.grant.consumed_at or state.grant.lapsed:
        return ()
    return (Due(TimerKind.GRANT_EXPIRY, state.grant.expires_at),)


def _reminder(state: RequestState) -> tuple[Due, ...]:
    moment = state.next_reminder
    return (Due(TimerKind.REMIND, moment),) if moment else ()
