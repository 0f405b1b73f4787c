"""What only all documents together can show: teams nobody declares, quorums nobody could fill, and
rules that would approve what another one forbids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from approvals.domain.plan import Stage, seated
from approvals.domain.policy import on_call, superiors
from approvals.domain.policy.agent_policy import AgentPolicy
from approvals.domain.policy.classes import all_covered, coverer, covers
from approvals.domain.policy.matrix import Row
from approvals.domain.policy.reading import Place, Problem, Value, nearest
from approvals.domain.policy.rules import ActionRule
from approvals.domain.policy.teams import TeamDocument
from approvals.domain.terms import Approval, RiskLevel

MOST_RULES = 5_000
Teams = Mapping[str, TeamDocument | None]
Keys = Mapping[Place, str]


def problems(
    matrix: Mapping[RiskLevel, Row],
    policies: Sequence[AgentPolicy],
    teams: Teams,
    *,
    named: Sequence[Value],
    complete: bool,
) -> list[Problem]:
    """All of them. `teams` holds None for a team whose document could not be read.

    Where some document could not be read at all (`complete` is False), it may have declared a team.
    """
    found = [*_asked_of(teams, named), *_on_call(matrix, teams)] if complete else []
    keys = dict(_keys(named))
    found += _unfilled(matrix, policies, teams, keys)
    rules = [rule for policy in policies for rule in policy.rules]
    if len(rules) > MOST_RULES:
        words = f"all policies together hold at most {MOST_RULES:,} action rules"
        place = rules[MOST_RULES].place
        return [*found, Problem(place, words, keys.get(place, ""))]
    return [*found, *_contradictions(policies, keys)]


def size(team: str, teams: Teams) -> int | None:
    """How many people a team's document lists; None when it lists nobody and operators add them."""
    document = teams.get(team)
    return len(_people(document)) if document and document.members else None


