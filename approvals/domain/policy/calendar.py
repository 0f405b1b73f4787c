"""Hours of the day and days of the week, each in a time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from approvals.domain.policy.reading import Value

NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_HOURS = re.compile(r"(?P<start>[0-9:]{4,5})\s*-\s*(?P<end>[0-9:]{4,5})(\s+(?P<zone>\S{1,64}))?")
_ZONED = re.compile(r"(?P<days>[a-z,\s-]+?)(\s+(?P<zone>[A-Z]\S{0,63}))?")


@dataclass(frozen=True, slots=True)
class Hours:
    """From `start`, which is within, to `end`, which is not; over midnight when it is the earlier."""

    start: time
    end: time
    zone: str

    def local(self, now: datetime) -> datetime:
        return now.astimezone(ZoneInfo(self.zone))

    def cover(self, now: datetime) -> bool:
        clock = self.local(now).time()
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end

    def __str__(self) -> str:
        return f"{self.start:%H:%M} and {self.end:%H:%M} {self.zone}"


@dataclass(frozen=True, slots=True)
class Days:
    """Days of the week, Monday is 0."""

    days: frozenset[int]
    zone: str

    def local(self, now: datetime) -> datetime:
        return now.astimezone(ZoneInfo(self.zone))

    def cover(self, now: datetime) -> bool:
        return self.local(now).weekday() in self.days

    def __str__(self) -> str:
        return f"{', '.join(NAMES[day] for day in sorted(self.days))} {self.zone}"


def read_hours(value: Value) -> Hours:
    """`08:00-18:00 Europe/Berlin`. Raises PolicyInvalid."""
    match = _HOURS.fullmatch(value.text().strip())
    clocks = [_CLOCK.fullmatch(match[end]) for end in ("start", "end")] if match else []
    if match is None or clocks[0] is None or clocks[1] is None:
        raise value.fail("hours such as 08:00-18:00 Europe/Berlin are wanted here")
    start, end = (time(int(clock[1]), int(clock[2])) for clock in clocks if clock)
    if start == end:
        raise value.fail("hours that begin when they end are none; leave them out for any time")
    return Hours(start, end, _zone(value, match["zone"]))


def read_days(value: Value) -> Days:
    """`mon-fri`, `mon, wed Europe/Berlin`, or a list of days (in UTC). Raises PolicyInvalid."""
    if isinstance(value.plain, list):
        words = [item.one_of(*NAMES) for item in value.items()]
        return Days(frozenset(NAMES.index(word) for word in words) or _none(value), "UTC")
    match = _ZONED.fullmatch(value.text().strip())
    if match is None:
        return Days(_none(value), "UTC")
    parts = [part for part in re.split(r"[,\s]+", match["days"]) if part]
    return Days(
        frozenset(day for part in parts for day in _span(value, part)) or _none(value),
        _zone(value, match["zone"]),
    )


def _span(value: Value, part: str) -> list[int]:
    first, to, last = part.partition("-")
    ends = (first, last if to else first)
    if not set(ends) <= set(NAMES):
        _none(value)
    start, end = map(NAMES.index, ends)
    return [(start + step) % 7 for step in range((end - start) % 7 + 1)]


def _none(value: Value) -> frozenset[int]:
    raise value.fail(f"days such as mon-fri or [mon, wed] are wanted here, of {', '.join(NAMES)}")


def _zone(value: Value, name: str | None) -> str:
    try:
        return ZoneInfo(name or "UTC").key
    except (OSError, ValueError, LookupError):
        raise value.fail(f"the time zone {name!r} is not known here") from None
