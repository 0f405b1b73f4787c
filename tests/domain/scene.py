"""The people, plans and moments the domain's tests speak of. It is always noon when a request is opened.

Lin leads a team, Ada manages, Grace does security, Chen and Dana sit on the change board, Sam owns
the agent, and Mallory should get nowhere.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from approvals.domain import workflow
from approvals.domain.plan import Plan, Requirement, Rung, Stage
from approvals.domain.state import Approver, Change, Click, RequestState, Seat
from approvals.domain.terms import Approval, OnTimeout, RiskLevel, Status, Verdict

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
DIGEST = "a" * 64

LIN = Approver(1, "Lin", frozenset({"team-leads"}))
ADA = Approver(2, "Ada", frozenset({"managers"}))
GRACE = Approver(3, "Grace", frozenset({"security"}))
CHEN = Approver(4, "Chen", frozenset({"change-board"}))
DANA = Approver(5, "Dana", frozenset({"change-board"}))
SAM = Approver(6, "Sam", frozenset({"team-leads", "managers"}))
MALLORY = Approver(7, "Mallory", frozenset())


def minutes(count: float) -> datetime:
    """So many minutes after noon."""
    return NOON + count * MINUTE


def a_stage(*teams: str | tuple[str, int], windows: tuple[float, ...] = (5,), **also: Any) -> Stage:
    """Requirements by team (and quorum), and a window of minutes per rung; `also` names later teams."""
    wanted = [team if isinstance(team, tuple) else (team, 1) for team in teams]
    later = also.pop("also", ())
    asked = [(), *((team,) for team in later)]
    rungs = tuple(
        Rung(window * MINUTE, names) for window, names in zip(windows, asked, strict=True)
    )
    return Stage(tuple(Requirement(*pair) for pair in wanted), rungs, **also)


MEDIUM = Plan(
    RiskLevel.MEDIUM,
    Approval.REQUIRED,
    stages=(a_stage("team-leads", windows=(5, 5), also=("managers",)),),
    pause=15 * MINUTE,
)
HIGH = Plan(
    RiskLevel.HIGH, Approval.REQUIRED, stages=(a_stage("managers", "security"),), pause=10 * MINUTE
)
CRITICAL = Plan(
    RiskLevel.CRITICAL, Approval.REQUIRED, stages=(a_stage(("change-board", 2)),), pause=10 * MINUTE
)
TWO_STAGES = Plan(
    RiskLevel.HIGH,
    Approval.REQUIRED,
    stages=(a_stage("team-leads"), a_stage("managers", windows=(7,))),
    pause=10 * MINUTE,
)
SILENT_YES = Plan(
    RiskLevel.MEDIUM,
    Approval.REQUIRED,
    stages=(a_stage("team-leads", on_timeout=OnTimeout.APPROVE),),
    pause=10 * MINUTE,
)


def a_request(
    plan: Plan = MEDIUM, *, limit: timedelta | None = None, **changes: Any
) -> RequestState:
    """A request opened at noon."""
    return replace(workflow.opened(plan, action_sha256=DIGEST, at=NOON, limit=limit), **changes)


def click(
    state: RequestState,
    who: Approver,
    verdict: Verdict,
    at: datetime,
    comment: str = "",
    **seen: Any,
) -> Change:
    return workflow.decide(state, Click(who, verdict, comment, **seen), at=at)


def approve(state: RequestState, who: Approver, at: datetime = NOON, **seen: Any) -> RequestState:
    return click(state, who, Verdict.APPROVE, at, **seen).after


def deny(state: RequestState, who: Approver, at: datetime = NOON) -> RequestState:
    return click(state, who, Verdict.DENY, at, "Not today.").after


def investigate(state: RequestState, who: Approver, at: datetime = NOON) -> RequestState:
    return click(state, who, Verdict.INVESTIGATE, at, "Why eight?").after


def time_passes(state: RequestState, until: datetime) -> RequestState:
    """All that time alone brings about by `until`, as the ledger lets it happen."""
    while change := workflow.overdue(state, at=until):
        state = change.after
    return state


def known_as(state: RequestState, who: Approver) -> RequestState:
    """The same request after somebody's teams have changed."""
    seats = tuple(
        Seat(who, seat.stage, seat.at) if seat.approver.id == who.id else seat
        for seat in state.approvals
    )
    return replace(state, approvals=seats)


def an_approved_request(plan: Plan = MEDIUM) -> RequestState:
    approved = approve(a_request(plan), LIN)
    assert approved.status is Status.APPROVED
    return approved
