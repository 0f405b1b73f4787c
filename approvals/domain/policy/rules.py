"""Rules about actions: allowed, asked about, forbidden; at what risk, under which conditions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase

from approvals.domain.plan import Requirement
from approvals.domain.policy import checks, conditions, expressions, matrix
from approvals.domain.policy.checks import Check, Layer
from approvals.domain.policy.circumstances import Circumstances
from approvals.domain.policy.classes import is_literal
from approvals.domain.policy.conditions import Condition, Finding
from approvals.domain.policy.expressions import Expression
from approvals.domain.policy.reading import Place, Value, each_of
from approvals.domain.policy.subject import Subject
from approvals.domain.terms import Approval, RiskLevel

LISTS = {
    "allowed": Approval.AUTO,
    "requires_approval": Approval.REQUIRED,
    "forbidden": Approval.FORBIDDEN,
}


@dataclass(frozen=True, slots=True)
class ActionRule:
    """What is known about actions whose name matches `pattern` (a glob), while its conditions hold.

    `approval` None leaves it to the matrix. `approvers` and `timeout` change the plan it leads to.
    """

    pattern: str
    approval: Approval | None
    risk: RiskLevel | None
    because: str
    policy: str
    place: Place
    conditions: tuple[Condition, ...] = ()
    when: Expression | None = None
    approvers: tuple[Requirement, ...] = ()
    timeout: timedelta | None = None

    @property
    def name(self) -> str:
        return f"{self.policy}.{self.pattern}"


@dataclass(frozen=True, slots=True)
class Matched:
    """A rule whose pattern fits, and whether its conditions hold (None: could not be told)."""

    rule: ActionRule
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool | None:
        if any(finding.holds is False for finding in self.findings):
            return False
        return None if any(finding.holds is None for finding in self.findings) else True

    @property
    def counts(self) -> bool:
        """An automatic rule whose conditions fail still speaks: it asks. Any other stays silent."""
        return self.holds is not False or self.rule.approval is Approval.AUTO


def read(value: Value, *, policy: str) -> tuple[ActionRule, ...]:
    """The list of rules, or the plain block of three lists of names."""
    if isinstance(value.plain, dict):
        return tuple(_listed(value, policy))
    return each_of(value.items(), lambda item: _rule(item, policy))


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The rules of one policy, so kept that a thousand names cost no more to look through than ten."""

    literal: Mapping[str, tuple[int, ...]]
    globs: tuple[int, ...]
    rules: tuple[ActionRule, ...]

    @classmethod
    def of(cls, rules: tuple[ActionRule, ...]) -> Rulebook:
        literal: dict[str, list[int]] = {}
        globs = []
        for number, rule in enumerate(rules):
            if is_literal(rule.pattern):
                literal.setdefault(rule.pattern, []).append(number)
            else:
                globs.append(number)
        frozen = {name: tuple(numbers) for name, numbers in literal.items()}
        return cls(frozen, tuple(globs), rules)

    def naming(self, action: str) -> list[ActionRule]:
        """The rules whose pattern fits, in the order they were written."""
        fitting = [
            number for number in self.globs if fnmatchcase(action, self.rules[number].pattern)
        ]
        return [self.rules[number] for number in sorted([*self.literal.get(action, ()), *fitting])]


def matched(rules: Iterable[ActionRule], subject: Subject, now: Circumstances) -> list[Matched]:
    """The rules that name this action, with their conditions looked at."""
    return [Matched(rule, tuple(_findings(rule, subject, now))) for rule in rules]


def forbidding(found: Sequence[Matched], subject: Subject) -> list[Check]:
    """The second check of all: whether a rule forbids the action."""
    made = [_forbidden(each, subject) for each in found if each.rule.approval is Approval.FORBIDDEN]
    return [check for check in made if check] or [
        checks.passed(Layer.FORBIDDEN, "No rule forbids this action.")
    ]


