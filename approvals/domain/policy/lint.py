"""Warnings about policies that can be applied, and still may not be meant as they stand.

A warning never keeps a policy from being applied. What only the service knows (`Facts`) may be left out,
and then nothing is said about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from enum import StrEnum

from approvals.domain.plan import Plan, Stage
from approvals.domain.policy import duty, on_call, reachable, seats, sentences, superiors
from approvals.domain.policy.agent_policy import AgentPolicy
from approvals.domain.policy.classes import matches
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.reading import Place
from approvals.domain.policy.strict_rows import spelt
from approvals.domain.terms import Approval


class Code(StrEnum):
    """The kinds of warning; stable, for programs."""

    UNREACHABLE = "never_reachable"
    SHADOWED = "shadowed"
    UNUSED = "matches_nothing"
    OWNER_ONLY = "only_approver_is_the_owner"
    NOBODY_ON_DUTY = "nobody_on_duty"
    EMPTY_TEAM = "team_without_members"
    NO_MANAGER = "nobody_manages"
    TOO_FEW = "too_few_members"
    NO_MATRIX = "no_risk_matrix"
    NO_AGENT = "no_such_agent"


@dataclass(frozen=True, slots=True)
class Warning:
    """One thing to look at again, where it stands, in a sentence."""

    place: Place
    code: Code
    words: str

    def __str__(self) -> str:
        return f"{self.place}: warning: {self.words} [{self.code}]"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the service knows. None means that it is not known.

    `asked` counts the requests of the last 90 days by agent and action; `members` are the e-mail
    addresses of the active people of each team, in small letters, and `managers` those of their active
    managers by theirs; `owners` are those of agents; `agents` are the names of all; `in_force` are the
    globs of the rules in force by now.
    """

    asked: Mapping[tuple[str, str], int] | None = None
    members: Mapping[str, frozenset[str]] | None = None
    managers: Mapping[str, str] | None = None
    owners: Mapping[str, str] | None = None
    agents: frozenset[str] | None = None
    in_force: frozenset[str] | None = None
    at: datetime | None = None


NOTHING_KNOWN = Facts()


@dataclass(frozen=True, slots=True)
class _Asking:
    """A plan that some policy leads to, and who it is for (None: any agent)."""

    plan: Plan
    place: Place
    what: str
    policy: AgentPolicy | None = None


def warnings(policy: PolicySet, facts: Facts = NOTHING_KNOWN) -> tuple[Warning, ...]:
    """All of them, in the order of files and lines."""
    found: list[Warning] = []
    for look in _LOOKS:
        found += look(policy, facts)
    return tuple(
        sorted(
            set(found),
            key=lambda each: (each.place.file, each.place.line, each.place.column, each.words),
        )
    )


def _no_matrix(policy: PolicySet, facts: Facts) -> Iterator[Warning]:
    del facts
    places = [each.place for each in policy.policies] + [
        team.place for team in policy.teams.values()
    ]
    if not policy.matrix and places:
        first = min(places, key=lambda place: place.file)
        words = (
            "no file here has a document of kind RiskMatrix; these files are part of a policy, "
            "and cannot be applied alone: copy policies/default.yaml beside them, or apply them "
            "together with the files that have it"
        )
        yield Warning(Place(first.file, 1, 1), Code.NO_MATRIX, words)


def _unreachable(policy: PolicySet, facts: Facts) -> Iterator[Warning]:
    del facts
    for place, words in reachable.never(policy.policies):
        yield Warning(place, Code.UNREACHABLE, words)


def _shadowed(policy: PolicySet, facts: Facts) -> Iterator[Warning]:
    del facts
    for place, words in reachable.shadowed(policy.policies):
        yield Warning(place, Code.SHADOWED, words)


def _unused(policy: PolicySet, facts: Facts) -> Iterator[Warning]:
    """Rules no request met; a rule that forbids is best when it meets none."""
    if not facts.asked:
        return
    for one in policy.policies:
        actions = {action for agent, action in facts.asked if one.concerns(agent)}
        for rule in one.rules:
            is_new = facts.in_force is not None and rule.pattern not in facts.in_force
            if rule.approval is Approval.FORBIDDEN or is_new:
                continue
            if not any(matches(action, (rule.pattern,)) for action in actions):
                words = f"{rule.name} matched no request in the last 90 days"
                yield Warning(rule.place, Code.UNUSED, words)


