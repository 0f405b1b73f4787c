"""A request's history in sentences: its events, and what became of every message about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from approvals import queries
from approvals.domain import display
from approvals.domain.policy import seats
from approvals.domain.state import clock
from approvals.domain.terms import EventKind
from approvals.models import ApprovalRequest, AuditEvent, Delivery, RequestLook
from approvals.models.outbox import DeliveryState
from approvals.ports import MAYBE_TWICE

Entry = Mapping[str, Any]
PLACES = {
    "slack": "Slack",
    "teams": "Teams",
    "email": "e-mail",
    "pagerduty": "PagerDuty",
    "servicenow": "ServiceNow",
    "github": "GitHub",
    "webhook": "the agent's callback",
    "console": "the console",
}
DOORS = {"web": "the dashboard", "slack": "Slack", "teams": "Teams", "api": "the API"}


@dataclass(frozen=True, slots=True)
class Line:
    """One moment; `quote` is what a person or agent wrote, `failed` asks for attention.

    `is_view` says that the quote is somebody's reason to approve, which others read after deciding;
    `again_at` is when what failed is tried again.
    """

    at: datetime
    words: str
    quote: str = ""
    failed: bool = False
    is_view: bool = False
    again_at: datetime | None = None


def draw(
    row: ApprovalRequest, events: Sequence[AuditEvent], looks: Sequence[RequestLook] = ()
) -> list[Line]:
    """Everything that happened to a request, in order: events, messages sent, and who looked."""
    lines = [told(event, row) for event in events]
    sent = [_delivery(delivery) for delivery in queries.deliveries_of(row)]
    seen = [_look(look) for look in looks]
    return sorted([*lines, *(line for line in sent if line), *seen], key=lambda line: line.at)


def quoted(text: str) -> str:
    """What somebody wrote, short and safe to draw."""
    return display.show(text, limit=400).text


def _look(look: RequestLook) -> Line:
    name = display.show_identifier(str(look.person), limit=80).text
    return Line(look.first_at, f"{name} opened this page.")


def told(event: AuditEvent, row: ApprovalRequest) -> Line:
    """One event as a sentence."""
    detail = event.entry.get("detail") or {}
    words = WORDS.get(event.type)
    said = words(detail, event, row) if words else event.type.replace(".", " ").replace("_", " ")
    quote = quoted(str(detail.get("comment") or ""))
    failed = event.type in {
        EventKind.DECISION_REFUSED,
        EventKind.CONSUME_REFUSED,
        EventKind.DELIVERY_DEAD,
    }
    is_view = detail.get("verdict") == "approve" and bool(quote)
    return Line(event.at, display.show_identifier(said, limit=300).text, quote, failed, is_view)


def _delivery(delivery: Delivery) -> Line | None:
    place = PLACES.get(delivery.adapter, delivery.adapter)
    if delivery.adapter != "webhook" and delivery.address:
        place += f" {display.show_identifier(delivery.address, limit=60).text}"
    if delivery.state == DeliveryState.SENT and delivery.finished_at:
        doubt = delivery.last_error if delivery.last_error.startswith(MAYBE_TWICE) else ""
        more = f" {display.show(doubt, limit=400).text}" if doubt else ""
        return Line(delivery.finished_at, f"Delivered to {place}.{more}", failed=bool(doubt))
    if delivery.state == DeliveryState.DEAD:
        error = display.show(delivery.last_error, limit=200).text
        return Line(
            delivery.finished_at or delivery.created_at,
            f"Not delivered to {place}: {error}",
            failed=True,
        )
    if delivery.state == DeliveryState.WAITING and delivery.attempts:
        error = display.show(delivery.last_error, limit=200).text
        times = "once" if delivery.attempts == 1 else f"{delivery.attempts} times"
        return Line(
            delivery.created_at,
            f"Not delivered to {place} yet, tried {times}: {error}",
            failed=True,
            again_at=delivery.due_at,
        )
    if delivery.state == DeliveryState.WAITING:
        return Line(delivery.created_at, f"Waiting to be sent to {place}.")
    return None


def _who(event: AuditEvent) -> str:
    kind, _, name = event.actor.partition(":")
    return {"system": "the service", "policy": "policy", "agent": f"agent {name}"}.get(kind, name)


def _by(verb: str) -> Callable[[Entry, AuditEvent, ApprovalRequest], str]:
    def words(detail: Entry, event: AuditEvent, row: ApprovalRequest) -> str:
        del row
        door = DOORS.get(str(detail.get("channel", "")), str(detail.get("channel", "")))
        comma = "," if detail.get("standing_in_for") else ""
        return f"{detail.get('by') or _who(event)}{comma} {verb}" + (
            f" in {door}." if door else "."
        )

    return words


def _plain(text: str) -> Callable[[Entry, AuditEvent, ApprovalRequest], str]:
    return lambda detail, event, row: text.format(
        who=_who(event), agent=row.agent.name, detail=detail
    )


def _approved(detail: Entry, event: AuditEvent, row: ApprovalRequest) -> str:
    if event.entry.get("basis") == "policy":
        return "Approved by policy."
    if event.entry.get("basis") == "timeout":
        return "Approved by silence, as its policy says."
    return _by("approved")(detail, event, row).removesuffix(".") + "; the request is approved."


def _seat(detail: Entry, event: AuditEvent, row: ApprovalRequest) -> str:
    given = _by("approved")(detail, event, row).removesuffix(".")
    return f"{given} ({detail.get('filled')} of {detail.get('seats')})."


def _denied(detail: Entry, event: AuditEvent, row: ApprovalRequest) -> str:
    if event.entry.get("basis") == "policy":
        return "Denied by policy. Nothing ran."
    return _by("denied")(detail, event, row)


def _asked(detail: Entry, event: AuditEvent, row: ApprovalRequest) -> str:
    to = {"owner": " of the agent's owner", "agent": " of the agent"}
    return _by(f"asked a question{to.get(str(detail.get('asked_of')), '')}")(detail, event, row)


def _escalated(detail: Entry, event: AuditEvent, row: ApprovalRequest) -> str:
    del event, row
    also = " and ".join(seats.spoken(str(team)) for team in detail.get("also") or ())
    return f"No decision in time. Now also with {also}."


def _time_added(detail: Entry, event: AuditEvent, row: ApprovalRequest) -> str:
    del row
    minutes = int(detail["seconds"]) // 60
    until = datetime.fromisoformat(str(detail["decide_by"]))
    return f"{_who(event)} added {minutes} minutes: decide by {clock(until)}."


def _held(detail: Entry, event: AuditEvent, row: ApprovalRequest) -> str:
    verb = {"approve": "approved", "deny": "denied"}.get(str(detail.get("verdict")), "decided")
    return _by(verb)(detail, event, row).removesuffix(".") + ", and could undo it for some seconds."


def _undone(detail: Entry, event: AuditEvent, row: ApprovalRequest) -> str:
    del row
    noun = {"approve": "approval", "deny": "denial"}.get(str(detail.get("verdict")), "decision")
    return f"{detail.get('by') or _who(event)} took the {noun} back before it counted."


def _refused(detail: Entry, event: AuditEvent, row: ApprovalRequest) -> str:
    del row
    return f"{_who(event)}: the attempt to {detail.get('verdict')} was refused. {detail.get('words', '')}"


def _shared(detail: Entry, event: AuditEvent, row: ApprovalRequest) -> str:
    del event, row
    if detail.get("left"):
        return f"{_listed(detail['left'])} left this card."
    took = f"Took over the card of {detail['instead_of']}" if detail.get("instead_of") else ""
    with_ = _listed(detail.get("joined"))
    if took:
        return f"{took}, for {with_} too." if with_ else f"{took}."
    return f"The identical request {with_} joined this card."


def _listed(refs: object) -> str:
    return ", ".join(str(ref) for ref in refs) if isinstance(refs, list) else ""


WORDS: dict[str, Callable[[Entry, AuditEvent, ApprovalRequest], str]] = {
    EventKind.SUBMITTED: _plain("Asked by agent {agent}."),
    EventKind.SEAT_FILLED: _seat,
    EventKind.STAGE_PASSED: _seat,
    EventKind.APPROVED: _approved,
    EventKind.DENIED: _denied,
    EventKind.INVESTIGATING: _asked,
    EventKind.RESUMED: _plain("The clock runs again."),
    EventKind.ESCALATED: _escalated,
    EventKind.REMINDED: _plain("A reminder was sent."),
    EventKind.TIME_ADDED: _time_added,
    EventKind.ASSIGNED: _plain("{who} asked {detail[person]} to look at this."),
    EventKind.EXPIRED: _plain("Nobody decided in time, so it expired. Nothing ran."),
    EventKind.CANCELLED: _plain("Withdrawn by {who}. Nothing ran."),
    EventKind.REVOKED: _plain("Revoked by {who} before it was used. Nothing ran."),
    EventKind.MESSAGE_ADDED: _plain("{who} wrote in the thread."),
    EventKind.CARD_SHARED: _shared,
    EventKind.CONSUMED: _plain("The agent started it."),
    EventKind.OUTCOME_REPORTED: _plain("The agent reports: {detail[status]}."),
    EventKind.GRANT_EXPIRED: _plain("The agent did not use the approval in time. Nothing ran."),
    EventKind.DECISION_HELD: _held,
    EventKind.DECISION_UNDONE: _undone,
    EventKind.DECISION_REFUSED: _refused,
    EventKind.CONSUME_REFUSED: _plain("The agent's attempt to start it was refused."),
    EventKind.BLOCK_MARKED: _plain("{who} said whether it was right to block this."),
    EventKind.DELIVERY_DEAD: _plain("A message about this could not be delivered."),
    EventKind.DELIVERY_RESENT: _plain("{who} had a message about this sent again."),
}
