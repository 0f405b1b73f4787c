"""Somebody's own quiet about one request: no more reminders of it in person, and nothing else changes.

It gives and takes no right, hides nothing, and silences no channel and nobody else. What ended and who
was called in besides is told all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Q

from approvals.domain import errors
from approvals.domain.errors import Refusal
from approvals.domain.terms import OPEN
from approvals.models import ApprovalRequest, Person, ReminderMute
from approvals.models.requests import lookup

MOST = 50  # as many as a person reads through before doing something to several
NOTHING = "Nothing was changed."


def mute(*, ref: str, person: Person, at: datetime) -> ApprovalRequest:
    """Remind this person no more of this one; twice is the same as once.

    Raises NotFound, and AlreadyDecided for what no longer waits: nobody is reminded of that.
    """
    row = _found(ref)
    _refuse_closed(row)
    ReminderMute.objects.get_or_create(request=row, person=person, defaults={"at": at})
    return row


def unmute(*, ref: str, person: Person) -> ApprovalRequest:
    """Remind this person of it again. Raises NotFound, and AlreadyDecided for what no longer waits."""
    row = _found(ref)
    _refuse_closed(row)
    ReminderMute.objects.filter(request=row, person=person).delete()
    return row


def mute_several(refs: Sequence[str], *, person: Person, at: datetime) -> dict[str, str]:
    """Each of these by itself; returns why not, for those that could not be. Raises Invalid for too many."""
    _refuse_too_many(refs)
    wrong = {}
    for ref in dict.fromkeys(refs):
        try:
            mute(ref=ref, person=person, at=at)
        except Refusal as no:
            wrong[ref] = no.words
    return wrong


def unmute_several(refs: Sequence[str], *, person: Person) -> dict[str, str]:
    """The way back, in the same words."""
    _refuse_too_many(refs)
    wrong = {}
    for ref in dict.fromkeys(refs):
        try:
            unmute(ref=ref, person=person)
        except Refusal as no:
            wrong[ref] = no.words
    return wrong


def muted_by(person: Person, rows: Iterable[ApprovalRequest]) -> frozenset[int]:
    """The numbers of these requests of which this person wants no reminders; one statement."""
    found = ReminderMute.objects.filter(person=person, request__in=[row.pk for row in rows])
    return frozenset(found.values_list("request_id", flat=True))


def silenced(request: str, people: Iterable[int]) -> frozenset[int]:
    """Those of these people who want no reminder of the request with this public id; one statement.

    Whoever muted a request that shares its card is meant too: a card reminds of all that stand on it.
    """
    this_card = Q(request__public_id=request) | Q(request__joined__public_id=request)
    found = ReminderMute.objects.filter(this_card, person__in=list(people))
    return frozenset(found.values_list("person_id", flat=True))


def _found(ref: str) -> ApprovalRequest:
    row = ApprovalRequest.objects.filter(**lookup(ref)).first()
    if row is None:
        raise errors.NotFound(f"There is no request {ref[:60]!r}. {NOTHING}")
    return row


def _refuse_closed(row: ApprovalRequest) -> None:
    if row.status not in {status.value for status in OPEN}:
        raise errors.AlreadyDecided(
            f"{row.ref} is {row.status} already, so nobody is reminded of it. {NOTHING}",
            status=row.status,
        )


def _refuse_too_many(refs: Sequence[str]) -> None:
    if len(refs) > MOST:
        raise errors.Invalid(
            f"At most {MOST} can be acted on at once; {len(refs)} were selected. {NOTHING}",
            field="ref",
        )
