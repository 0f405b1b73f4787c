"""What a person could say to a request now, asked of the rules themselves before anybody clicks."""

from __future__ import annotations

from datetime import datetime

from approvals.domain import workflow
from approvals.domain.errors import Refusal
from approvals.domain.state import Approver, Click, RequestState
from approvals.domain.terms import Verdict


def refusal(
    state: RequestState, reader: Approver, verdict: Verdict, *, now: datetime
) -> Refusal | None:
    """How this verdict of this person would be refused now; None when it would count.

    Whether they signed in just now is asked when they click: here they still can.
    """
    click = Click(reader, verdict, comment="asked beforehand", is_fresh=True)
    try:
        workflow.decide(state, click, at=now)
    except Refusal as no:
        return no
    return None


def may_approve(state: RequestState, reader: Approver, *, now: datetime) -> bool:
    return refusal(state, reader, Verdict.APPROVE, now=now) is None
