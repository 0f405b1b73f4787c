"""End a request because a system that must agree to it, such as a change calendar, has ended it there."""

from __future__ import annotations

from datetime import datetime

from approvals.domain import workflow
from approvals.domain.state import Change, RequestState
from approvals.domain.terms import ActorKind
from approvals.models import ApprovalRequest
from approvals.services import ledger
from approvals.services.actors import Actor


def cancel(*, ref: str, system: str, because: str, at: datetime) -> ApprovalRequest:
    """Withdraw a request that still waits; `because` stands where people read who closed it.

    For ends that no person of ours answers for. It can only take away: nothing is allowed by it.
    Raises NotFound, AlreadyDecided or Expired.
    """

    def move(state: RequestState) -> Change:
        return workflow.cancel(state, by=because[:200], at=at)

    actor = Actor(ActorKind.SYSTEM, system, because[:200])
    return ledger.transition(ref, move, actor=actor, at=at)
