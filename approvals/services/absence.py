"""Who is away and who stands in: an absence is set ahead, ends early when somebody is back, and is history.

A stand-in gives the part of the absent person for as long as the absence holds, and no longer. The rules
of that are `domain.state`'s; whose part somebody has at a moment is `models.absences`'.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from approvals.domain import errors
from approvals.domain.state import clock
from approvals.domain.terms import EventKind
from approvals.models import Absence, Person, TeamMember, absences
from approvals.models.people import Role
from approvals.services import actors, audit

LONGEST = timedelta(days=366)
LONGEST_NOTE = 300
# Each is read at every click of whoever stands in, so nobody makes thousands.
MOST_AHEAD = 20
MOST_A_DAY = 100
NOTHING = "Nothing was changed."


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an absence cannot be set: `field` is the one to mend."""

    field: str
    words: str


def current(person: Person, at: datetime) -> Absence | None:
    """The absence this person is in at this moment."""
    return absences.in_force(at).filter(person=person).first()


def ahead(person: Person, at: datetime) -> list[Absence]:
    """This person's absences that hold now or later, in order; two never overlap."""
    return list(absences.ahead(at).filter(person=person))


def stand_ins_for(person: Person, at: datetime) -> list[Person]:
    """Who may give this person's part at this moment: at most one, and nobody who is away as well."""
    here = current(person, at)
    if here is None or here.stand_in is None or not person.is_active:
        return []
    lent = absences.membership([here.stand_in.pk]).lent[here.stand_in.pk]
    holds = any(part.id == person.pk and part.holds(at) for part in lent)
    return [here.stand_in] if holds else []


def stands_in(person: Person, at: datetime) -> list[Absence]:
    """The absences in which this person stands in at this moment."""
    return list(absences.in_force(at).filter(stand_in=person).order_by("ends_at", "pk"))


def may_set(person: Person, *, by: Person) -> bool:
    """Everybody says for themselves that they are away; their manager and operators may say it too."""
    if not by.is_active:
        return False
    return by.pk in {person.pk, person.manager_id} or Role(by.role) is Role.OPERATOR


def begin(
    person: Person,
    *,
    starts_at: datetime,
    ends_at: datetime,
    stand_in: Person | None,
    by: Person,
    at: datetime,
    note: str = "",
) -> Absence:
    """Say that somebody is away; a start in the past becomes now.

    Raises NotAllowed when that is not for `by` to say, Invalid with the first of the `problems`, and
    TooMany where somebody goes away more often than people do.
    """
    _refuse_stranger(person, by)
    starts_at = max(starts_at, at)
    with transaction.atomic():
        _hold(person, stand_in)
        found = problems(
            person, starts_at=starts_at, ends_at=ends_at, stand_in=stand_in, by=by, at=at, note=note
        )
        if found:
            raise errors.Invalid(f"{found[0].words} {NOTHING}", field=found[0].field)
        _refuse_too_many(person, at=at)
        row = Absence.objects.create(
            person=person,
            stand_in=stand_in,
            starts_at=starts_at,
            ends_at=ends_at,
            note=note.strip(),
            made_by=by,
            made_at=at,
        )
        _record(EventKind.PERSON_AWAY, row, by=by, at=at)
    return row


def put(
    person: Person,
    *,
    starts_at: datetime,
    ends_at: datetime,
    stand_in: Person | None,
    by: Person,
    at: datetime,
    note: str = "",
) -> Absence:
    """Say it anew: whatever was said before ends, and this is all that holds. Raises as `begin` does."""
    with transaction.atomic():
        for before in ahead(person, at):
            end(before, by=by, at=at)
        return begin(
            person,
            starts_at=starts_at,
            ends_at=ends_at,
            stand_in=stand_in,
            by=by,
            at=at,
            note=note,
        )


def end(absence: Absence, *, by: Person, at: datetime) -> Absence:
    """Back, or not going after all: the stand-in's right is gone at once.

    Raises NotAllowed, and Conflict when it is over already.
    """
    _refuse_stranger(absence.person, by)
    with transaction.atomic():
        ended = Absence.objects.filter(pk=absence.pk, ended_at=None, ends_at__gt=at).update(
            ended_at=at
        )
        absence.refresh_from_db()
        if not ended:
            raise errors.Conflict(f"{absence.person} is not away any more. {NOTHING}")
        _record(EventKind.PERSON_BACK, absence, by=by, at=at)
    return absence


