"""Quiet hours: a daily span in somebody's own zone in which nothing of low risk is sent to them in person.

Channels and the queue have it all the same, and whatever has a higher risk always comes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import transaction

from approvals.domain import errors
from approvals.domain.terms import RiskLevel
from approvals.models import Person
from approvals.models.desk import Preferences

NAME = "quiet"
NOTHING = "Nothing was changed."
LONGEST_ZONE = 60
TIME = re.compile(r"[0-9]{2}:[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Hours:
    """From one time of day until another, over midnight where that is earlier; `zone` as IANA names it."""

    begins: time
    ends: time
    zone: str

    def holds(self, at: datetime) -> bool:
        now = at.astimezone(ZoneInfo(self.zone)).time()
        if self.begins < self.ends:
            return self.begins <= now < self.ends
        return now >= self.begins or now < self.ends


def of(person: Person) -> Hours | None:
    """This person's quiet hours, if they keep any."""
    row = Preferences.objects.filter(person=person).first()
    return _read((row.chosen if row else {}).get(NAME))


def keep(*, person: Person, begins: str, ends: str, zone: str, at: datetime) -> Hours | None:
    """Keep these quiet hours, or none where both times are empty. Raises Invalid in words."""
    wanted = _wanted(begins.strip(), ends.strip(), zone.strip() or "UTC")
    with transaction.atomic():
        Preferences.objects.get_or_create(person=person, defaults={"changed_at": at})
        row = Preferences.objects.select_for_update().get(person=person)
        chosen = {name: value for name, value in row.chosen.items() if name != NAME}
        if wanted is not None:
            chosen[NAME] = {
                "begins": f"{wanted.begins:%H:%M}", "ends": f"{wanted.ends:%H:%M}", "zone": wanted.zone,
            }  # fmt: skip
        row.chosen, row.changed_at = chosen, at
        row.save(update_fields=["chosen", "changed_at"])
    return wanted


def resting(people: Iterable[int], *, risk: RiskLevel, at: datetime) -> frozenset[int]:
    """Those of these people who want nothing of this risk now; one statement, and none above low."""
    if risk is not RiskLevel.LOW:
        return frozenset()
    rows = Preferences.objects.filter(person__in=list(people)).values_list("person", "chosen")
    return frozenset(
        number for number, chosen in rows if (hours := _read(chosen.get(NAME))) and hours.holds(at)
    )


def zones(people: Iterable[int]) -> dict[int, ZoneInfo]:
    """The time zone of those of these people who said theirs, with their quiet hours; one statement."""
    rows = Preferences.objects.filter(person__in=list(people)).values_list("person", "chosen")
    kept = {number: _read(chosen.get(NAME)) for number, chosen in rows}
    return {number: ZoneInfo(hours.zone) for number, hours in kept.items() if hours}


def _wanted(begins: str, ends: str, zone: str) -> Hours | None:
    if not begins and not ends:
        return None
    found = _read({"begins": begins, "ends": ends, "zone": zone})
    if found is not None:
        return found
    if not _is_zone(zone):
        raise errors.Invalid(
            f"{zone[:LONGEST_ZONE]!r} is no time zone, such as Europe/Berlin. {NOTHING}",
            field="zone",
        )
    words = "Write both times of day, such as 22:00 and 07:00, and not the same."
    raise errors.Invalid(f"{words} {NOTHING}", field="begins")


def _read(kept: Any) -> Hours | None:
    """What is kept, where it is whole: quiet hours that nobody understands keep nothing from anybody."""
    if not isinstance(kept, Mapping) or not _is_zone(str(kept.get("zone", ""))):
        return None
    try:
        begins, ends = (_time(str(kept.get(name, ""))) for name in ("begins", "ends"))
    except ValueError:
        return None
    return Hours(begins, ends, str(kept["zone"])) if begins != ends else None


def _time(text: str) -> time:
    if not TIME.fullmatch(text):
        raise ValueError(text)
    return time.fromisoformat(text)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return 0 < len(name) <= LONGEST_ZONE
