"""What a manager would have to change in policy, when nothing in a request would make it automatic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from approvals.domain.policy import matrix
from approvals.domain.policy.agent_policy import AgentPolicy
from approvals.domain.policy.checks import Layer, Result
from approvals.domain.policy.circumstances import Circumstances
from approvals.domain.policy.classes import class_of
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.evaluate import Evaluation, evaluate
from approvals.domain.policy.reading import Place
from approvals.domain.policy.rules import ActionRule
from approvals.domain.policy.subject import Subject, subject_of
from approvals.domain.terms import Approval

UNRULED = frozenset({Layer.RULE, Layer.MATRIX})
NOWHERE = Place("", 0, 0)


def wanted(
    policy: PolicySet, agent: str, body: Mapping[str, Any], now: Circumstances, judged: Evaluation
) -> tuple[str, ...]:
    """Sentences, each one thing that stands against it now; all of them would have to change."""
    if judged.verdict is Approval.FORBIDDEN:
        refused = next(each for each in judged.checks if each.leads_to is Approval.FORBIDDEN)
        return (f"Nothing in the request can: {refused.words}",)
    if judged.verdict is Approval.AUTO:
        return ()
    if judged.computed.rank > matrix.AUTO_UP_TO.rank:
        return (
            f"Nothing in the request can: policy rates it {judged.computed}, and above "
            f"{matrix.AUTO_UP_TO} a person is always asked. {' '.join(judged.because)}",
        )
    subject, lower = subject_of(agent, body), tuple[str, ...]()
    if subject.claimed is not None and subject.claimed.rank > judged.computed.rank:
        lower = (f"A claim of no more than {judged.computed} risk, if that is true.",)
        subject = replace(subject, claimed=judged.computed)
        judged = evaluate(policy, subject, now)
    return tuple(dict.fromkeys([*lower, *_each(policy, subject, now, judged)]))


def _each(
    policy: PolicySet, subject: Subject, now: Circumstances, judged: Evaluation
) -> Iterator[str]:
    asking = [check for check in judged.checks if check.leads_to is Approval.REQUIRED]
    ruled = [check for check in asking if check.name is Layer.RULE and check.rule]
    unruled = not ruled and any(check.name in UNRULED for check in asking)
    if unruled and _would_do(policy, subject, now):
        yield f"A policy rule for {subject.action} with approval: auto."
    for check in asking:
        if check.name is Layer.AUTONOMY:
            kind = class_of(subject.action)
            yield f"A higher stage of {subject.agent} for {kind}. {check.words}"
        elif check.result is Result.COULD_NOT_CHECK and check.rule:
            yield f"Say what could not be checked. {check.words}"
        elif check.rule and check.name is not Layer.MATRIX:
            yield f"Another {check.rule} ({check.file}:{check.line}). {check.words}"


def _would_do(policy: PolicySet, subject: Subject, now: Circumstances) -> bool:
    """Whether with such a rule neither rules nor the matrix would ask any more; tried, not guessed."""
    rule = ActionRule(subject.action, Approval.AUTO, None, "", "added", NOWHERE)
    added = AgentPolicy("added", (subject.agent,), NOWHERE, rules=(rule,))
    judged = evaluate(replace(policy, policies=(*policy.policies, added)), subject, now)
    return not any(
        check.leads_to is Approval.REQUIRED and check.name in UNRULED for check in judged.checks
    )
