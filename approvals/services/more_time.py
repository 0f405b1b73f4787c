"""Give those who are asked more time, once for each person and request."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from approvals.domain import errors, more_time
from approvals.domain.state import Change, RequestState
from approvals.domain.terms import EventKind
from approvals.models import ApprovalRequest, AuditEvent, Person, states
from approvals.models.requests import lookup
from approvals.services import actors, ledger


def add(*, ref: str, person: Person, at: datetime) -> ApprovalRequest:
    """Move the deadline within the hard end. Raises what `more_time.add` raises, and Conflict when
    this person did it before."""

    def move(state: RequestState) -> Change:
        change = more_time.add(state, states.approver(person), at=at)
        if was_added_by(person, _events(ref)):
            raise errors.Conflict(
                "You added time before, which each does once. Nothing was changed."
            )
        return change

    return ledger.transition(ref, move, actor=actors.person(person), at=at)


def was_added_by(person: Person, events: Iterable[AuditEvent]) -> bool:
    """Whether somebody added time already, by the events of one request."""
    who = str(actors.person(person))
    return any(each.type == EventKind.TIME_ADDED and each.actor == who for each in events)


def _events(ref: str) -> Iterable[AuditEvent]:
    row = ApprovalRequest.objects.only("pk").get(**lookup(ref))
    return AuditEvent.objects.filter(request=row, type=EventKind.TIME_ADDED.value)
