"""One request as people see it: its card, who is asked, and what shares the card."""

from __future__ import annotations

from django.conf import settings

from approvals.domain import cards
from approvals.domain.cards import Card, Matter, Note, Said
from approvals.domain.plan import seated
from approvals.domain.state import RequestState
from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest, Decision, Person, RequestMessage, Team, states


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
    return [
        (
            teams[name],
            [p for p in teams[name].people.all() if p.is_active and not _too_close(state, p)],
        )
        for name in names
        if name in teams
    ]


def _too_close(state: RequestState, person: Person) -> bool:
    return person.pk in state.conflicted and not state.plan.owner_may_decide


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
            said=[_said(decision) for decision in row.decisions.all()],
            notes=[_note(message) for message in row.messages.all()],
            nobody_can=nobody_can(state),
            beside=beside(row),
            leads=row.joined_id is None,
            effect=row.effect,
        )
    )


def _said(decision: Decision) -> Said:
    return Said(
        str(decision.person),
        Verdict(decision.verdict),
        decision.comment,
        decision.at,
        decision.channel,
    )


def _note(message: RequestMessage) -> Note:
    by = "the agent" if message.from_agent else str(message.person)
    return Note(by, message.from_agent, message.text, message.at)
