"""Judge one request: an ordered list of checks, one verdict, one plan.

`evaluate` is total: whatever the agent claims, it answers, and where it is unsure it asks a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from approvals.domain.plan import Plan
from approvals.domain.policy.documents import ActionRule, PolicySet
from approvals.domain.policy.reading import Place
from approvals.domain.terms import Approval, RiskLevel

UNCLASSIFIED = RiskLevel.MEDIUM


class Result(StrEnum):
    """How one check went."""

    PASS = "pass"
    FAIL = "fail"
    COULD_NOT_CHECK = "could_not_check"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged: the agent and what it says it wants to do."""

    agent: str
    action: str
    target: str
    parameters: Mapping[str, object]
    claimed: RiskLevel | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One step of the evaluation, with the rule that was used and where it stands."""

    name: str
    result: Result
    words: str
    rule: str = ""
    file: str = ""
    line: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "check": self.name,
            "result": self.result.value,
            "words": self.words,
            "rule": self.rule,
            "file": self.file,
            "line": self.line,
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of it. `plan` says who is asked; it is None only when the action is forbidden."""

    checks: tuple[Check, ...]
    verdict: Approval
    claimed: RiskLevel | None
    computed: RiskLevel
    effective: RiskLevel
    because: tuple[str, ...]
    reason_code: str
    plan: Plan | None
    policy_version: int

    def to_json(self) -> list[dict[str, Any]]:
        return [check.to_json() for check in self.checks]


def evaluate(policy: PolicySet, subject: Subject) -> Evaluation:
    """Deny beats ask beats auto; the effective risk is never below the computed one."""
    rules = [rule for rule in policy.rules if _applies(rule, subject)]
    forbidden = next((rule for rule in rules if rule.approval is Approval.FORBIDDEN), None)
    checks = [_known(subject), _forbidden(subject, forbidden)]
    computed, because, classified = _computed(rules)
    effective = RiskLevel.highest(computed, subject.claimed or computed)
    because += _claim(subject.claimed, computed)
    checks.append(_classified(subject, classified))
    if forbidden is not None:
        return Evaluation(
            tuple(checks), Approval.FORBIDDEN, subject.claimed, computed, effective, because,
            "action_forbidden", None, policy.version,
        )  # fmt: skip
    row = policy.matrix[effective]
    verdict = _verdict(row.plan, rules)
    checks.append(_row(effective, verdict, row.place))
    plan = row.plan if verdict is row.plan.approval else _asking(policy, effective)
    reason = f"risk_{effective}_{verdict}"
    return Evaluation(
        tuple(checks),
        verdict,
        subject.claimed,
        computed,
        effective,
        because,
        reason,
        plan,
        policy.version,
    )


def _applies(rule: ActionRule, subject: Subject) -> bool:
    return fnmatchcase(subject.action, rule.pattern) and any(
        fnmatchcase(subject.agent, pattern) for pattern in rule.agents
    )


def _computed(rules: list[ActionRule]) -> tuple[RiskLevel, tuple[str, ...], ActionRule | None]:
    """The highest risk any matching rule gives; an action nobody classified is asked about."""
    rated = [rule for rule in rules if rule.risk is not None]
    if not rated:
        return UNCLASSIFIED, ("Nobody has classified this action.",), next(iter(rules), None)
    worst = max(rated, key=lambda rule: rule.risk.rank if rule.risk else 0)
    assert worst.risk is not None  # noqa: S101  # narrowed by `rated`
    words = worst.because or f"{worst.policy} rates {worst.pattern} as {worst.risk}."
    return worst.risk, (words,), worst


def _claim(claimed: RiskLevel | None, computed: RiskLevel) -> tuple[str, ...]:
    if claimed is None or claimed is computed:
        return ()
    if claimed.rank > computed.rank:
        return (f"The agent itself claims {claimed}.",)
    return (f"The agent claims {claimed}; that does not lower it.",)


def _verdict(plan: Plan, rules: list[ActionRule]) -> Approval:
    """A rule may ask where the matrix would not; it never passes what the matrix would ask."""
    if plan.approval is Approval.REQUIRED:
        return Approval.REQUIRED
    passes = bool(rules) and all(rule.approval is Approval.AUTO for rule in rules)
    return Approval.AUTO if passes else Approval.REQUIRED


def _asking(policy: PolicySet, level: RiskLevel) -> Plan:
    """The people of the lowest row at or above this level that asks; the risk stays what it is."""
    return next(
        replace(policy.matrix[higher].plan, risk=level)
        for higher in RiskLevel
        if higher.rank >= level.rank and policy.matrix[higher].plan.approval is Approval.REQUIRED
    )


def _known(subject: Subject) -> Check:
    return Check("agent", Result.PASS, f"The agent {subject.agent} is known and its key is valid.")


def _forbidden(subject: Subject, rule: ActionRule | None) -> Check:
    if rule is None:
        return Check("forbidden", Result.PASS, "No rule forbids this action.")
    words = rule.because or f"{rule.policy} forbids {subject.action}."
    return _by(rule, Check("forbidden", Result.FAIL, words))


def _classified(subject: Subject, rule: ActionRule | None) -> Check:
    if rule is None:
        words = f"No rule classifies {subject.action}, so a person is asked."
        return Check("action_rule", Result.COULD_NOT_CHECK, words)
    return _by(rule, Check("action_rule", Result.PASS, f"{subject.action} matches {rule.pattern}."))


def _row(level: RiskLevel, verdict: Approval, place: Place) -> Check:
    words = "Approved by policy." if verdict is Approval.AUTO else "A person must approve."
    return Check(
        "risk_matrix",
        Result.PASS,
        f"Risk {level}: {words}",
        f"matrix.{level}",
        place.file,
        place.line,
    )


def _by(rule: ActionRule, check: Check) -> Check:
    return Check(
        check.name,
        check.result,
        check.words,
        f"{rule.policy}.{rule.pattern}",
        rule.place.file,
        rule.place.line,
    )