def seats_left(stage: Stage, teams: Teams) -> int:
    """Seats of a stage that stay empty whoever of the listed people sits down, each once.

    Also the people asked later, after an escalation, are counted. A team that lists nobody is never
    short of people here.
    """
    asked = stage.teams(len(stage.rungs))
    if any(size(team, teams) is None for team in asked):
        return 0
    alike: dict[frozenset[str], int] = {}
    for person in {person for team in asked for person in _people(teams.get(team))}:
        mine = frozenset(team for team in asked if person in _people(teams.get(team)))
        alike[mine] = min(alike.get(mine, 0) + 1, stage.seats)
    people = [mine for mine, count in sorted(alike.items(), key=str) for _ in range(count)]
    return stage.seats - seated(stage.seat_teams(len(stage.rungs)), people)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One place of a document that names a team, and how many of its people must say yes (0: none)."""

    team: Value
    quorum: int = 0


def _asked_of(teams: Teams, named: Sequence[Value]) -> Iterator[Problem]:
    for asked in _all_asked(named):
        team = asked.team.plain
        if team not in teams:
            words = f"the team {team!r} is not declared by any document of kind Team"
            near = nearest(team, teams)
            hint = f"; did you mean {near!r}?" if near else ""
            yield from asked.team.fail(f"{words}{hint}", suggestion=near).problems
            continue
        there = size(team, teams)
        if there is not None and asked.quorum > there:
            words = (
                f"{asked.quorum} people of the team {team!r} can never say yes; its document lists "
                f"{there}"
            )
            yield from asked.team.fail(words).problems


def _on_call(matrix: Mapping[RiskLevel, Row], teams: Teams) -> Iterator[Problem]:
    """Somebody on call is asked for a team that has no schedule, or stood in for by no team."""
    for row in matrix.values():
        asked = [team for stage in row.plan.stages for team in stage.teams(len(stage.rungs))]
        for team in filter(None, map(on_call.team_of, dict.fromkeys(asked))):
            document = teams.get(team)
            if team in teams and (document is None or document.on_call is not None):
                continue
            why = "has no 'on_call'" if team in teams else "is not declared by any document"
            words = f"whoever is on call for the team {team!r} is asked, which {why}"
            yield Problem(row.place, f"{words}; write on_call: {{pagerduty: SCHEDULE_ID}} there")
    for team, document in teams.items():
        if document is not None and document.fallback and document.fallback not in teams:
            words = (
                f"the fallback {document.fallback!r} of {team!r} is not declared by any document"
            )
            near = nearest(document.fallback, teams)
            hint = f"; did you mean {near!r}?" if near else ""
            yield Problem(document.place, f"{words}{hint}", suggestion=near)


def _all_asked(named: Sequence[Value]) -> Iterator[_Asked]:
    for value in named:
        if isinstance(value.plain, list):
            yield from _all_asked(value.plain)
        elif isinstance(value.plain, dict):
            for key, below in value.plain.items():
                if key in ("approvers", "escalate_to"):
                    yield from _listed(below, counts=key == "approvers")
                else:
                    yield from _all_asked([below])


def _listed(value: Value, *, counts: bool) -> Iterator[_Asked]:
    """A team asked twice in one list is asked for the sum of both; that is said where it is last asked."""
    last: dict[str, _Asked] = {}
    for item in value.plain if isinstance(value.plain, list) else []:
        asked = item.plain if isinstance(item.plain, dict) else {}
        team = asked.get("team") or asked.get(superiors.WORD)
        if team is None or not isinstance(team.plain, str):
            continue
        quorum = item.plain["quorum"].plain if "quorum" in item.plain else 1
        before = last.get(team.plain)
        wanted = quorum if counts and type(quorum) is int else 0
        last[team.plain] = _Asked(team, wanted + (before.quorum if before else 0))
    yield from last.values()


def _unfilled(
    matrix: Mapping[RiskLevel, Row], policies: Sequence[AgentPolicy], teams: Teams, keys: Keys
) -> Iterator[Problem]:
    """Stages that need more distinct people than their teams have together."""
    stages = [(stage, row.place) for row in matrix.values() for stage in row.plan.stages]
    stages += [
        (Stage(rule.approvers, ()), rule.place)
        for policy in policies
        for rule in policy.rules
        if rule.approvers
    ]
    for stage, place in stages:
        if all(_enough(each.team, each.quorum, teams) for each in stage.requirements):
            left = seats_left(stage, teams)
            if left:
                words = (
                    f"{stage.seats} distinct people must say yes, and the teams asked have only "
                    f"{stage.seats - left} between them"
                )
                yield Problem(place, words, keys.get(place, ""))


def _enough(team: str, quorum: int, teams: Teams) -> bool:
    there = size(team, teams)
    return there is None or quorum <= there


def _contradictions(policies: Sequence[AgentPolicy], keys: Keys) -> Iterator[Problem]:
    """Automatic rules that could never be: everything they name is forbidden to all their agents."""
    forbidding = [(rule, policy) for policy, rule in _each_rule(policies) if forbids_always(rule)]
    may_be = coverer(rule.pattern for rule, _ in forbidding)
    for policy, rule in _each_rule(policies):
        if rule.approval is not Approval.AUTO or not may_be(rule.pattern):
            continue
        for other, owner in forbidding:
            if covers(other.pattern, rule.pattern) and all_covered(owner.agents, policy.agents):
                words = (
                    f"{rule.pattern!r} would be approved automatically here, and {other.name} "
                    f"forbids it ({other.place.file} line {other.place.line}); take one of them away"
                )
                yield Problem(rule.place, words, keys.get(rule.place, ""))
                break


def forbids_always(rule: ActionRule) -> bool:
    """Whether a rule forbids whatever the conditions."""
    return rule.approval is Approval.FORBIDDEN and not rule.conditions and rule.when is None


def _each_rule(policies: Sequence[AgentPolicy]) -> Iterator[tuple[AgentPolicy, ActionRule]]:
    for policy in policies:
        for rule in policy.rules:
            yield policy, rule


def _keys(values: Sequence[Value]) -> Iterator[tuple[Place, str]]:
    """The path of keys to each place; where two begin, as at `- name: x`, the outer one comes last."""
    for value in values:
        if isinstance(value.plain, list):
            yield from _keys(value.plain)
        elif isinstance(value.plain, dict):
            yield from _keys(list(value.plain.values()))
        yield value.place, value.key


def _people(document: TeamDocument | None) -> frozenset[str]:
    return frozenset(member.casefold() for member in document.members) if document else frozenset()
