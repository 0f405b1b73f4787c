"""Who is on call next for somebody's teams: by shifts that were set by hand, and by what schedules said.

For reading alone: nobody is asked, and nobody gains a right, by what stands here. What a schedule says of
its next shift is asked beside all waiting, like who has it now, and believed as long.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F

from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.policy.teams import TeamDocument
from approvals.models import Person, Place, ShiftOverride, absences
from approvals.services import policies
from approvals.services.on_call import FRESH, KEPT_AS, Shift

KEPT_NEXT_AS = "on_call_next"  # the adapter whose places hold what schedules said of the next shift
ASKED_EVERY = timedelta(minutes=5)
MOST_SHIFTS = 200


@dataclass(frozen=True, slots=True)
class Next:
    """These people are on call for a team from this moment on; `away` are those away at it.

    `is_one_of_several` says that others of these teams have shifts too.
    """

    team: str
    people: tuple[Person, ...]
    starts_at: datetime
    away: frozenset[int]
    is_one_of_several: bool


@dataclass(frozen=True, slots=True)
class Span:
    """Somebody has a shift, from a moment on until another; None where nobody said when it ends."""

    person: int
    starts_at: datetime
    ends_at: datetime | None

    def holds(self, at: datetime) -> bool:
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)


@dataclass(frozen=True, slots=True)
class Team:
    """What is known of one team's shifts: those by hand go before those of its schedule."""

    name: str
    by_hand: tuple[Span, ...]
    scheduled: tuple[Span, ...]

    def at(self, moment: datetime) -> frozenset[int]:
        for spans in (self.by_hand, self.scheduled):
            if found := frozenset(span.person for span in spans if span.holds(moment)):
                return found
        return frozenset()

    def following(self, now: datetime) -> tuple[datetime, frozenset[int]] | None:
        """The first moment from which others are known to be on call than now."""
        spans = (*self.by_hand, *self.scheduled)
        moments = {span.starts_at for span in spans} | {s.ends_at for s in spans if s.ends_at}
        present = self.at(now)
        for moment in sorted(each for each in moments if each > now):
            found = self.at(moment)
            if found and found != present:
                return moment, found
        return None


def is_wanted(*, provider: str, schedule: str, starts_at: datetime, at: datetime) -> bool:
    """Whether a schedule must be asked again who has the shift that starts then."""
    kept = Place.objects.filter(adapter=KEPT_NEXT_AS, external_id=f"{provider}:{schedule}").first()
    if kept is None or kept.seen_at <= at - ASKED_EVERY:
        return True
    return bool(kept.handle.get("starts_at") != starts_at.isoformat())


def remember(
    *, provider: str, schedule: str, starts_at: datetime, shifts: Sequence[Shift], at: datetime
) -> None:
    """Keep who has the shift that starts then, as the schedule says now."""
    told = [
        {"person": shift.person, "until": shift.until.isoformat() if shift.until else None}
        for shift in shifts
        if shift.person is not None
    ]
    Place.objects.update_or_create(
        adapter=KEPT_NEXT_AS,
        external_id=f"{provider}:{schedule}",
        defaults={
            "handle": {"starts_at": starts_at.isoformat(), "shifts": told},
            "seen_at": at,
            "left_at": None,
        },
    )


def of(names: Collection[str], *, at: datetime) -> Next | None:
    """The first change of shift in these teams; None where nothing is known. At most five statements."""
    documents = _documents(names)
    teams = [*_teams(names, documents, at=at)]
    found = [(change, team) for team in teams if (change := team.following(at)) is not None]
    if not found:
        return None
    (moment, numbers), team = min(found, key=lambda each: (each[0][0], each[1].name))
    people = tuple(Person.objects.filter(pk__in=numbers, is_active=True).order_by("name", "pk"))
    if not people:
        return None
    gone = absences.in_force(moment).filter(person__in=people).values_list("person_id", flat=True)
    title = documents[team.name].title if team.name in documents else team.name
    return Next(title, people, moment, frozenset(gone), len(teams) > 1)


def _documents(names: Collection[str]) -> dict[str, TeamDocument]:
    try:
        known = policies.current().teams
    except (policies.NoPolicy, PolicyInvalid):
        return {}
    return {name: known[name] for name in sorted(names) if name in known}


def _teams(
    names: Collection[str], documents: Mapping[str, TeamDocument], *, at: datetime
) -> Iterable[Team]:
    by_hand: dict[str, list[Span]] = {}
    for row in _overrides(names, at=at):
        span = Span(row.person_id, row.starts_at, row.ends_at)
        by_hand.setdefault(row.team.name, []).append(span)
    wanted = {
        name: f"{document.on_call.provider}:{document.on_call.id}"
        for name, document in documents.items()
        if document.on_call
    }
    said = _said(wanted.values(), at=at) if wanted else {}
    for name in sorted({*by_hand, *wanted}):
        scheduled = tuple(said.get(wanted.get(name, ""), ()))
        yield Team(name, tuple(by_hand.get(name, ())), scheduled)


def _overrides(names: Collection[str], *, at: datetime) -> Iterable[ShiftOverride]:
    """Shifts by hand that are not over, of members who are active, as `on_call.who` counts them."""
    rows = ShiftOverride.objects.filter(
        team__name__in=names, ended_at=None, ends_at__gt=at, person__is_active=True,
        person__memberships__team=F("team"),
    )  # fmt: skip
    return rows.select_related("team").order_by("starts_at", "pk")[:MOST_SHIFTS]


def _said(schedules: Iterable[str], *, at: datetime) -> dict[str, list[Span]]:
    """What these schedules said lately, of now and of their next shift; one statement."""
    rows = Place.objects.filter(
        adapter__in=(KEPT_AS, KEPT_NEXT_AS), external_id__in=set(schedules), seen_at__gt=at - FRESH
    )
    found: dict[str, list[Span]] = {}
    for row in rows:
        is_next = row.adapter == KEPT_NEXT_AS
        starts_at = datetime.fromisoformat(row.handle["starts_at"]) if is_next else row.seen_at
        found.setdefault(row.external_id, []).extend(_spans(row.handle, starts_at))
    return found


def _spans(handle: Mapping[str, Any], starts_at: datetime) -> Iterable[Span]:
    for told in handle.get("shifts") or ():
        until = told.get("until")
        if told.get("person") is not None:
            yield Span(told["person"], starts_at, datetime.fromisoformat(until) if until else None)
