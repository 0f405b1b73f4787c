"""Whom a transition calls for, and where each adapter promises to tell them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from approvals import queries
from approvals.domain.state import RequestState
from approvals.domain.terms import EventKind, RiskLevel, Verdict
from approvals.models import ApprovalRequest, Delivery, Identity, Person, states
from approvals.ports import Adapter, Calling, Conversing, Gathering, MessageKind, Notice
from approvals.services import quiet

# A whole department need not be written to one by one; the note in the channel names the team.
MOST_CALLED = 20
Promise = tuple[MessageKind, str, datetime]


def promises(
    adapter: Adapter, notice: Notice, row: ApprovalRequest, state: RequestState, *, at: datetime
) -> Iterator[Promise]:
    """What an adapter must tell of a transition: now, to people themselves, and later."""
    named = list(adapter.addresses(notice))
    for kind, address in named:
        yield kind, address, at
    if isinstance(adapter, Calling) and any(kind is MessageKind.CARD for kind, _ in named):
        known = {address for _, address in named}
        for address in _direct(adapter, notice.kind, row, state, at=at):
            if address not in known:
                yield MessageKind.CARD, address, at
    if isinstance(adapter, Conversing) and named:
        for address in _privately(adapter, notice, row, state, at=at):
            yield MessageKind.CARD, address, at
    if isinstance(adapter, Gathering):
        yield from adapter.later(notice)


def wanted(ref: str, about: EventKind, *, kind: str) -> list[str]:
    """The accounts of this kind that a note of this event calls by name, at most `MOST_CALLED`."""
    row = queries.request(ref)
    state = states.of(row, decisions=row.decisions.all())
    return _accounts(_people(row, state, about), kind=kind)


def _direct(
    adapter: Calling, kind: EventKind, row: ApprovalRequest, state: RequestState, *, at: datetime
) -> list[str]:
    """Conversations with whoever is newly asked, and those that already show the card."""
    if not (state.rung or state.stage):
        return []
    standing = Delivery.objects.filter(
        request=row, adapter=adapter.name, kind=MessageKind.CARD.value
    )
    found = list(standing.order_by("id").values_list("address", flat=True))
    if kind is EventKind.ESCALATED and row.joined_id is None:
        called = _newly_asked(state)
        resting = quiet.resting([p.pk for p in called], risk=RiskLevel(row.risk), at=at)
        awake = [person for person in called if person.pk not in resting]
        accounts = _accounts(awake, kind=adapter.name)
        found += [adapter.direct(account) for account in accounts]
    return [address for address in dict.fromkeys(found) if address]


def _privately(
    adapter: Conversing, notice: Notice, row: ApprovalRequest, state: RequestState, *, at: datetime
) -> list[str]:
    """Conversations with whoever must answer, or asked what was answered."""
    people = _spoken_to(notice, row, state, at=at)
    found = [adapter.privately(account) for account in _accounts(people, kind=adapter.accounts)]
    return [address for address in dict.fromkeys(found) if address]


def _spoken_to(
    notice: Notice, row: ApprovalRequest, state: RequestState, *, at: datetime
) -> list[Person]:
    """Who must answer a question: the agent's owner, or else those who are asked, and nobody where the
    agent alone was asked; and of what was answered, whoever asked."""
    kind = notice.kind
    if kind is EventKind.INVESTIGATING:
        found = _who_can_answer(row, state) if notice.asked_of.takes_owner else []
    elif kind in {EventKind.RESUMED, EventKind.MESSAGE_ADDED}:
        questions = row.decisions.filter(verdict=Verdict.INVESTIGATE.value)
        last = questions.select_related("person").order_by("-at", "-pk").first()
        found = [last.person] if last and last.person.is_active else []
    else:
        return []
    away = quiet.resting([p.pk for p in found], risk=RiskLevel(row.risk), at=at)
    return [person for person in found if person.pk not in away]


def _who_can_answer(row: ApprovalRequest, state: RequestState) -> list[Person]:
    owner = row.agent.owner
    if owner is not None and owner.is_active:
        found = [owner]
    else:
        found = list({p.pk: p for _, asked in queries.approvers_of(state) for p in asked}.values())
    return [person for person in found if person.pk != state.investigator]


def _people(row: ApprovalRequest, state: RequestState, about: EventKind) -> list[Person]:
    if about is EventKind.OUTCOME_REPORTED:
        return [row.agent.owner] if row.agent.owner else []
    if state.status.is_final:
        return []
    if about is EventKind.ESCALATED:
        return _newly_asked(state)
    if about not in {EventKind.SEAT_FILLED, EventKind.STAGE_PASSED}:
        return []
    done = {
        decision.person_id
        for decision in row.decisions.all()
        if decision.verdict == Verdict.APPROVE.value
    }
    asked = {p.pk: p for _, people in queries.approvers_of(state) for p in people}
    return [person for number, person in asked.items() if number not in done]


def _newly_asked(state: RequestState) -> list[Person]:
    """Who was not asked before the present rung, without those the request is too close to."""
    also = state.current.rungs[state.rung].also
    people = Person.objects.filter(is_active=True, teams__name__in=also).distinct().order_by("pk")
    too_close = frozenset() if state.plan.owner_may_decide else state.conflicted
    return [person for person in people if person.pk not in too_close]


def _accounts(people: list[Person], *, kind: str) -> list[str]:
    """One account of each person, in their order; the one linked last where there are several."""
    linked = Identity.objects.filter(kind=kind, person__in=people).order_by("created_at")
    accounts = dict(linked.values_list("person_id", "external_id"))
    found = [accounts[person.pk] for person in people if person.pk in accounts]
    return found[:MOST_CALLED]
