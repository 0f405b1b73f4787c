"""A request as one person sees it: with the buttons that would count if they pressed them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from approvals import queries
from approvals.domain import workflow
from approvals.domain.errors import Refusal
from approvals.domain.state import Click, RequestState
from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest, Person, Place, states
from approvals.services import showing
from integrations.teams import cards, configuration, rooms, seals, undoing, viewers

NOTHING_TO_PRESS = "Nothing is asked of you here now."


def own(
    request: str,
    person: Person | None,
    *,
    conversation: str,
    at: datetime,
    notice: str = "",
    link: str = "",
    wants_note: bool = False,
) -> dict[str, Any]:
    """The card as it is now, for this person. Somebody unknown keeps the buttons everybody sees."""
    row = queries.request(request)
    card = showing.as_read(
        queries.card(row), adapter=rooms.ADAPTER, addresses=addresses(row, conversation)
    )
    on_way = undoing.held(card)
    mine = None if person is None else undoing.of_reader(card, on_way, person)
    offered = None if person is None else offered_to(row, person, at=at)
    if offered is not None and not offered and card.is_open and mine is None:
        notice = notice or NOTHING_TO_PRESS
    sealed = seals.seal(
        request=card.public_id,
        version=card.version,
        shown_sha256=card.shown_sha256,
        conversation=conversation,
    )
    is_theirs = person is None or mine is not None
    view = cards.View(
        sealed=sealed,
        undo=undoing.undo_for(card, on_way, conversation=conversation) if is_theirs else "",
        mine=mine,
        viewers=_viewers(card.public_id, conversation) if card.is_open else (),
        offered=offered,
        notice=notice,
        link=link,
        wants_note=wants_note,
        critical_on_web=configuration.current().critical_on_web,
    )
    return cards.draw(card, view)


def addresses(row: ApprovalRequest, conversation: str) -> list[str]:
    """What policies call this conversation, as far as the request was sent there."""
    receipts = row.receipts.filter(adapter=rooms.ADAPTER)
    here = [each.address for each in receipts if each.handle.get("conversation") == conversation]
    return [*here, conversation]


def offered_to(row: ApprovalRequest, person: Person, *, at: datetime) -> frozenset[Verdict]:
    """The verdicts that would count if this person gave them now. A courtesy: nothing rests on it."""
    state = states.of(row, decisions=row.decisions.all())
    return frozenset(v for v in Verdict if _would_count(state, person, v, at=at))


def _would_count(state: RequestState, person: Person, verdict: Verdict, *, at: datetime) -> bool:
    click = Click(states.approver(person), verdict, comment="foreseen", version=state.version)
    try:
        workflow.decide(state, click, at=at)
    except Refusal:
        return False
    return True


def _viewers(request: str, conversation: str) -> tuple[str, ...]:
    place = Place.objects.filter(adapter=rooms.ADAPTER, external_id=conversation).first()
    return viewers.of(request, place) if place else ()
