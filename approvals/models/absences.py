"""Absences as questions: who is away at a moment, and whose part somebody may give meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from approvals.domain.absence import Lent, Span
from approvals.domain.policy import seats
from approvals.models.duty import Absence
from approvals.models.people import TeamMember

Absences = QuerySet[Absence]


@dataclass(frozen=True, slots=True)
class Membership:
    """The teams of some people now, and every part that absent people ever lent them, by its holder."""

    teams: Mapping[int, frozenset[str]]
    lent: Mapping[int, tuple[Lent, ...]]


def away(at: datetime | Now, *, prefix: str = "") -> Q:
    """The condition that an absence holds at this moment; `prefix` such as `person__absences__`."""
    not_ended = Q(**{f"{prefix}ended_at": None}) | Q(**{f"{prefix}ended_at__gt": at})
    return Q(**{f"{prefix}starts_at__lte": at, f"{prefix}ends_at__gt": at}) & not_ended


def in_force(at: datetime | Now) -> Absences:
    """Who is away at this moment."""
    return Absence.objects.filter(away(at)).select_related("person", "stand_in")


def ahead(at: datetime) -> Absences:
    """Absences that hold now or later, the first to begin first."""
    rows = Absence.objects.filter(ended_at=None, ends_at__gt=at)
    return rows.select_related("person", "stand_in", "made_by").order_by("starts_at", "pk")


def overlapping(starts_at: datetime, ends_at: datetime) -> Absences:
    """Absences that are not over and share time with this span."""
    return Absence.objects.filter(ended_at=None, starts_at__lt=ends_at, ends_at__gt=starts_at)


def shared() -> QuerySet[TeamMember]:
    """Memberships that make people fit to stand in for one another.

    Seats the service fills itself are none: managing people of one team, or being on call together, makes
    nobody a colleague.
    """
    own = Q()
    for prefix in seats.PREFIXES:
        own |= Q(team__name__startswith=prefix)
    return TeamMember.objects.exclude(own)


def membership(people: Iterable[int]) -> Membership:
    """Who of these belongs where now, and stood in for whom when; one statement.

    Nobody inactive belongs to anything or lends anything; a stand-in who shares no team with the absent
    person is lent nothing, and a seat the service keeps itself is no team they share.
    """
    wanted = set(people)
    teams: dict[int, set[str]] = {}
    away_in: dict[int, set[Span]] = {}
    parts: dict[tuple[int, int, str, str, Span], None] = {}
    for person, name, email, team, stand_in, starts, ends, ended in _rows(wanted):
        teams.setdefault(person, set()).add(team)
        if starts is None:
            continue
        span = (starts, ends if ended is None else min(ends, ended))
        away_in.setdefault(person, set()).add(span)
        if stand_in in wanted:
            parts[(stand_in, person, name or email, email, span)] = None
    lent: dict[int, list[Lent]] = {}
    for holder, person, name, email, span in parts:
        common = teams[person] & teams.get(holder, set())
        if not all(map(seats.is_seat, common)):
            unless = tuple(sorted(away_in.get(holder, ())))
            part = Lent(person, name, email, frozenset(teams[person]), span, unless)
            lent.setdefault(holder, []).append(part)
    return Membership(
        {person: frozenset(teams.get(person, ())) for person in wanted},
        {person: tuple(lent.get(person, ())) for person in wanted},
    )


def _rows(wanted: set[int]) -> Iterable[tuple[Any, ...]]:
    """A row for each team of each of them, or of somebody they stood in for, and each absence of theirs."""
    concerned = Q(person__in=wanted) | Q(person__absences__stand_in__in=wanted)
    columns = ("stand_in", "starts_at", "ends_at", "ended_at")
    return (
        TeamMember.objects.filter(concerned, person__is_active=True)
        .order_by("person_id", "pk")
        .values_list(
            *("person_id", "person__name", "person__email", "team__name"),
            *(f"person__absences__{column}" for column in columns),
        )
    )
