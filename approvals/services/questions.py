"""Whose answer ends the pause of a question, on the request it was asked about and beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q

from approvals.domain.state import Change, RequestState
from approvals.domain.terms import AskedOf, EventKind, Status
from approvals.models import ApprovalRequest, Person, states
from approvals.models.requests import lookup


def may_end(
    ref: str, state: RequestState, person: Person, asked_of: AskedOf | None, *, at: datetime
) -> bool:
    """Whether this person can let the clock run again: who was asked, whoever asked, or may decide."""
    if person.pk == state.investigator:
        return True
    if asked_of is not None and asked_of.takes_owner and _owns(ref, state, person):
        return True
    approver = states.approver(person)
    may_decide = approver.rights(at=at) & set(state.teams_asked)
    return bool(may_decide) and not state.is_conflicted(approver)


def _owns(ref: str, state: RequestState, person: Person) -> bool:
    """Whether the agent is theirs, now or when it asked; who only made its key answers for nobody."""
    if person.pk not in state.conflicted:
        return False
    theirs = Q(agent__owner=person) | Q(owner_at_submission=person)
    return ApprovalRequest.objects.filter(theirs, **lookup(ref)).exists()


def answered_too(
    row: ApprovalRequest, change: Change, beside: Sequence[ApprovalRequest]
) -> Sequence[ApprovalRequest]:
    """One question was asked of the whole card, so one answer ends the pause of each. A request that
    somebody asked about alone has left the card."""
    del row
    if change.kind is not EventKind.RESUMED:
        return ()
    return [other for other in beside if other.status == Status.INVESTIGATING]
