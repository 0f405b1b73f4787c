"""Compare two policies: what the second one weakens and what it strengthens, in words with places.

The comparison is conservative. Whatever it cannot prove to be equal or stricter counts as weaker, so a
harmless change may need a second person; a weakening never passes without one. What it proves are
verdicts: where `weaker` is empty, no request is judged less strictly by the second policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from approvals.domain.policy import strict_rows, strict_rules, strict_sections
from approvals.domain.policy.agent_policy import AgentPolicy
from approvals.domain.policy.classes import all_covered
from approvals.domain.policy.differences import (
    NOTHING,
    Found,
    changed,
    placeless,
    same,
    stricter,
    together,
    weaker,
)
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.strict_rules import Around
from approvals.domain.policy.teams import TeamDocument
from approvals.domain.terms import RiskLevel

SETS = ("matrix", "policies", "teams", "version")
TEAMS = ("name", "title", "members", "on_duty", "on_call", "fallback")
POLICIES = ("name", "agents", "rules", *strict_sections.LIMITS)


def compare(before: PolicySet, after: PolicySet) -> Found:
    """What putting `after` in force in place of `before` would weaken and strengthen."""
    full = tuple(glob for each in after.policies if each.autonomy for glob in each.autonomy.full)
    around = Around(after.matrix, after.rules, full)
    found = strict_rows.compare(before.matrix, after.matrix)
    found += _teams(before.teams, after.teams)
    old, new = _apart(before.policies, after.policies)
    for policy in new:
        partner = next((each for each in old if each.name == policy.name), None)
        if partner is not None:
            old.remove(partner)
        found += _policy(partner or _nothing(policy), policy, around)
    found += together(_gone(policy, around) for policy in old)
    if changed(before, after, known=SETS):
        place = after.matrix[RiskLevel.LOW].place
        found += weaker("something changed that cannot be compared", place)
    return found


def _teams(before: Mapping[str, TeamDocument], after: Mapping[str, TeamDocument]) -> Found:
    """Files add people to teams and never take them out, so only who is new matters."""
    found = NOTHING
    for name, team in after.items():
        old = before.get(name)
        known = {each.lower() for each in old.members} if old else set()
        for member in team.members:
            if member.lower() not in known:
                found += weaker(f"{member} may decide for the team {name}", team.place)
        found += _on_call(old, team)
        if old is not None:
            for what in changed(old, team, known=TEAMS):
                found += weaker(f"the team {name}: {what.replace('_', ' ')} changed", team.place)
    return found


def _on_call(old: TeamDocument | None, team: TeamDocument) -> Found:
    """Another schedule, or another team to stand in, may bring people who could not decide before."""
    was, now = (old.on_call, old.fallback) if old else (None, None), (team.on_call, team.fallback)
    if same(was, now) or team.on_call is None:
        return NOTHING
    named = f"{team.on_call.provider} schedule {team.on_call.id}"
    words = f"whoever the {named} names may decide when {team.name} is asked for who is on call"
    return weaker(words, team.place)


def _apart(
    before: Sequence[AgentPolicy], after: Sequence[AgentPolicy]
) -> tuple[list[AgentPolicy], list[AgentPolicy]]:
    """Policies that stayed as they were are set aside."""
    old, new = list(before), []
    for policy in after:
        twin = next((each for each in old if placeless(each) == placeless(policy)), None)
        if twin is None:
            new.append(policy)
        else:
            old.remove(twin)
    return old, new


def _policy(before: AgentPolicy, after: AgentPolicy, around: Around) -> Found:
    found = strict_rules.compare(before.rules, after.rules, around)
    for section in strict_sections.LIMITS:
        found += strict_sections.compare(section, getattr(before, section), getattr(after, section))
    for name in changed(before, after, known=POLICIES):
        found += weaker(f"{name.replace('_', ' ')} changed", after.place)
    return found.inside(after.name) + _agents(before, after, around)


def _agents(before: AgentPolicy, after: AgentPolicy, around: Around) -> Found:
    """Agents who come under a policy meet it as a new one; agents who leave it lose its limits."""
    if set(before.agents) == set(after.agents):
        return NOTHING
    shown = strict_sections.shown
    words = f"{after.name} concerns {shown(after.agents)}, not {shown(before.agents)}"
    if all_covered(after.agents, before.agents):
        fresh = _policy(_nothing(after), after, around)
        if not fresh.weaker:
            return stricter(words, after.place)
    return weaker(words, after.place)


def _gone(policy: AgentPolicy, around: Around) -> Found:
    """A policy that is gone takes all its sections along."""
    nothing = _nothing(policy)
    found = strict_rules.compare(policy.rules, (), around)
    for section in strict_sections.LIMITS:
        found += strict_sections.compare(
            section, getattr(policy, section), getattr(nothing, section)
        )
    if changed(policy, nothing, known=POLICIES):
        found += weaker("the policy is gone", policy.place, gone=True)
    return found.inside(policy.name)


def _nothing(policy: AgentPolicy) -> AgentPolicy:
    """A policy of the same name and agents that restricts nothing."""
    return AgentPolicy(name=policy.name, agents=policy.agents, place=policy.place)
