"""Say that somebody is away, and that they are back."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from approvals.domain import errors
from approvals.domain.terms import EventKind
from approvals.models import Absence, Person
from approvals.models.people import Role
from approvals.services import actors, audit

LONGEST = timedelta(days=366)
MAY_FOR_OTHERS = (Role.MANAGER.value, Role.OPERATOR.value)


class MayNotSay(errors.NotAllowed):
    """People say themselves that they are away; managers and operators may say it of others."""


def current(person: Person, *, at: datetime) -> Absence | None:
    """The absence this person is in at this moment."""
    rows = Absence.objects.filter(person=person, ended_at=None, starts_at__lte=at, ends_at__gt=at)
    return rows.select_related("stand_in").order_by("-ends_at").first()


def begin(
    *,
    person: Person,
    by: Person,
    ends_at: datetime,
    at: datetime,
    starts_at: datetime | None = None,
    stand_in: Person | None = None,
    note: str = "",
) -> Absence:
    """Somebody is away from `starts_at`, or from now, until `ends_at`. What overlaps is ended.

    Raises MayNotSay, or Invalid for a time or a stand-in that cannot be.
    """
    _refuse_others(person, by)
    begins = starts_at or at
    if not max(begins, at) < ends_at <= at + LONGEST:
        raise errors.Invalid(
            "The absence must end after it begins, within a year. Nothing was changed.",
            field="ends_at",
        )
    if stand_in is not None and (stand_in.pk == person.pk or not stand_in.is_active):
        raise errors.Invalid(
            "Somebody else who is active must stand in. Nothing was changed.", field="stand_in"
        )
    with transaction.atomic():
        rows = Absence.objects.select_for_update().filter(person=person, ended_at=None)
        rows.filter(starts_at__lt=ends_at, ends_at__gt=begins).update(ended_at=at)
        row = Absence.objects.create(
            person=person,
            stand_in=stand_in,
            starts_at=begins,
            ends_at=ends_at,
            note=note[:300],
            made_by=by,
            made_at=at,
        )
        detail = {
            "person": person.email,
            "from": audit.stamp(begins),
            "until": audit.stamp(ends_at),
            "stand_in": stand_in.email if stand_in else "",
        }
        audit.append_service(EventKind.PERSON_AWAY, actor=actors.person(by), at=at, detail=detail)
    return row


def end(*, person: Person, by: Person, at: datetime) -> bool:
    """They are back now; False when they were not away. Raises MayNotSay."""
    _refuse_others(person, by)
    with transaction.atomic():
        rows = Absence.objects.select_for_update().filter(person=person, ended_at=None)
        changed = rows.filter(starts_at__lte=at, ends_at__gt=at).update(ended_at=at)
        if changed:
            audit.append_service(
                EventKind.PERSON_BACK,
                actor=actors.person(by),
                at=at,
                detail={"person": person.email},
            )
    return bool(changed)


def _refuse_others(person: Person, by: Person) -> None:
    if person.pk != by.pk and by.role not in MAY_FOR_OTHERS:
        raise MayNotSay(
            "People say themselves that they are away; managers and operators may say it for them. "
            "Nothing was changed."
        )
