"""Who would get a request right now: for each level of risk, the people and why, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from approvals.domain.cards import RISK_SHAPE
from approvals.domain.plan import Stage
from approvals.domain.policy import on_call, superiors
from approvals.domain.policy.documents import PolicySet
from approvals.domain.terms import Approval, RiskLevel
from approvals.models import Absence, Person, Team
from approvals.queries import oncall as reads
from approvals.services.on_call import OnCall, Source, who
from approvals.web import moments


@dataclass(frozen=True, slots=True)
class Asked:
    """One person who would be asked, and why; `is_there` is false for whoever is away."""

    name: str
    why: str
    is_there: bool


@dataclass(frozen=True, slots=True)
class Part:
    """One team of a stage; `words` say how many of it must say yes, or when it is asked."""

    title: str
    words: str
    people: tuple[Asked, ...]
    nobody: str


@dataclass(frozen=True, slots=True)
class Level:
    """One row of the risk matrix."""

    risk: RiskLevel
    shape: str
    words: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What answers rest on: the teams with their people, who is away, and who is on call."""

    teams: Mapping[str, Team]
    away: Mapping[int, Absence]
    on_call: Mapping[str, OnCall]
    at: datetime

    def called(self, team: str) -> str:
        return self.teams[team].title if team in self.teams else team


def levels(
    policy: PolicySet, teams: Sequence[Team], away: Sequence[Absence], *, at: datetime
) -> list[Level]:
    """The rows of the matrix in force, the highest risk first. Absences may be past or planned, too."""
    known = _known(policy, teams, away, at)
    return [_level(level, policy, known) for level in reversed(RiskLevel)]


def _known(
    policy: PolicySet, teams: Sequence[Team], away: Sequence[Absence], at: datetime
) -> Known:
    gone = {row.person_id: row for row in away if row.starts_at <= at < row.ends_at}
    scheduled = [name for name, document in policy.teams.items() if document.on_call]
    return Known(
        {team.name: team for team in (*teams, *reads.managing())},
        gone,
        {name: who(name, at=at) for name in scheduled},
        at,
    )


def _level(level: RiskLevel, policy: PolicySet, known: Known) -> Level:
    plan = policy.matrix[level].plan
    if plan.approval is not Approval.REQUIRED:
        words = "Nobody. The policy answers it by itself, unless a rule asks."
        return Level(level, RISK_SHAPE[level], words, ())
    parts = [
        part for number, stage in enumerate(plan.stages) for part in _stage(stage, number, known)
    ]
    first = plan.stages[0].rungs[0].window
    words = f"Asked at once; {moments.span(first)} to answer"
    return Level(level, RISK_SHAPE[level], words, tuple(parts))


def _stage(stage: Stage, number: int, known: Known) -> Sequence[Part]:
    then = "" if number == 0 else ", after those before said yes"
    parts = [
        _part(need.team, f"{need.quorum} of them must say yes{then}", known)
        for need in stage.requirements
    ]
    waited = stage.rungs[0].window
    for rung in stage.rungs[1:]:
        words = f"also asked after {moments.span(waited)} without an answer{then}"
        parts += [_part(name, words, known) for name in rung.also]
        waited += rung.window
    return parts


def _part(name: str, words: str, known: Known) -> Part:
    team = on_call.team_of(name)
    title = known.called(team or name)
    if team is not None and team in known.on_call:
        found = known.on_call[team]
        people = tuple(_on_call(person, found, known) for person in found.people)
        title = f"{title}, whoever is on call"
        nobody = found.why or "Nobody is on call."
    else:
        members = list(known.teams[name].people.all()) if name in known.teams else []
        managed = superiors.team_of(name)
        what = (
            f"is in {title}" if managed is None else f"manages somebody in {known.called(managed)}"
        )
        people = tuple(_member(person, what, known) for person in members)
        empty = "is in" if managed is None else "manages anybody in"
        nobody = (
            "Everybody in this team is away, so nobody can say yes."
            if people
            else f"Nobody {empty} this team, so nobody can say yes."
        )
    return Part(title, words, people, "" if any(one.is_there for one in people) else nobody)


def _member(person: Person, what: str, known: Known) -> Asked:
    gone = known.away.get(person.pk)
    if gone is None:
        return Asked(str(person), what, True)
    return _away(person, gone, known)


def _on_call(person: Person, found: OnCall, known: Known) -> Asked:
    gone = known.away.get(person.pk)
    if gone is not None:
        return _away(person, gone, known)
    until = f" until {moments.day_and_time(found.until, now=known.at)}" if found.until else ""
    why = {
        Source.BY_HAND: f"put on call by hand{until}",
        Source.SCHEDULE: f"on call by the schedule{until}",
        Source.FALLBACK: f"stands in for the schedule. {found.why}",
    }
    return Asked(str(person), why[found.source], True)


def _away(person: Person, gone: Absence, known: Known) -> Asked:
    until = moments.day_and_time(gone.ends_at, now=known.at)
    stand_in = gone.stand_in
    if stand_in is None or not stand_in.is_active or stand_in.pk in known.away:
        return Asked(str(person), f"away until {until}; nobody stands in", False)
    return Asked(f"{stand_in}, standing in for {person}", f"{person} is away until {until}", True)
