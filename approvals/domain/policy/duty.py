"""When the people of a team are there: hours of the week, and the gaps between them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from approvals.domain.policy.reading import Place, Value, nearest

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY, WEEK = 24 * 60, 7 * 24 * 60
UTC = "UTC"
GAPS_SHOWN = 7
_HOURS = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])\s*-\s*([01]?[0-9]|2[0-4]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class Duty:
    """On these days (0 is Monday) from `start` to `end`, in minutes after midnight of the time zone.

    An `end` at or before the `start` is on the next day.
    """

    days: tuple[int, ...]
    start: int
    end: int
    timezone: str
    place: Place


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody is there from one minute of the week to another, counted from Monday 00:00."""

    start: int
    length: int

    @property
    def span(self) -> timedelta:
        return timedelta(minutes=self.length)

    def __str__(self) -> str:
        return f"{_moment(self.start)} and {_moment(self.start + self.length)}"


def read(value: Value) -> Duty:
    """One item of `on_duty`. `days` defaults to all of them, `timezone` to UTC. Raises PolicyInvalid."""
    body = value.mapping("days", "hours", "timezone")
    if "hours" not in body:
        raise value.fail("'hours' is missing, such as \"08:00-18:00\"")
    start, end = _hours(body["hours"])
    return Duty(
        days=_days(body["days"]) if "days" in body else tuple(range(7)),
        start=start,
        end=end,
        timezone=_zone(body["timezone"]) if "timezone" in body else UTC,
        place=value.place,
    )


def gaps(duties: Sequence[Duty], *, at: datetime | None) -> tuple[str, tuple[Gap, ...]]:
    """The time zone they are told in, and every stretch of the week with nobody there, longest first.

    Hours of one zone are compared as they stand. Hours of several are told in UTC, by the offsets they
    have at this moment; without a moment nothing is told of them.
    """
    zones = {duty.timezone for duty in duties}
    if len(zones) == 1:
        return zones.pop(), _free(_there(duties, None))
    if not zones or at is None:
        return UTC, ()
    return UTC, _free(_there(duties, at))


def listed(gaps: Sequence[Gap]) -> str:
    """The first of them in words, and how many more."""
    shown = "; ".join(str(gap) for gap in gaps[:GAPS_SHOWN])
    more = len(gaps) - GAPS_SHOWN
    return f"{shown}; and {more} times more" if more > 0 else shown


def _there(duties: Iterable[Duty], at: datetime | None) -> list[tuple[int, int]]:
    """From and until, in minutes of the week; what runs over Sunday's end is cut in two."""
    found: list[tuple[int, int]] = []
    for duty in duties:
        length = duty.end - duty.start + (DAY if duty.end <= duty.start else 0)
        offset = at and at.astimezone(ZoneInfo(duty.timezone)).utcoffset()
        ahead = int((offset or timedelta(0)).total_seconds() // 60)
        for day in duty.days:
            start = (day * DAY + duty.start - ahead) % WEEK
            found.append((start, min(start + length, WEEK)))
            if start + length > WEEK:
                found.append((0, start + length - WEEK))
    return sorted(found)


def _free(there: Sequence[tuple[int, int]]) -> tuple[Gap, ...]:
    found: list[Gap] = []
    reached = 0
    for start, end in [*there, (WEEK, WEEK)]:
        if start > reached:
            found.append(Gap(reached, start - reached))
        reached = max(reached, end)
    if len(found) > 1 and found[0].start == 0 and found[-1].start + found[-1].length == WEEK:
        last = found.pop()
        found[0] = Gap(last.start, last.length + found[0].length)
    return tuple(sorted(found, key=lambda gap: (-gap.length, gap.start)))


def _days(value: Value) -> tuple[int, ...]:
    """`mon-fri`, `sat`, `mon, wed`, or a list of such."""
    texts = value.texts() if isinstance(value.plain, list) else (value.text(),)
    found: set[int] = set()
    for text in (part.strip().lower() for each in texts for part in each.split(",")):
        first, _, last = (part.strip() for part in text.partition("-"))
        for day in (first, last or first):
            if day not in DAYS:
                raise value.unknown(day, DAYS)
        start, end = DAYS.index(first), DAYS.index(last or first)
        found |= {day % 7 for day in range(start, end + 1 if end >= start else end + 8)}
    if not found:
        raise value.fail("days such as mon-fri are wanted here")
    return tuple(sorted(found))


def _hours(value: Value) -> tuple[int, int]:
    match = _HOURS.fullmatch(value.plain.strip()) if isinstance(value.plain, str) else None
    if match is None:
        raise value.fail('hours such as "08:00-18:00" are wanted here')
    first, first_minute, last, last_minute = (int(part) for part in match.groups())
    start, end = first * 60 + first_minute, last * 60 + last_minute
    if start >= DAY or end > DAY or start == end:
        raise value.fail('hours lie between 00:00 and 24:00; a whole day is "00:00-24:00"')
    return start, end


def _zone(value: Value) -> str:
    name = value.text()
    try:
        return ZoneInfo(name).key
    except (OSError, ValueError, LookupError):
        near = nearest(name, available_timezones())
    hint = f"; did you mean {near!r}?" if near else "; write one such as Europe/Berlin"
    raise value.fail(f"the time zone {name[:80]!r} is not known here{hint}", suggestion=near)


def _moment(minute: int) -> str:
    day, rest = divmod(minute % WEEK, DAY)
    return f"{DAYS[day].capitalize()} {rest // 60:02}:{rest % 60:02}"
