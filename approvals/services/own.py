"""The service asks for itself: whatever makes guardrails weaker is a request like any other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from approvals.domain import errors
from approvals.domain.terms import OPEN, RiskLevel, Status
from approvals.models import Agent, ApprovalRequest, Person
from approvals.services import agents, asking
from approvals.services.effects import EFFECTS


def ask(
    *,
    effect: str,
    action: str,
    target: str,
    parameters: Mapping[str, Any],
    reasoning: str,
    at: datetime,
    risk: RiskLevel = RiskLevel.HIGH,
    context: Mapping[str, Any] | None = None,
    impact: str = "",
    asked_by: Person | None = None,
) -> ApprovalRequest:
    """Ask people for leave to do something; once they give it, `effect` happens in the same moment.

    `asked_by` cannot approve it. Nothing happens before the approval; a denial leaves all as it is.
    Raises Conflict when nobody would be asked: then nothing is recorded.
    """
    if effect not in EFFECTS:
        raise ValueError(f"there is no effect {effect!r}")
    submission: dict[str, Any] = {"action": action, "target": target, "reasoning": reasoning}
    submission |= {
        "parameters": dict(parameters),
        "risk": risk.value,
        "context": dict(context or {}),
    }
    if impact:
        submission["impact"] = {"summary": impact}
    with transaction.atomic():
        row, _ = asking.submit(
            agent=itself(at=at),
            key=None,
            submission=submission,
            idempotency_key=None,
            at=at,
            effect=effect,
            asked_by=asked_by,
        )
        _refuse_unasked(row)
    return row


def _refuse_unasked(row: ApprovalRequest) -> None:
    """An approval without people would also come without its effect: better no request at all."""
    if Status(row.status).is_final:
        raise errors.Conflict(
            f"The policy in force answers {row.action} by itself ({row.status}), and this needs people. "
            "Nothing was recorded. An operator can apply a policy with --break-glass."
        )


def waiting(effect: str) -> QuerySet[ApprovalRequest]:
    """The service's own requests of one kind that still wait, oldest first. They never share a card."""
    rows = ApprovalRequest.objects.filter(effect=effect, status__in=[each.value for each in OPEN])
    return rows.select_related("agent").order_by("number")


def itself(*, at: datetime) -> Agent:
    """The agent the service asks as. It has no key, so nobody else can ask as it."""
    agent, _ = Agent.objects.get_or_create(
        name=agents.ITSELF,
        defaults={"webhook_secret": agents.webhook_secret(), "created_at": at},
    )
    return agent
