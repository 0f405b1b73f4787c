"""Write into ServiceNow what was decided here, each decision into its own person's row only."""

from __future__ import annotations

import structlog

from approvals import queries
from approvals.domain.cards import Card
from approvals.domain.errors import NotFound
from approvals.domain.terms import Status, Verdict
from approvals.models import ApprovalRequest, Decision
from integrations.servicenow import approvers, changes, texts
from integrations.servicenow.approvers import APPROVED, REJECTED
from integrations.servicenow.changes import ChangeRequest
from integrations.servicenow.configuration import Configuration
from integrations.servicenow.identity import KIND, person_asked
from integrations.servicenow.wire import Refused, Wire

logger = structlog.get_logger(__name__)

STATES = {Verdict.APPROVE: APPROVED, Verdict.DENY: REJECTED}


def settle(wire: Wire, change: ChangeRequest, card: Card, *, settings: Configuration) -> None:
    """Bring rows and state in line with a request that is closed here. Raises DeliveryError.

    What may be repeated: rows that were answered no longer wait, and states that were reached are
    behind us.
    """
    if card.is_open:
        return
    _answer_rows(wire, change, card, settings=settings)
    if card.status is Status.APPROVED:
        changes.walk(wire, change, towards=changes.TOWARDS_WORK)
    else:
        because = f"{card.ref} is {card.status} in Countersign. {card.state_line}"
        changes.walk(wire, change, towards=changes.TOWARDS_END, because=because)


def _answer_rows(wire: Wire, change: ChangeRequest, card: Card, *, settings: Configuration) -> None:
    decisions = _decisions(card)
    waiting = approvers.asked(wire, change.sys_id) if decisions else []
    for row in waiting:
        person = person_asked(row, wire=wire, settings=settings)
        decision = decisions.get(person.pk) if person else None
        if person is None or decision is None:
            continue
        verdict = Verdict(decision.verdict)
        words = texts.decider(
            card, by=str(person), email=person.email, comment=_words(card, decision)
        )
        try:
            approvers.answer(wire, row, state=STATES[verdict], comments=words)
        except Refused as refusal:
            # Not every instance lets an integration answer for others; the work note tells it then.
            logger.warning("servicenow row kept", change=change.number, error=refusal.words)


def _decisions(card: Card) -> dict[int, Decision]:
    """The last yes or no of each person who decided elsewhere than in ServiceNow."""
    row = _request(card)
    if row is None:
        return {}
    said = row.decisions.select_related("person").exclude(channel=KIND).order_by("id")
    return {one.person_id: one for one in said if one.verdict in STATES}


def _request(card: Card) -> ApprovalRequest | None:
    try:
        return queries.request(card.public_id)
    except NotFound:
        return None


def _words(card: Card, decision: Decision) -> str:
    """The comment as the card shows it: safe to draw, and without secrets."""
    said = [one for one in card.said if one.at == decision.at and one.verdict == decision.verdict]
    return said[0].shown.text if said else ""
