"""Going away with one press: ends that people mean most, in their own zone, and who stood in last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from approvals.domain.policy import duty
from approvals.domain.policy.documents import PolicySet
from approvals.models import Absence, Person
from approvals.services import quiet

MORNING = time(9)
DAY, WEEK = timedelta(days=1), timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Preset:
    """An end as its button says it. `until` is the moment in UTC that the button sends: what was read
    is what is set, however long the page stood open."""

    words: str
    told: str
    until: str


def of(
    person: Person, served: Sequence[str], policy: PolicySet | None, now: datetime
) -> list[Preset]:
    """Until tomorrow morning, until Monday morning, for a week; each end once."""
    zone = _zone(person, served, policy, now)
    here = now.astimezone(ZoneInfo(zone))
    tomorrow = here.date() + DAY
    monday = here.date() + DAY * (7 - here.weekday())
    found = [("Until tomorrow 09:00", datetime.combine(tomorrow, MORNING, here.tzinfo))]
    if monday != tomorrow:
        found.append(("Until Monday 09:00", datetime.combine(monday, MORNING, here.tzinfo)))
    found.append(("For a week", datetime.combine(here.date() + WEEK, here.time(), here.tzinfo)))
    return [_preset(words, end.replace(second=0, microsecond=0), zone) for words, end in found]


def _preset(words: str, end: datetime, zone: str) -> Preset:
    utc = end.astimezone(UTC)
    told = f"{utc:%a} {utc.day} {utc:%b, %H:%M} UTC"
    if zone != "UTC":
        told = f"{end:%a} {end.day} {end:%b, %H:%M} {zone}, {utc:%H:%M} UTC"
    return Preset(words, told, f"{utc:%Y-%m-%dT%H:%M}")


def _zone(person: Person, served: Sequence[str], policy: PolicySet | None, now: datetime) -> str:
    """Where somebody's day is: by their quiet hours, else by their team's hours, else UTC."""
    kept = quiet.of(person)
    if kept is not None:
        return kept.zone
    teams = [policy.teams[name] for name in served if name in policy.teams] if policy else []
    return next((duty.gaps(team.on_duty, at=now)[0] for team in teams if team.on_duty), "UTC")


def stood_in_last(person: Person, could: Sequence[Person]) -> str:
    """The address of who stood in the last time, where they still may."""
    last = Absence.objects.filter(person=person).order_by("-starts_at", "-pk").first()
    wanted = last.stand_in_id if last else None
    return next((each.email for each in could if each.pk == wanted), "")
