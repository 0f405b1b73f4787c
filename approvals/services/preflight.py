"""Ask beforehand: what would become of a submission, how long it would take, what would spare people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from approvals.domain.plan import Plan
from approvals.domain.policy import amendments, nearest
from approvals.domain.policy.evaluate import Evaluation, evaluate
from approvals.domain.policy.nearest import Change
from approvals.domain.policy.subject import subject_of
from approvals.domain.terms import Approval, Basis
from approvals.models import Agent, TeamQuestion
from approvals.services import asking, circumstances, policies

MOST_OFFERED = 8
RECENT = 200
ENOUGH = 5  # decided requests of one action say more than those of all actions together


@dataclass(frozen=True, slots=True)
class Preflight:
    """`changes` would each make it automatic; `otherwise` says what stands against it when none would."""

    judged: Evaluation
    changes: tuple[Change, ...]
    otherwise: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """In whole seconds, from so many requests that the slowest of the teams asked decided lately."""

    p50: int
    p90: int
    of: int


def look(*, agent: str, submission: Mapping[str, Any], at: datetime) -> Preflight:
    """Judge a submission and at most 64 others like it; writes nothing and holds nothing."""
    policy = policies.current()
    subject = subject_of(agent, submission)
    asked = Agent.objects.filter(name=agent).first()
    known = circumstances.gather(asked, subject, policy, at=at)
    judged = evaluate(policy, subject, known)
    tried = nearest.changes(policy, agent, submission, known, judged)
    changes = tuple(each for each in tried[:MOST_OFFERED] if _holds(agent, each, at))
    otherwise = () if changes else amendments.wanted(policy, agent, submission, known, judged)
    return Preflight(judged, changes, otherwise)


def expected_wait(plan: Plan, action: str) -> Wait | None:
    """How long the teams asked first took lately: the slowest of them, for all of them must say yes.

    None when one of them never decided anything.
    """
    teams = {requirement.team for requirement in plan.stages[0].requirements}
    waits = [_wait(team, action) for team in sorted(teams)]
    known = [wait for wait in waits if wait]
    return max(known, key=lambda wait: wait.p50) if len(known) == len(waits) else None


def _holds(agent: str, change: Change, at: datetime) -> bool:
    """Whether it passes with what the service knows of exactly this body at that moment."""
    judged = asking.judge(agent=agent, submission=change.body, at=change.at or at)
    return judged.verdict is Approval.AUTO


def _wait(team: str, action: str) -> Wait | None:
    asked = TeamQuestion.objects.filter(team=team).order_by("-at", "-pk")
    columns = ("request__action", "request__basis", "request__created_at", "request__closed_at")
    decided = [
        (name, (closed - made).total_seconds())
        for name, basis, made, closed in asked.values_list(*columns)[:RECENT]
        if closed is not None and basis == Basis.PERSON.value
    ]
    same = [seconds for name, seconds in decided if name == action]
    waits = sorted(same if len(same) >= ENOUGH else [seconds for _, seconds in decided])
    if not waits:
        return None
    last = len(waits) - 1
    return Wait(
        p50=int(waits[len(waits) // 2]),
        p90=int(waits[min(len(waits) * 9 // 10, last)]),
        of=len(waits),
    )
