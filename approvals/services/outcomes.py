"""Write down what the agent reports after it ran."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from approvals.domain import running
from approvals.models import Agent, ApprovalRequest
from approvals.services import actors, breakers, ledger


def report(*, ref: str, agent: Agent, outcome: Mapping[str, Any], at: datetime) -> ApprovalRequest:
    """Once per request; the same report again changes nothing, a success may later be rolled back.

    The agent's circuit breakers are looked at in the same transaction.
    Raises NotFound for another agent's request, NotConsumed, OutcomeConflict.
    """
    return ledger.transition(
        ref,
        lambda state: running.report_outcome(state, outcome, at=at),
        actor=actors.agent(agent),
        at=at,
        of=agent,
        also=lambda row: breakers.reported(row, at=at),
    )
