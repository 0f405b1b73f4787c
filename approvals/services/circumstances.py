"""Gather what the service knows when a request is judged, and remember what it must count later."""

from __future__ import annotations

from datetime import datetime

from approvals.domain.policy.circumstances import Circumstances
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.evaluate import Evaluation
from approvals.domain.policy.subject import Subject
from approvals.models import Agent, ApprovalRequest
from approvals.services import attention, autonomy, breakers, covering, experience, patterns, usage


def hold(agent: Agent, policy: PolicySet) -> None:
    """Let one submission of this agent be judged at a time, where anything is counted.

    Counts read under this lock stay true until the transaction ends, so limits are exact.
    """
    if policy.counts(agent.name):
        breakers.hold(agent)


def gather(
    agent: Agent | None, subject: Subject, policy: PolicySet, *, at: datetime
) -> Circumstances:
    """Everything the layers look at. `agent` None is one the service does not know yet."""
    if agent is None:
        return Circumstances(now=at)
    return Circumstances(
        now=at,
        denied=attention.denied_lately(agent, subject, policy, at=at),
        tripped=breakers.standing(agent, policy, at=at),
        stages=autonomy.stages_of(agent, at=at),
        standing=covering.in_force(agent, subject, at=at),
        history=experience.of(agent, subject.action, at=at),
        **usage.of(agent, subject, policy, at=at),
    )


def remember(
    row: ApprovalRequest, subject: Subject, evaluation: Evaluation, *, at: datetime
) -> None:
    """Write what later requests are judged by. Needs the transaction that wrote the request."""
    usage.remember(row, subject, at=at)
    patterns.look(row, subject, evaluation, at=at)
    breakers.remember(row, evaluation, at=at)
