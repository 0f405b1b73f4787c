"""One request as people see it: its card, who is asked, and what shares the card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from django.conf import settings

from approvals.domain import cards, workflow
from approvals.domain.cards import Card, Matter, Note, Pending, Said
from approvals.domain.errors import Refusal
from approvals.domain.plan import seated
from approvals.domain.state import Click, RequestState
from approvals.domain.terms import Verdict
from approvals.models import (
    Absence,
    ApprovalRequest,
    Decision,
    HeldDecision,
    Person,
    RequestMessage,
    Team,
    states,
)
from approvals.queries import stand_ins


def beside(row: ApprovalRequest) -> list[str]:
    """The identical requests that share its card, or were decided with it, the oldest first."""
    leader = row.joined or row
    same = [leader, *leader.joiners.all()]
    return [
        other.ref
        for other in same
        if other.pk != row.pk and (other.status, other.closed_at) == (row.status, row.closed_at)
    ]


def approvers_of(state: RequestState) -> list[tuple[Team, list[Person]]]:
    """Who is asked now, team by team, without those the request is too close to."""
    names = list(state.teams_asked) if not state.status.is_final else []
    teams = {
        team.name: team for team in Team.objects.filter(name__in=names).prefetch_related("people")
    }
    members = {
        name: [person for person in team.people.all() if person.is_active]
        for name, team in teams.items()
    }
    instead = stand_ins.standing_in(state, chain.from_iterable(members.values()))
    return [(teams[name], _able(state, members[name], instead)) for name in names if name in teams]


def _able(state: RequestState, members: list[Person], instead: Sequence[Absence]) -> list[Person]:
    """Members, and those who stand in for absent ones; nobody who is too close to the request."""
    there = {person.pk for person in members}
    lent = [each.stand_in for each in instead if each.person_id in there and each.stand_in]
    found = {person.pk: person for person in [*members, *lent]}
    return [person for person in found.values() if not state.is_close(person.pk)]


def nobody_can(state: RequestState) -> bool:
    """True when no set of people could fill the open seats now."""
    if state.status.is_final or not state.plan.stages:
        return False
    people: dict[int, set[str]] = {}
    for team, members in approvers_of(state):
        for person in members:
            people.setdefault(person.pk, set()).add(team.name)
    able = [frozenset(names) for names in people.values()]
    seats = state.current.seat_teams(state.rung)
    return seated(seats, able) < len(seats)


def card(row: ApprovalRequest) -> Card:
    """The card of a request as it stands now."""
    state = states.of(row, decisions=row.decisions.all())
    return cards.draw(
        Matter(
            ref=row.ref,
            public_id=str(row.public_id),
            state=state,
            agent=row.agent.name,
            owner=str(row.agent.owner or ""),
            submission=row.submission,
            because=row.because,
            checks=row.evaluation,
            teams=dict(Team.objects.values_list("name", "title")),
            url=f"{settings.PUBLIC_URL}/r/{row.ref}",
            created_at=row.created_at,
            said=_all_said(row),
            notes=[_note(message) for message in row.messages.all()],
            nobody_can=nobody_can(state),
            beside=beside(row),
            leads=row.joined_id is None,
            effect=row.effect,
            pending=_pending(row, state),
        )
    )


def _pending(row: ApprovalRequest, state: RequestState) -> list[Pending]:
    """What was decided on it and can still be undone, in the order it takes effect."""
    if state.status.is_final:
        return []
    held = HeldDecision.objects.filter(request=row, undone_at=None, released_at=None)
    return [
        Pending(
            by=str(each.person),
            verdict=Verdict(each.verdict),
            at=each.at,
            until=each.release_at,
            ends=_would_end(state, each),
        )
        for each in held.select_related("person").order_by("release_at", "id")
    ]


def _would_end(state: RequestState, held: HeldDecision) -> bool:
    """Whether the request, as it stands, would be closed by this."""
    click = Click(states.approver(held.person), Verdict(held.verdict), held.comment, is_fresh=True)
    try:
        return workflow.decide(state, click, at=held.at).after.status.is_final
    except Refusal:
        return False


def _all_said(row: ApprovalRequest) -> list[Said]:
    decisions = list(row.decisions.all())
    absent = stand_ins.stood_in_for(row) if decisions else {}
    return [_said(each, absent.get((each.person.email, each.at))) for each in decisions]


def _said(decision: Decision, absent: Mapping[str, str] | None) -> Said:
    by = str(decision.person)
    return Said(
        f"{by}, standing in for {absent['name']}" if absent else by,
        Verdict(decision.verdict),
        decision.comment,
        decision.at,
        decision.channel,
    )


def _note(message: RequestMessage) -> Note:
    by = "the agent" if message.from_agent else str(message.person)
    return Note(by, message.from_agent, message.text, message.at)
