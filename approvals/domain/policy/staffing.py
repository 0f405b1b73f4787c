"""Whether the people whom plans ask are there: warnings about teams, managers, owners and hours."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta

from approvals.domain.plan import Stage
from approvals.domain.policy import duty, on_call, seats, superiors
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.remarks import Asking, Code, Facts, Warning, plans
from approvals.domain.policy.strict_rows import spelt


def members(policy: PolicySet, facts: Facts) -> Iterator[Warning]:
    """Teams a plan needs that have nobody, or too few; not said where operators keep the members."""
    said: set[str] = set()
    for asking in plans(policy):
        for stage in asking.plan.stages:
            for team in stage.teams(len(stage.rungs)):
                there = _people(team, policy, facts)
                if there is not None and not there and team not in said:
                    said.add(team)
                    yield _nobody(team, asking, policy)
            yield from _too_few(stage, asking, policy, facts)


def _nobody(team: str, asking: Asking, policy: PolicySet) -> Warning:
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


def _too_few(stage: Stage, asking: Asking, policy: PolicySet, facts: Facts) -> Iterator[Warning]:
    for wanted in stage.requirements:
        there = _people(wanted.team, policy, facts)
        if there and len(there) < wanted.quorum:
            words = (
                f"{asking.what} needs {wanted.quorum} people of the team {wanted.team!r}, "
                f"which has {len(there)}"
            )
            yield Warning(asking.place, Code.TOO_FEW, words)


def owners(policy: PolicySet, facts: Facts) -> Iterator[Warning]:
    """An owner may not approve what the own agent asks, except at low risk."""
    for agent, owner in (facts.owners or {}).items():
        for asking in plans(policy):
            if asking.plan.owner_may_decide:
                continue
            if asking.policy is not None and not asking.policy.concerns(agent):
                continue
            for stage in asking.plan.stages:
                yield from _owner_only(agent, owner.casefold(), stage, asking, policy, facts)


def _owner_only(
    agent: str, owner: str, stage: Stage, asking: Asking, policy: PolicySet, facts: Facts
) -> Iterator[Warning]:
    for wanted in stage.requirements:
        there = _all_people(stage.fit_for(wanted.team, len(stage.rungs)), policy, facts)
        others = there - {owner}
        if owner not in there or len(others) >= wanted.quorum:
            continue
        left = "nobody" if not others else f"only {len(others)} of {wanted.quorum}"
        words = (
            f"{asking.what} asks the team {wanted.team!r}; {owner} owns the agent {agent} and may not "
            f"approve what it asks, so {left} can"
        )
        yield Warning(asking.place, Code.OWNER_ONLY, words)


def off_duty(policy: PolicySet, facts: Facts) -> Iterator[Warning]:
    """Hours of the week in which nobody of a team that is asked is there."""
    longest: dict[str, tuple[timedelta, str]] = {}
    for asking in plans(policy):
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


def _all_people(teams: Collection[str], policy: PolicySet, facts: Facts) -> set[str]:
    """Everybody in any of them; nobody, when that cannot be told of one."""
    known = [_people(team, policy, facts) for team in teams]
    if any(there is None for there in known):
        return set()
    return {person for there in known if there for person in there}
