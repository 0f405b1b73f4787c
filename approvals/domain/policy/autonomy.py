"""How far an agent is trusted with a class of action, and what that allows.

| stage      | what happens                                                                          |
|------------|---------------------------------------------------------------------------------------|
| none set   | rules, limits and the matrix decide alone                                             |
| shadow     | denied `shadow_mode`, with what would have been                                       |
| supervised | only an effective risk of low is automatic                                            |
| autonomous | rules, limits and the matrix decide; people read summaries                            |
| full       | actions listed under `full` are automatic up to medium risk, where rules that could   |
|            | be checked, or the matrix, would ask; every other layer applies                       |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from approvals.domain.policy import checks, matrix
from approvals.domain.policy.checks import Check, Layer, Result
from approvals.domain.policy.circumstances import Circumstances
from approvals.domain.policy.classes import class_of, matches
from approvals.domain.policy.reading import Place, Value
from approvals.domain.policy.subject import Subject
from approvals.domain.terms import Approval, RiskLevel, Stage

EVERY_CLASS = "*"
SHADOW_MODE = "shadow_mode"


@dataclass(frozen=True, slots=True)
class Demotion:
    """When trust is lowered by rule. `agreement_below` is a share of people's decisions that agreed,
    looked at once there are `minimum` of them."""

    agreement_below: float = 0.9
    minimum: int = 20
    on_breaker: bool = True
    on_incident: bool = True


@dataclass(frozen=True, slots=True)
class AutonomyRules:
    """One section of one policy: what may run by itself at stage full, and what costs trust."""

    policy: str
    place: Place
    full: tuple[str, ...] = ()
    demotion: Demotion | None = None


def read(value: Value, *, policy: str) -> AutonomyRules:
    """Raises PolicyInvalid."""
    body = value.mapping("full", "demote")
    if not body:
        raise value.fail("say 'full', 'demote' or both")
    listed = tuple(item.text() for item in body["full"].items()) if "full" in body else ()
    demotion = _demotion(body["demote"]) if "demote" in body else None
    return AutonomyRules(policy, value.place, listed, demotion)


def _demotion(value: Value) -> Demotion:
    body = value.mapping("agreement_below", "minimum", "on_breaker", "on_incident")
    usual = Demotion()
    return Demotion(
        agreement_below=body["agreement_below"].fraction()
        if "agreement_below" in body
        else usual.agreement_below,
        minimum=body["minimum"].whole(at_least=1) if "minimum" in body else usual.minimum,
        on_breaker=body["on_breaker"].yes_no() if "on_breaker" in body else usual.on_breaker,
        on_incident=body["on_incident"].yes_no() if "on_incident" in body else usual.on_incident,
    )


def demotions(found: Sequence[AutonomyRules]) -> tuple[Demotion, ...]:
    """Every rule that lowers trust; where no policy says one, the usual one holds."""
    return tuple(each.demotion for each in found if each.demotion) or (Demotion(),)


def stage_of(action: str, stages: Mapping[str, Stage]) -> Stage | None:
    """The stage that governs an action: its class's own, else the one for every class."""
    own = stages.get(class_of(action))
    return own if own is not None else stages.get(EVERY_CLASS)


def is_free(
    found: Sequence[AutonomyRules], subject: Subject, effective: RiskLevel, now: Circumstances
) -> bool:
    """Whether stage full lets this action pass where rules and the matrix would ask."""
    return (
        stage_of(subject.action, now.stages) is Stage.FULL
        and effective.rank <= matrix.AUTO_UP_TO.rank
        and _listing(found, subject.action) is not None
    )


def lifts(check: Check) -> bool:
    """Which asks freedom lifts: a rule's that could be checked. The matrix row says itself how it was
    overridden; what could not be checked still asks a person."""
    return (
        check.name is Layer.RULE
        and check.result is Result.FAIL
        and check.leads_to is Approval.REQUIRED
    )


def check(
    found: Sequence[AutonomyRules], subject: Subject, effective: RiskLevel, now: Circumstances
) -> Check:
    """What the stage says; exactly one check, whether or not a stage is set."""
    stage, kind = stage_of(subject.action, now.stages), class_of(subject.action)
    if stage is None:
        words = f"No stage is set for {kind}: the rules decide alone."
        return checks.passed(Layer.AUTONOMY, words)
    facts: dict[str, Any] = {"stage": stage.value, "class": kind}
    who = f"{subject.agent} is at stage {stage} for {kind}"
    if stage is Stage.SHADOW:
        words = f"{who}: what it suggests is written down and never run."
        return checks.refuses(Layer.AUTONOMY, words, reason=SHADOW_MODE, **facts)
    if stage is Stage.SUPERVISED and effective is not RiskLevel.LOW:
        words = f"{who}: only low risk is automatic, and this is {effective}."
        return checks.asks(Layer.AUTONOMY, words, **facts)
    if stage is Stage.FULL:
        return _full(found, subject, effective, who, facts)
    return checks.passed(Layer.AUTONOMY, f"{who}.", **facts)


def _full(
    found: Sequence[AutonomyRules],
    subject: Subject,
    effective: RiskLevel,
    who: str,
    facts: Mapping[str, Any],
) -> Check:
    listing = _listing(found, subject.action)
    if listing is None:
        words = f"{who}, but no policy lists {subject.action} for it: the rules decide."
        return checks.passed(Layer.AUTONOMY, words, **facts)
    rule = f"{listing.policy}.autonomy"
    if effective.rank > matrix.AUTO_UP_TO.rank:
        words = f"{who}, but nothing of risk {effective} runs by itself: the rules decide."
    else:
        words = f"{who}: {subject.action} runs by itself within every limit."
    return checks.passed(Layer.AUTONOMY, words, rule=rule, place=listing.place, **facts)


def _listing(found: Sequence[AutonomyRules], action: str) -> AutonomyRules | None:
    return next((each for each in found if matches(action, each.full)), None)
