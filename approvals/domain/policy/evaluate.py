"""Judge one request: an ordered list of checks, one verdict, one plan.

`evaluate` is total: whatever the agent claims, it answers, and where it is unsure it asks a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from approvals.domain.plan import Plan
from approvals.domain.policy import (
    attention,
    autonomy,
    blast,
    breakers,
    checks,
    classification,
    matrix,
    rates,
    rules,
    scope,
    verdicts,
)  # fmt: skip
from approvals.domain.policy.agent_policy import AgentPolicy
from approvals.domain.policy.checks import Check, Layer, Result
from approvals.domain.policy.circumstances import UNKNOWN, Circumstances
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.rules import ActionRule, Matched
from approvals.domain.policy.subject import Subject
from approvals.domain.terms import Approval, Basis, RiskLevel

UNCLASSIFIED = RiskLevel.MEDIUM


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of it. `plan` says who is asked; it is None only when policy refuses.

    `basis` says why, when nobody is asked; `standing` names the standing grant that was used;
    `would_be` is what would have happened but for shadow mode.
    """

    checks: tuple[Check, ...]
    verdict: Approval
    claimed: RiskLevel | None
    computed: RiskLevel
    effective: RiskLevel
    because: tuple[str, ...]
    reason_code: str
    plan: Plan | None
    policy_version: int
    basis: Basis = Basis.POLICY
    standing: str = ""
    would_be: Approval | None = None

    def to_json(self) -> list[dict[str, Any]]:
        return [check.to_json() for check in self.checks]


def evaluate(policy: PolicySet, subject: Subject, now: Circumstances = UNKNOWN) -> Evaluation:
    """Deny beats ask beats auto; the effective risk is never below the computed one."""
    mine = policy.concerning(subject.agent)
    found = rules.matched(_naming(mine, subject), subject, now)
    computed, because = _computed(found)
    effective = RiskLevel.highest(computed, subject.claimed or computed)
    because += _claim(subject.claimed, computed)
    own = [each.autonomy for each in mine if each.autonomy]
    free = autonomy.is_free(own, subject, effective, now)
    row = policy.matrix[effective]
    made = [
        _known(subject, now),
        *_layers(mine, found, subject, now),
        autonomy.check(own, subject, effective, now),
        _row(effective, Approval.AUTO if free else _by_row(found, effective, row), row),
    ]
    reached = verdicts.reach(made, subject, effective, now, free=free)
    return Evaluation(
        checks=reached.checks,
        verdict=reached.verdict,
        claimed=subject.claimed,
        computed=computed,
        effective=effective,
        because=because,
        reason_code=reached.reason(effective),
        plan=None if reached.refused else _plan(policy, effective, reached.verdict, found),
        policy_version=policy.version,
        basis=reached.basis,
        standing=reached.grant.ref if reached.grant else "",
        would_be=reached.would_be,
    )


def _naming(mine: Sequence[AgentPolicy], subject: Subject) -> list[ActionRule]:
    return [rule for each in mine for rule in each.naming(subject.action)]


def _layers(
    mine: Sequence[AgentPolicy], found: Sequence[Matched], subject: Subject, now: Circumstances
) -> list[Check]:
    """Every layer in its order; all are looked at, for the record, whatever the first one says."""
    return [
        *rules.forbidding(found, subject),
        *scope.check([each.scope for each in mine if each.scope], subject, now),
        *classification.check([each.data for each in mine if each.data], subject, now),
        *breakers.check([one for each in mine for one in each.breakers], subject, now),
        *rates.check([one for each in mine for one in each.rates], subject, now),
        *attention.check([each.attention for each in mine if each.attention], subject, now),
        *blast.check([each.blast for each in mine if each.blast], subject, now),
        *rules.classifying(found, subject),
    ]


def _computed(found: Sequence[Matched]) -> tuple[RiskLevel, tuple[str, ...]]:
    """The highest risk any rule gives that counts; an action nobody rated is of middle risk."""
    rated = [
        (each.rule.risk, each.rule) for each in found if each.rule.risk is not None and each.counts
    ]
    if not rated:
        return UNCLASSIFIED, ("Nobody has classified this action.",)
    risk, worst = max(rated, key=lambda pair: pair[0].rank)
    return risk, (worst.because or f"{worst.policy} rates {worst.pattern} as {risk}.",)


def _claim(claimed: RiskLevel | None, computed: RiskLevel) -> tuple[str, ...]:
    if claimed is None or claimed is computed:
        return ()
    if claimed.rank > computed.rank:
        return (f"The agent itself claims {claimed}.",)
    return (f"The agent claims {claimed}; that does not lower it.",)


def _by_row(found: Sequence[Matched], effective: RiskLevel, row: matrix.Row) -> Approval:
    """What the matrix says, unless a rule that holds makes an action of at most medium risk automatic."""
    by_rule = any(each.holds and each.rule.approval is Approval.AUTO for each in found)
    if by_rule and effective.rank <= matrix.AUTO_UP_TO.rank:
        return Approval.AUTO
    return row.plan.approval


def _plan(
    policy: PolicySet, effective: RiskLevel, verdict: Approval, found: Sequence[Matched]
) -> Plan:
    if verdict is Approval.AUTO:
        row = policy.matrix[effective].plan
        return Plan(effective, Approval.AUTO, grant_life=row.grant_life)
    speaking = [each.rule for each in found if each.holds is not False]
    times = [rule.timeout for rule in speaking if rule.timeout is not None]
    return matrix.overridden(
        matrix.asking(policy.matrix, effective),
        approvers=[approver for rule in speaking for approver in rule.approvers],
        timeout=min(times) if times else None,
    )


def _known(subject: Subject, now: Circumstances) -> Check:
    """The first check, with what the agent has behind it, so that the card can quote it."""
    words = f"The agent {subject.agent} is known and its key is valid."
    counts = {name: value for name, value in now.history.items() if isinstance(value, int | str)}
    if not counts:
        return checks.passed(Layer.AGENT, words)
    return checks.passed(Layer.AGENT, words, history=counts)


def _row(level: RiskLevel, verdict: Approval, row: matrix.Row) -> Check:
    words = "Approved by policy." if verdict is Approval.AUTO else "A person must approve."
    return Check(
        Layer.MATRIX, Result.PASS, f"Risk {level}: {words}", f"matrix.{level}", row.place.file,
        row.place.line, leads_to=verdict,
    )  # fmt: skip