def _nobody_concerned(policy: PolicySet, facts: Facts) -> Iterator[Warning]:
    """Names of agents that no agent has: a limit meant for one would hold nobody."""
    if not facts.agents:
        return
    for one in policy.policies:
        for name in one.agents:
            if any(matches(agent, (name,)) for agent in facts.agents):
                continue
            near = get_close_matches(name, sorted(facts.agents), n=1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            words = f"{one.name} concerns {name}, and no agent here has such a name{meant}"
            yield Warning(one.place, Code.NO_AGENT, words)


def _members(policy: PolicySet, facts: Facts) -> Iterator[Warning]:
    """Teams a plan needs that have nobody, or too few; not said where operators keep the members."""
    said: set[str] = set()
    for asking in _plans(policy):
        for stage in asking.plan.stages:
            for team in stage.teams(len(stage.rungs)):
                there = _people(team, policy, facts)
                if there is not None and not there and team not in said:
                    said.add(team)
                    yield _nobody(team, asking, policy)
            yield from _too_few(stage, asking, policy, facts)


def _nobody(team: str, asking: _Asking, policy: PolicySet) -> Warning:
    managed = superiors.team_of(team)
    if managed is not None:
        words = (
            f"{asking.what} goes on to the managers of {managed!r}, and nobody manages anybody there; "
            "say who does with: countersign user add EMAIL --manager EMAIL"
        )
        return Warning(asking.place, Code.NO_MANAGER, words)
    words = (
        f"nobody is in the team {team!r}, which {asking.what} asks; add people with: "
        f"countersign user add EMAIL --team {team}"
    )
    return Warning(policy.teams[team].place, Code.EMPTY_TEAM, words)


def _too_few(stage: Stage, asking: _Asking, policy: PolicySet, facts: Facts) -> Iterator[Warning]:
    for wanted in stage.requirements:
        there = _people(wanted.team, policy, facts)
        if there and len(there) < wanted.quorum:
            words = (
                f"{asking.what} needs {wanted.quorum} people of the team {wanted.team!r}, "
                f"which has {len(there)}"
            )
            yield Warning(asking.place, Code.TOO_FEW, words)


def _owners(policy: PolicySet, facts: Facts) -> Iterator[Warning]:
    """An owner may not approve what the own agent asks, except at low risk."""
    for agent, owner in (facts.owners or {}).items():
        for asking in _plans(policy):
            if asking.plan.owner_may_decide:
                continue
            if asking.policy is not None and not asking.policy.concerns(agent):
                continue
            for stage in asking.plan.stages:
                yield from _owner_only(agent, owner.casefold(), stage, asking, policy, facts)


def _owner_only(
    agent: str, owner: str, stage: Stage, asking: _Asking, policy: PolicySet, facts: Facts
) -> Iterator[Warning]:
    later = {team for rung in stage.rungs for team in rung.also}
    for wanted in stage.requirements:
        there = _all_people({wanted.team, *later}, policy, facts)
        others = there - {owner}
        if owner not in there or len(others) >= wanted.quorum:
            continue
        left = "nobody" if not others else f"only {len(others)} of {wanted.quorum}"
        words = (
            f"{asking.what} asks the team {wanted.team!r}; {owner} owns the agent {agent} and may not "
            f"approve what it asks, so {left} can"
        )
        yield Warning(asking.place, Code.OWNER_ONLY, words)


def _off_duty(policy: PolicySet, facts: Facts) -> Iterator[Warning]:
    longest: dict[str, tuple[timedelta, str]] = {}
    for asking in _plans(policy):
        for stage in asking.plan.stages:
            window = sum((rung.window for rung in stage.rungs), timedelta(0))
            for team in stage.teams(len(stage.rungs)):
                if team not in longest or window < longest[team][0]:
                    longest[team] = (window, asking.what)
    for team, (window, what) in sorted(longest.items()):
        if seats.is_seat(team):
            continue
        document = policy.teams[team]
        zone, gaps = duty.gaps(document.on_duty, at=facts.at)
        if gaps:
            yield Warning(
                document.on_duty[0].place,
                Code.NOBODY_ON_DUTY,
                f"nobody of the team {team!r}, which {what} asks, is on duty between "
                f"{duty.listed(gaps)} ({zone}){_runs_out(gaps[0], window)}",
            )


def _runs_out(gap: duty.Gap, window: timedelta) -> str:
    if window >= gap.span or not window:
        return ""
    return f"; what is asked then expires after {spelt(window)}, before anybody comes"


def _plans(policy: PolicySet) -> Iterator[_Asking]:
    """Every row that asks people, and every rule that names its own."""
    for level, row in policy.matrix.items():
        if row.plan.stages:
            yield _Asking(row.plan, row.place, f"the row {level.value!r} of the matrix")
    for one in policy.policies if policy.matrix else ():
        for rule in one.rules:
            if rule.approvers:
                yield _Asking(
                    sentences.plan_of(policy, rule), rule.place, f"the rule {rule.name}", one
                )


def _people(team: str, policy: PolicySet, facts: Facts) -> frozenset[str] | None:
    """Who is in a team; None when that cannot be told from here, as of who is on call."""
    if on_call.team_of(team) is not None:
        return None
    if (managed := superiors.team_of(team)) is not None:
        return _managers(managed, policy, facts)
    if facts.members is not None:
        return facts.members.get(team, frozenset()) | _declared(team, policy)
    return _declared(team, policy) or None


def _managers(team: str, policy: PolicySet, facts: Facts) -> frozenset[str] | None:
    people, known = _people(team, policy, facts), facts.managers
    if people is None or known is None:
        return None
    return frozenset(known[each] for each in people if each in known)


def _declared(team: str, policy: PolicySet) -> frozenset[str]:
    return frozenset(member.casefold() for member in policy.teams[team].members)


def _all_people(teams: set[str], policy: PolicySet, facts: Facts) -> set[str]:
    """Everybody in any of them; nobody, when that cannot be told of one."""
    known = [_people(team, policy, facts) for team in teams]
    if any(there is None for there in known):
        return set()
    return {person for there in known if there for person in there}


_LOOKS: tuple[Callable[[PolicySet, Facts], Iterator[Warning]], ...] = (
    _no_matrix,
    _unreachable,
    _shadowed,
    _unused,
    _nobody_concerned,
    _members,
    _owners,
    _off_duty,
)
