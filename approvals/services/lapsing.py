"""Withdraw requests for more trust that can take effect no more, in the name of the service.

Called by what costs trust, in its own transaction and after its own locks. A request that somebody is
deciding at this moment is passed by, so that nobody waits in a circle; `promotions` refuses it in words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from approvals.domain import workflow
from approvals.domain.state import Change, RequestState
from approvals.models import Agent, ApprovalRequest
from approvals.services import actors, ledger, own

EFFECT = "change_stage"
BY = "the service, since it can take effect no more"


def waiting(agent: Agent) -> list[ApprovalRequest]:
    """The raises that are asked for this agent, and that nobody has decided; the oldest first."""
    return list(own.waiting(EFFECT).filter(target=agent.name))


def lapse(
    agent: Agent, is_meant: Callable[[str], bool], *, why: str, at: datetime
) -> list[ApprovalRequest]:
    """Withdraw what waits for these classes of action, each with the reason; returns what was found."""
    meant = [row for row in waiting(agent) if is_meant(kind_of(row))]
    for row in meant:
        settle(row, why, at=at)
    return meant


def settle(row: ApprovalRequest, why: str, *, at: datetime) -> None:
    """Let time pass over one that waits, and withdraw it where there is a reason to."""

    def move(state: RequestState) -> Change | None:
        if not why:
            return None
        change = workflow.cancel(state, by=BY, at=at, overtaken=True)
        return replace(change, detail={"reason": why})

    ledger.move_free(own.waiting(EFFECT).filter(pk=row.pk), move, actor=actors.SYSTEM, at=at)


def kind_of(row: ApprovalRequest) -> str:
    """The class of action a raise is asked for."""
    return str(row.submission["parameters"]["class"])
