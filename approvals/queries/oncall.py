"""What the on-call page reads: teams with their people, who is away when, and who was put on call by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, QuerySet

from approvals.domain.policy import on_call, seats, superiors
from approvals.domain.policy.matrix import Row
from approvals.domain.terms import OPEN, RiskLevel
from approvals.models import (
    Absence,
    ApprovalRequest,
    Decision,
    Person,
    ShiftOverride,
    Team,
    absences,
    states,
)

MOST_HANDED_OVER = 50
MOST_LOOKED_AT = 2_000  # as many as a queue counts


@dataclass(frozen=True, slots=True)
class Use:
    """A level of risk at which a team is asked; `quorum` is 0 where it is asked in addition, later."""

    risk: RiskLevel
    quorum: int


def uses(matrix: Mapping[RiskLevel, Row]) -> dict[str, list[Use]]:
    """Where each team is asked by the risk matrix; whoever is on call for a team counts as that team."""
    found: dict[str, list[Use]] = {}
    for level, row in matrix.items():
        asked: dict[str, int] = {}
        for stage in row.plan.stages:
            for need in stage.requirements:
                asked[_team(need.team)] = asked.get(_team(need.team), 0) + need.quorum
            for name in (name for rung in stage.rungs for name in rung.also):
                asked.setdefault(_team(name), 0)
        for team, quorum in asked.items():
            found.setdefault(team, []).append(Use(level, quorum))
    return found


def teams() -> list[Team]:
    """Every team of a document with its people, by title."""
    return list(declared().prefetch_related(_there()).order_by("title", "pk"))


def managing() -> list[Team]:
    """The managers of teams' people, where plans ask them."""
    rows = Team.objects.filter(name__startswith=superiors.PREFIX)
    return list(rows.prefetch_related(_there()).order_by("name"))


def declared() -> QuerySet[Team]:
    """Teams of documents, without those whose people the service keeps."""
    rows = Team.objects.all()
    for prefix in seats.PREFIXES:
        rows = rows.exclude(name__startswith=prefix)
    return rows


def _there() -> Prefetch[Any]:
    return Prefetch("people", Person.objects.filter(is_active=True).order_by("name", "pk"))


def away_between(start: datetime, end: datetime) -> list[Absence]:
    """Absences that share time with this span, the first to begin first."""
    return list(
        absences.overlapping(start, end)
        .select_related("person", "stand_in")
        .order_by("starts_at", "pk")
    )


def away_or_planned(at: datetime, *, limit: int) -> list[Absence]:
    """Everybody's absences that hold now or later."""
    return list(absences.ahead(at)[:limit])


def overrides_between(start: datetime, end: datetime) -> QuerySet[ShiftOverride]:
    """Who is on call by hand within this span."""
    rows = ShiftOverride.objects.filter(
        ended_at=None, starts_at__lt=end, ends_at__gt=start, person__is_active=True
    )
    return rows.select_related("person", "team", "made_by").order_by("starts_at", "pk")


def waits_for(person: Person, names: Iterable[str]) -> list[ApprovalRequest]:
    """What a person of these teams would hand over now: the most urgent that they have not decided."""
    asked = frozenset(names)
    rows = (
        ApprovalRequest.objects.filter(status__in=[status.value for status in OPEN], joined=None)
        .select_related("agent", "agent_key")
        .prefetch_related(Prefetch("decisions", Decision.objects.select_related("person")))
        .order_by("decide_by", "number")
    )
    found: list[ApprovalRequest] = []
    for row in rows[:MOST_LOOKED_AT]:
        state = states.of(row, decisions=row.decisions.all())
        spoke = any(given.person_id == person.pk for given in row.decisions.all())
        if asked & set(state.teams_asked) and not spoke and not state.is_close(person.pk):
            found.append(row)
        if len(found) == MOST_HANDED_OVER:
            break
    return found


def people_who_may_stand_in(person: Person) -> Sequence[Person]:
    """Everybody active who shares a team with somebody."""
    served = absences.shared().filter(person=person).values("team")
    fit = Person.objects.filter(is_active=True, memberships__team__in=served)
    return list(fit.exclude(pk=person.pk).distinct().order_by("name", "pk"))


def _team(name: str) -> str:
    return on_call.team_of(name) or name
