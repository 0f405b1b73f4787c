"""Refuse to approve where what would run may not be read: the button may be older than the rule."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from approvals.domain import errors, workflow
from approvals.domain.state import RequestState
from approvals.domain.terms import RiskLevel, Verdict
from approvals.models import ApprovalRequest, Person
from approvals.models.workspaces import Shows
from approvals.services import actors, ledger, showing
from approvals.services.moves import click_attempt

ON_WEB = "Not counted. Critical requests are approved on the dashboard. Open the request to decide."
NOT_SHOWN = (
    "Not counted. This channel may not see what would run, so nobody approves it here. "
    "Open the request to read it and decide."
)


def refuse_unread(
    row: ApprovalRequest,
    *,
    person: Person,
    channel: str,
    addresses: Collection[str],
    critical_on_web: bool,
    at: datetime,
) -> None:
    """Hold an approval that was clicked at these addresses against what holds now.

    Raises NotAllowed, or what closed the request before; either is written down. One statement when
    the click may count.
    """
    words = _why_not(row, channel, addresses, critical_on_web=critical_on_web)
    if not words:
        return

    def move(state: RequestState) -> None:
        workflow.refuse_closed(state, at=at)
        raise errors.NotAllowed(words)

    attempt = click_attempt(Verdict.APPROVE, channel)
    ledger.transition(str(row.public_id), move, actor=actors.person(person), at=at, attempt=attempt)


def _why_not(
    row: ApprovalRequest, channel: str, addresses: Collection[str], *, critical_on_web: bool
) -> str:
    if critical_on_web and row.risk == RiskLevel.CRITICAL:
        return ON_WEB
    shows = showing.strictest(adapter=channel, addresses=addresses)
    return "" if shows is Shows.VALUES else NOT_SHOWN