def classifying(found: Sequence[Matched], subject: Subject) -> list[Check]:
    """What the other rules say; an action nobody names is asked about."""
    speaking = [each for each in found if each.rule.approval is not Approval.FORBIDDEN]
    if not any(each.counts for each in speaking):
        words = f"No rule classifies {subject.action}, so a person is asked."
        return [checks.unsure(Layer.RULE, words)]
    return [_classified(each, subject) for each in speaking]


def _forbidden(each: Matched, subject: Subject) -> Check | None:
    rule = each.rule
    if each.holds is False:
        return None
    if each.holds is None:
        words = (
            f"{rule.name} forbids this under conditions that could not be checked: {_said(each)}."
        )
        return checks.unsure(
            Layer.FORBIDDEN, words, rule=rule.name, place=rule.place, **_values(each)
        )
    words = rule.because or f"{rule.policy} forbids {subject.action}."
    return checks.refuses(
        Layer.FORBIDDEN, words, reason="action_forbidden", rule=rule.name, place=rule.place,
        **_values(each),
    )  # fmt: skip


def _classified(each: Matched, subject: Subject) -> Check:
    rule, said = each.rule, _said(each)
    make, words = checks.passed, f"{subject.action} matches {rule.pattern}"
    if each.holds is None:
        make, words = checks.unsure, f"{rule.name} could not be checked: {said}"
    elif each.holds is False and rule.approval is Approval.AUTO:
        make, words = checks.asks, f"Automatic only within its conditions: {said}"
    elif each.holds is False:
        words = f"{rule.name} does not apply: {said}"
    elif rule.approval is Approval.REQUIRED:
        make, words = checks.asks, f"{rule.name} asks a person"
    return make(Layer.RULE, f"{words}.", rule=rule.name, place=rule.place, **_values(each))


def _said(each: Matched) -> str:
    open_ones = [finding.words for finding in each.findings if finding.holds is not True]
    return "; ".join(open_ones)


def _values(each: Matched) -> dict[str, object]:
    return {name: value for finding in each.findings for name, value in finding.values.items()}


def _findings(rule: ActionRule, subject: Subject, now: Circumstances) -> Iterator[Finding]:
    for condition in rule.conditions:
        yield conditions.find(condition, subject, now)
    if rule.when is not None:
        yield expressions.find(rule.when, subject, now)


def _listed(value: Value, policy: str) -> Iterator[ActionRule]:
    for name, listed in value.mapping(*LISTS).items():
        for item in listed.items():
            yield ActionRule(item.name(), LISTS[name], None, "", policy, item.place)


_KEYS = ("name", "approval", "risk", "because", "conditions", "when", "approvers", "timeout")


def _rule(item: Value, policy: str) -> ActionRule:
    body = item.mapping(*_KEYS)
    if "name" not in body:
        raise item.fail("'name' is missing")
    approval = Approval(body["approval"].one_of(*Approval)) if "approval" in body else None
    risk = RiskLevel(body["risk"].one_of(*RiskLevel)) if "risk" in body else None
    if approval is None and risk is None:
        raise item.fail("say 'approval', 'risk' or both")
    if approval is Approval.AUTO and risk and risk.rank > matrix.AUTO_UP_TO.rank:
        raise item.fail(f"an action of risk {risk} is never approved automatically")
    if approval is not Approval.REQUIRED and approval is not None:
        for key in ("approvers", "timeout"):
            if key in body:
                raise body[key].fail(f"{key!r} goes with people being asked, not with {approval}")
    return ActionRule(
        pattern=body["name"].name(),
        approval=approval,
        risk=risk,
        because=body["because"].text() if "because" in body else "",
        policy=policy,
        place=item.place,
        conditions=conditions.read(body["conditions"]) if "conditions" in body else (),
        when=expressions.read(body["when"]) if "when" in body else None,
        approvers=matrix.read_approvers(body["approvers"]) if "approvers" in body else (),
        timeout=body["timeout"].span() if "timeout" in body else None,
    )
