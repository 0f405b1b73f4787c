"""One line of history: what was asked, what became of it, by whom, and whether it ran."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from approvals.domain import display
from approvals.domain.cards import RISK_SHAPE
from approvals.domain.terms import Basis, RiskLevel, Status, Verdict
from approvals.models import ApprovalRequest, Decision
from approvals.web import moments, rows
from approvals.web.standing import CLOSED, OUTCOMES, Standing

DOORS = {"web": "dashboard", "api": "API", "slack": "Slack", "teams": "Teams", "github": "GitHub",
         "pagerduty": "PagerDuty", "servicenow": "ServiceNow", "email": "e-mail"}  # fmt: skip
BY = {
    Basis.POLICY: "policy",
    Basis.TIMEOUT: "nobody in time",
    Basis.STANDING_GRANT: "a standing grant",
}
LONGEST_TOLD = 300


@dataclass(frozen=True, slots=True)
class Line:
    """What the table shows of one request. `told` answers the question of the view, if it has one."""

    ref: str
    address: str
    number: int
    asked_at: datetime
    risk: RiskLevel
    shape: str
    headline: str
    agent: str
    flags: tuple[str, ...]
    status_words: str
    status_class: str
    by: str
    door: str
    took: str
    ran: str
    rule: int
    told: str
    name: str


def draw(found: Iterable[ApprovalRequest], *, shows: str = "") -> list[Line]:
    """The rows in their order; nothing is read from the database beyond what came with them."""
    return [_line(row, shows) for row in found]


def _line(row: ApprovalRequest, shows: str) -> Line:
    headline, flags = rows.sentence(row)
    decisions = list(row.decisions.all())
    badge = standing_of(row, decisions)
    risk = RiskLevel(row.risk)
    decided = next((given.version for given in decisions if given.is_final), 0)
    return Line(
        ref=row.ref,
        address=f"/r/{row.ref}" + (f"?v={decided}" if decided else ""),
        number=row.number,
        asked_at=row.created_at,
        risk=risk,
        shape=RISK_SHAPE[risk],
        headline=headline,
        agent=display.show_identifier(row.agent.name, limit=80).text,
        flags=tuple(sorted(flag.value.replace("_", " ") for flag in flags)),
        status_words=badge.words,
        status_class=badge.css,
        by=by(row),
        door=door(decisions),
        took=took(row),
        ran=ran(row),
        rule=row.policy_version,
        told=TOLD[shows](row.submission) if shows in TOLD else "",
        name=f"{risk.capitalize()} risk, {headline}, {badge.words.split(' ', 1)[-1].lower()}, {row.ref}",
    )


def standing_of(row: ApprovalRequest, decisions: Iterable[Decision]) -> Standing:
    """The badge, from the row alone."""
    status = Status(row.status)
    if status in CLOSED:
        return CLOSED[status]
    if status is Status.APPROVED:
        return _approved(row)
    if status is Status.INVESTIGATING:
        return Standing("? Question open", "status-open")
    given = sum(one.verdict == Verdict.APPROVE and one.stage == row.stage for one in decisions)
    if given:
        return Standing(f"◐ {given} approved so far", "status-open")
    return Standing("⇧ Escalated" if row.rung else "◷ Waiting", "status-open")


def _approved(row: ApprovalRequest) -> Standing:
    if row.outcome_status:
        return OUTCOMES[row.outcome_status]
    if row.consumed_at:
        return Standing("▷ Running", "status-closed")
    if row.grant_lapsed:
        return Standing("⌛ Approved, not used", "status-closed")
    return Standing("✔ Approved", "status-closed")


def by(row: ApprovalRequest) -> str:
    """Whoever decided, and whom they stood in for; silence and policy are named as such."""
    if not row.basis:
        return ""
    return BY.get(Basis(row.basis), display.show_identifier(row.closed_by, limit=120).text)


def door(decisions: Iterable[Decision]) -> str:
    """Where people decided: the dashboard, Slack, …"""
    given = [one.channel for one in decisions if one.verdict != Verdict.INVESTIGATE]
    return ", ".join(dict.fromkeys(DOORS.get(channel, channel) for channel in given))


def took(row: ApprovalRequest) -> str:
    """How long it took to decide."""
    if row.closed_at is None:
        return ""
    return moments.span(row.closed_at - row.created_at) if row.asked else "at once"


def ran(row: ApprovalRequest) -> str:
    """Whether it ran, as far as its agent reported."""
    if row.outcome_status:
        return {"success": "Ran", "failure": "Failed", "rolled_back": "Rolled back"}[
            row.outcome_status
        ]
    if row.consumed_at:
        return "Started, no report yet"
    if row.status == Status.APPROVED:
        return "No" if row.grant_lapsed else "Not started"
    return "No" if row.closed_at else "Not decided"


def _why(submission: Mapping[str, Any]) -> str:
    said = submission.get("reasoning")
    shown = display.show(str(said), limit=LONGEST_TOLD).text if said else ""
    return f"The agent says (not checked): {shown}" if shown else "The agent gave no reason."


def _before(submission: Mapping[str, Any]) -> str:
    state = (submission.get("rollback") or {}).get("state_before")
    if state is None:
        return "The agent gave no state before."
    text = state if isinstance(state, str) else json.dumps(state, ensure_ascii=False)
    return f"Before, the agent says (not checked): {display.show(text, limit=LONGEST_TOLD).text}"


def _undo(submission: Mapping[str, Any]) -> str:
    rollback = submission.get("rollback") or {}
    how = display.show(str(rollback.get("how") or ""), limit=LONGEST_TOLD).text
    if rollback.get("available") is False:
        return "The agent says it cannot be undone (not checked)."
    return (
        f"To undo, the agent says (not checked): {how}"
        if how
        else "The agent did not say how to undo it."
    )


TOLD: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "why": _why,
    "before": _before,
    "undo": _undo,
}
