"""Who is on call for a team at a moment: a change by hand, its schedule as last heard, or who stands in.

Vendors are asked by the looks of their adapters and never while somebody waits. What they said is kept
for `FRESH`; from then on the team named as fallback is asked, and the request says so. Plans ask whoever
is on call under a name of their own (`policy.on_call.seat`), a team whose people `settle` keeps right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import transaction

from approvals.domain.policy import on_call
from approvals.domain.policy.on_call import Schedule
from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.policy.teams import LONGEST_TITLE, TeamDocument
from approvals.domain.state import clock
from approvals.domain.terms import EventKind
from approvals.models import Person, Place, ShiftOverride, Team, TeamMember
from approvals.services import actors, audit, policies

FRESH = timedelta(minutes=15)
KEPT_AS = "on_call"  # the adapter whose places hold what schedules said


class Source(StrEnum):
    """Why these people: `by_hand` beats `schedule`; `fallback` when neither names anybody."""

    BY_HAND = "by_hand"
    SCHEDULE = "schedule"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True)
class Shift:
    """Somebody a schedule names: their account there, the person it belongs to, and until when."""

    name: str
    person: int | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class OnCall:
    """Who is on call for a team. `why` is a sentence for people, said where `source` is fallback."""

    team: str
    people: tuple[Person, ...]
    source: Source
    why: str = ""
    until: datetime | None = None


def who(team: str, *, at: datetime) -> OnCall:
    """Who is on call for this team at this moment, by what is known here; asks nobody else.

    A shift by hand gives its right only to a member; a schedule may seat people of other teams.
    """
    document = _documents().get(team)
    shifts = (
        ShiftOverride.objects.filter(
            team__name=team, ended_at=None, starts_at__lte=at, ends_at__gt=at
        )
        .filter(person__is_active=True, person__memberships__team__name=team)
        .select_related("person")
        .order_by("id")
    )
    if by_hand := list(shifts):
        people = tuple({shift.person_id: shift.person for shift in by_hand}.values())
        return OnCall(team, people, Source.BY_HAND, until=min(s.ends_at for s in by_hand))
    if document is None or document.on_call is None:
        return _standing_in(team, document, "No schedule says who is on call.")
    return _by_schedule(document, document.on_call, at=at)


def schedules(provider: str) -> list[str]:
    """The schedules of this provider that the policy in force wants to know about."""
    wanted = [document.on_call for document in _documents().values() if document.on_call]
    return sorted({each.id for each in wanted if each.provider == provider})


def remember(*, provider: str, schedule: str, shifts: Sequence[Shift], at: datetime) -> None:
    """Keep what a schedule says now; who is on call follows at once."""
    told = [
        {
            "name": shift.name[:120],
            "person": shift.person,
            "until": shift.until.isoformat() if shift.until else None,
        }
        for shift in shifts
    ]
    Place.objects.update_or_create(
        adapter=KEPT_AS,
        external_id=f"{provider}:{schedule}",
        defaults={"handle": {"shifts": told}, "seen_at": at, "left_at": None},
    )
    settle(at=at)


def settle(*, at: datetime) -> int:
    """Let the people whom plans ask be those on call now; returns for how many teams that changed.

    Cheap while nothing changes, and safe in many processes at once.
    """
    wanted = [document for document in _documents().values() if document.on_call]
    return sum(_settle(document, at=at) for document in wanted)


def _documents() -> dict[str, TeamDocument]:
    try:
        return dict(policies.current().teams)
    except (policies.NoPolicy, PolicyInvalid):
        return {}


def _by_schedule(document: TeamDocument, schedule: Schedule, *, at: datetime) -> OnCall:
    kept = Place.objects.filter(
        adapter=KEPT_AS, external_id=f"{schedule.provider}:{schedule.id}"
    ).first()
    provider = _title(schedule.provider)
    if kept is None:
        return _standing_in(document.name, document, f"{provider} was never heard.")
    if kept.seen_at <= at - FRESH:
        return _standing_in(
            document.name, document, f"{provider} was last heard at {clock(kept.seen_at)}."
        )
    shifts = [shift for shift in map(_shift, kept.handle.get("shifts") or ()) if _lasts(shift, at)]
    known = [shift.person for shift in shifts if shift.person is not None]
    people = tuple(Person.objects.filter(pk__in=known, is_active=True).order_by("name", "pk"))
    if not people:
        names = " and ".join(shift.name for shift in shifts)
        why = f"{names} of {provider} is nobody known here." if names else "Nobody has the shift."
        return _standing_in(document.name, document, why)
    ends = [shift.until for shift in shifts if shift.until]
    return OnCall(document.name, people, Source.SCHEDULE, until=min(ends, default=None))


def _standing_in(team: str, document: TeamDocument | None, why: str) -> OnCall:
    asked = document.fallback if document is not None and document.fallback else team
    people = Person.objects.filter(is_active=True, memberships__team__name=asked)
    return OnCall(team, tuple(people.order_by("name", "pk")), Source.FALLBACK, why)


def _shift(told: dict[str, Any]) -> Shift:
    until = told.get("until")
    return Shift(
        str(told["name"]), told.get("person"), datetime.fromisoformat(until) if until else None
    )


def _lasts(shift: Shift, at: datetime) -> bool:
    return shift.until is None or shift.until > at


def _settle(document: TeamDocument, *, at: datetime) -> bool:
    found = who(document.name, at=at)
    title, people = _titled(document, found), {person.pk for person in found.people}
    seat = on_call.seat(document.name)
    if _stands(seat, title, people):
        return False
    with transaction.atomic():
        Team.objects.get_or_create(name=seat, defaults={"title": title})
        team = Team.objects.select_for_update().get(name=seat)
        before = set(TeamMember.objects.filter(team=team).values_list("person_id", flat=True))
        if team.title == title and before == people:
            return False
        Team.objects.filter(pk=team.pk).update(title=title)
        TeamMember.objects.filter(team=team).exclude(person_id__in=people).delete()
        TeamMember.objects.bulk_create(
            [TeamMember(team=team, person_id=person) for person in sorted(people - before)]
        )
        detail = {
            "team": document.name,
            "on_call": [person.email for person in found.people],
            "source": found.source.value,
            "why": found.why,
        }
        audit.append_service(EventKind.SHIFT_CHANGED, actor=actors.SYSTEM, at=at, detail=detail)
    return True


def _stands(seat: str, title: str, people: set[int]) -> bool:
    team = Team.objects.filter(name=seat).first()
    if team is None or team.title != title:
        return False
    return set(TeamMember.objects.filter(team=team).values_list("person_id", flat=True)) == people


def _titled(document: TeamDocument, found: OnCall) -> str:
    """What requests call whoever is asked; who stands in is said there, for as long as it is so."""
    if found.source is not Source.FALLBACK:
        return f"{document.title} on call"[:LONGEST_TITLE]
    stand_in = _documents().get(document.fallback or "")
    asked = stand_in.title if stand_in else f"all of {document.title}"
    return f"{asked}, for {document.title} on call: {found.why.removesuffix('.')}"[:LONGEST_TITLE]


def _title(provider: str) -> str:
    return {"pagerduty": "PagerDuty"}.get(provider, provider)