def problems(
    person: Person,
    *,
    starts_at: datetime,
    ends_at: datetime,
    stand_in: Person | None,
    by: Person,
    at: datetime,
    note: str = "",
) -> tuple[Problem, ...]:
    """Everything that speaks against an absence, in words for whoever sets it; empty when it may be."""
    found = _wrong_times(max(starts_at, at), ends_at, at=at)
    if len(note.strip()) > LONGEST_NOTE:
        found.append(Problem("note", f"A note has at most {LONGEST_NOTE} characters."))
    if found:
        return tuple(found)
    during = absences.overlapping(max(starts_at, at), ends_at)
    other = during.filter(person=person).first()
    if other is not None:
        span = f"from {clock(other.starts_at)} until {clock(other.ends_at)}"
        found.append(Problem("starts_at", f"{person} is away already {span}. End that first."))
    if stand_in is not None:
        found += _unfit(person, stand_in, by=by)
        found += _absent_too(person, stand_in, during)
    return tuple(found)


def _wrong_times(starts_at: datetime, ends_at: datetime, *, at: datetime) -> list[Problem]:
    if ends_at <= at:
        return [Problem("ends_at", "That end has passed already.")]
    if ends_at <= starts_at:
        return [Problem("ends_at", "The end must be after the start.")]
    if ends_at - starts_at > LONGEST or starts_at - at > LONGEST:
        return [Problem("ends_at", "An absence begins within a year and lasts a year at most.")]
    return []


def _unfit(person: Person, stand_in: Person, *, by: Person) -> list[Problem]:
    if stand_in.pk == person.pk:
        return [Problem("stand_in", "Nobody stands in for themselves.")]
    if stand_in.pk == by.pk:
        words = f"Only {person} can choose you as stand-in; somebody else must set this."
        return [Problem("stand_in", words)]
    if not stand_in.is_active:
        return [Problem("stand_in", f"{stand_in}'s account is switched off.")]
    served = absences.shared().filter(person=person).values("team")
    if not TeamMember.objects.filter(person=stand_in, team__in=served).exists():
        words = f"{stand_in} is in none of {person}'s teams, so they cannot decide for {person}."
        return [Problem("stand_in", words)]
    return []


def _absent_too(person: Person, stand_in: Person, during: absences.Absences) -> list[Problem]:
    """A stand-in who is away, and whoever stands in already, would make a chain."""
    found = []
    theirs = during.filter(person=stand_in).first()
    if theirs is not None:
        span = f"from {clock(theirs.starts_at)} until {clock(theirs.ends_at)}"
        found.append(Problem("stand_in", f"{stand_in} is away too, {span}."))
    duty = during.filter(stand_in=person).select_related("person").first()
    if duty is not None:
        words = (
            f"{person} stands in for {duty.person} until {clock(duty.ends_at)}, and stand-ins make no "
            f"chains. Leave the stand-in empty, or let {duty.person} choose somebody else first."
        )
        found.append(Problem("stand_in", words))
    return found


def _refuse_too_many(person: Person, *, at: datetime) -> None:
    if absences.ahead(at).filter(person=person).count() >= MOST_AHEAD:
        raise errors.Invalid(
            f"{MOST_AHEAD} absences of {person} are planned already. End one first. {NOTHING}",
            field="starts_at",
        )
    day = timedelta(days=1)
    if Absence.objects.filter(person=person, made_at__gt=at - day).count() >= MOST_A_DAY:
        raise errors.TooMany(
            f"{person} was said to be away {MOST_A_DAY} times within a day. {NOTHING}",
            retry_after=3600,
        )


def _refuse_stranger(person: Person, by: Person) -> None:
    if not may_set(person, by=by):
        raise errors.NotAllowed(
            f"Only {person}, their manager or an operator can say whether {person} is away. {NOTHING}"
        )


def _hold(*people: Person | None) -> None:
    """Lock them in one order: two absences set at once must see each other."""
    wanted = sorted(person.pk for person in people if person is not None)
    list(Person.objects.select_for_update().filter(pk__in=wanted).order_by("pk"))


def _record(kind: EventKind, row: Absence, *, by: Person, at: datetime) -> None:
    detail = {
        "person": row.person.email,
        "stand_in": row.stand_in.email if row.stand_in else "",
        "starts_at": audit.stamp(row.starts_at),
        "ends_at": audit.stamp(row.ends_at),
        "note": row.note,
    }
    audit.append_service(kind, actor=actors.person(by), at=at, detail=detail)
