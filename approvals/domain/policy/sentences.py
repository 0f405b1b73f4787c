"""Policies in plain sentences: what each rule, row and limit means for whoever reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from approvals.domain.plan import Plan, Stage
from approvals.domain.policy import matrix, seats
from approvals.domain.policy.agent_policy import EVERY_AGENT, AgentPolicy
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.rates import Rate
from approvals.domain.policy.rules import ActionRule
from approvals.domain.terms import Approval, BreakerAction, BreakerKind, OnTimeout, RiskLevel

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
_DOES = {
    BreakerAction.PAUSE_AND_ALERT: "everything it asks is refused",
    BreakerAction.REQUIRE_HUMAN_REVIEW: "a person is asked about everything",
    BreakerAction.FREEZE_SCALING: "scaling is refused",
}
_ENDS = {
    OnTimeout.APPROVE: "if nobody decides, silence approves it",
    OnTimeout.EXPIRE: "if nobody decides, it expires",
    OnTimeout.ESCALATE: "if nobody decides, it expires",
}


def span(length: timedelta) -> str:
    """`5 minutes`, `1 hour`, `90 seconds`: in the largest unit that says it exactly."""
    seconds = int(length.total_seconds())
    size, word = next(unit for unit in _UNITS if seconds % unit[0] == 0)
    count = seconds // size
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def plan_of(policy: PolicySet, rule: ActionRule) -> Plan:
    """The plan a rule leads to when it asks: at the risk it gives or, without one, at the middle."""
    row = matrix.asking(policy.matrix, rule.risk or matrix.AUTO_UP_TO)
    return matrix.overridden(row, approvers=rule.approvers, timeout=rule.timeout)


def of_rule(policy: PolicySet, rule: ActionRule) -> str:
    """One rule as a sentence, without its name."""
    when = _conditions(rule)
    if rule.approval is Approval.FORBIDDEN:
        return f"is refused{when}."
    if rule.approval is Approval.AUTO:
        risky = f" at {rule.risk} risk" if rule.risk else ""
        otherwise = "; otherwise a person is asked" if when else ""
        return f"runs{risky} without anybody being asked{when}{otherwise}."
    level = rule.risk or matrix.AUTO_UP_TO
    row = policy.matrix.get(level)
    asks = rule.approval is Approval.REQUIRED or row is None or bool(row.plan.stages)
    if not asks:
        return f"is rated {level} risk{when}, which runs without anybody being asked."
    said = of_plan(plan_of(policy, rule), titles(policy))
    return (
        f"is {'rated ' if rule.approval is None else 'asked about at '}{level} risk{when}: {said}."
    )


def of_row(policy: PolicySet, level: RiskLevel) -> str:
    """What one row of the matrix does with an action of that risk."""
    plan = policy.matrix[level].plan
    if plan.approval is Approval.AUTO:
        return "runs without anybody being asked."
    return f"{of_plan(plan, titles(policy))}."


def of_plan(plan: Plan, named: Mapping[str, str]) -> str:
    """Who is asked, in which order, for how long, and what silence means."""
    stages = [_stage(stage, named) for stage in plan.stages]
    said = "; then ".join(stages)
    ends = _ENDS[plan.stages[-1].on_timeout] if plan.stages else ""
    reason = "; approving takes a reason" if plan.approve_reason_required else ""
    proof = "; approving takes a fresh sign-in" if plan.step_up else ""
    return f"{said}; {ends}{reason}{proof}"


def titles(policy: PolicySet) -> dict[str, str]:
    """What people call each team."""
    return {name: team.title for name, team in policy.teams.items()}


def of_limits(policy: AgentPolicy) -> Iterator[str]:
    """Every section that is not a rule, a sentence each."""
    if policy.scope is not None:
        yield from _scope(policy)
    for rate in policy.rates:
        yield from _rate(rate)
    for breaker in policy.breakers:
        share = float(breaker.threshold)
        is_count = breaker.kind is BreakerKind.ROLLBACK_COUNT
        least = f"{share:g}" if is_count else f"{100 * share:g} %"
        what = breaker.kind.value.replace("_", " ")
        yield (
            f"When its {what} reaches {least} within {span(breaker.window)}, {_DOES[breaker.does]}; "
            f"after {span(breaker.rest)} one request is tried."
        )
    if policy.blast is not None:
        caps = {
            "pods": policy.blast.pods, "% of replicas": policy.blast.replica_percent,
            "USD an hour": policy.blast.cost_per_hour_usd, "users": policy.blast.users,
        }  # fmt: skip
        said = [f"{cap} {noun}" for noun, cap in caps.items() if cap is not None]
        yield f"A person is asked above {_or(said)}."
    if policy.data is not None:
        yield f"Confidential data is scanned for {_or([kind.value for kind in policy.data.scan])}."
    if policy.attention is not None and policy.attention.questions_per_hour is not None:
        yield f"It may ask people at most {policy.attention.questions_per_hour} times an hour."


def concerns(policy: AgentPolicy) -> str:
    """Whom a policy is about."""
    return "every agent" if policy.agents == EVERY_AGENT else ", ".join(policy.agents)


def _scope(policy: AgentPolicy) -> Iterator[str]:
    scope = policy.scope
    if scope is None:
        return
    if scope.namespaces is not None:
        yield f"It may touch the namespaces {_or(scope.namespaces.globs)}."
    if scope.types:
        yield f"It may touch {_or([str(kind) for kind in scope.types])}."
    if scope.targets is not None:
        yield f"It may touch the targets {_or(scope.targets.globs)}."
    if scope.excluded:
        yield f"It may never touch {_or([each.words for each in scope.excluded])}."


def _rate(rate: Rate) -> Iterator[str]:
    what = rate.name.replace("_", " ") if rate.name else "actions"
    if rate.per_hour is not None:
        yield f"At most {rate.per_hour} {what} an hour."
    if rate.per_day is not None:
        yield f"At most {rate.per_day} {what} a day."
    if rate.per_recipient is not None:
        yield f"At most {rate.per_recipient} {what} a day to one recipient."
    if rate.cooldown is not None:
        yield f"After a failure, {span(rate.cooldown)} of rest before the next of {what}."
    if rate.increase is not None:
        yield f"At most {float(rate.increase):g} % more at once; above it a person is asked."


def _conditions(rule: ActionRule) -> str:
    said = [f"{each.name} is within {each.limit}" for each in rule.conditions]
    if rule.when is not None:
        said.append(f"`{rule.when.source}` holds")
    return f" while {' and '.join(said)}" if said else ""


def _stage(stage: Stage, named: Mapping[str, str]) -> str:
    asked = " and ".join(
        f"{each.quorum} of {named.get(each.team, each.team)}" for each in stage.requirements
    )
    steps = [f"{asked} within {span(stage.rungs[0].window)}"]
    steps += [
        f"with {' and '.join(seats.spoken(team, named) for team in rung.also)} for {span(rung.window)} more"
        for rung in stage.rungs[1:]
    ]
    return ", then ".join(steps)


def _or(words: list[str] | tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
