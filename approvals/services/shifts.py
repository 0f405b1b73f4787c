"""On call by hand: a member of a team takes a shift, whatever its schedule says."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from approvals.domain import errors
from approvals.domain.terms import EventKind
from approvals.models import Person, ShiftOverride, Team, TeamMember, absences
from approvals.services import actors, audit, on_call, stewards

LONGEST = timedelta(days=31)
NOTHING = "Nothing was changed."


def may_set(person: Person, team: Team) -> bool:
    """Members of the team swap shifts among themselves; managers and operators set them too."""
    is_member = TeamMember.objects.filter(team=team, person=person).exists()
    return person.is_active and (stewards.is_steward(person) or is_member)


def take(
    *, team: Team, person: Person, starts_at: datetime, ends_at: datetime, by: Person, at: datetime
) -> ShiftOverride:
    """Put somebody on call by hand; a start in the past becomes now.

    Raises NotAllowed for strangers of the team, and Invalid for times that cannot be, for somebody who
    is no active member (a shift gives nobody a right of another team) or who is away meanwhile.
    """
    _refuse_stranger(team, by)
    starts_at = max(starts_at, at)
    if not starts_at < ends_at <= starts_at + LONGEST:
        words = f"A shift ends after it starts, at most {LONGEST.days} days later. {NOTHING}"
        raise errors.Invalid(words, field="shift_ends")
    if not TeamMember.objects.filter(team=team, person=person, person__is_active=True).exists():
        words = f"{person} is not in {team}, so they cannot decide for it. {NOTHING}"
        raise errors.Invalid(words, field="shift_person")
    if absences.overlapping(starts_at, ends_at).filter(person=person).exists():
        words = f"{person} is away within that time. {NOTHING}"
        raise errors.Invalid(words, field="shift_person")
    with transaction.atomic():
        row = ShiftOverride.objects.create(
            team=team,
            person=person,
            starts_at=starts_at,
            ends_at=ends_at,
            made_by=by,
            made_at=at,
        )
        _record(row, by=by, at=at, change="by_hand")
    on_call.settle(at=at)
    return row


def end(shift: ShiftOverride, *, by: Person, at: datetime) -> None:
    """The schedule speaks again. Raises NotAllowed, or Conflict when the shift is over already."""
    _refuse_stranger(shift.team, by)
    with transaction.atomic():
        ended = ShiftOverride.objects.filter(pk=shift.pk, ended_at=None, ends_at__gt=at).update(
            ended_at=at
        )
        if not ended:
            raise errors.Conflict(f"That shift is over already. {NOTHING}")
        _record(shift, by=by, at=at, change="ended")
    on_call.settle(at=at)


def _refuse_stranger(team: Team, by: Person) -> None:
    if not may_set(by, team):
        raise errors.NotAllowed(
            f"Only members of {team}, managers and operators can say who is on call. {NOTHING}"
        )


def _record(row: ShiftOverride, *, by: Person, at: datetime, change: str) -> None:
    detail = {
        "team": row.team.name,
        "person": row.person.email,
        "starts_at": audit.stamp(row.starts_at),
        "ends_at": audit.stamp(row.ends_at),
        "change": change,
    }
    audit.append_service(EventKind.SHIFT_CHANGED, actor=actors.person(by), at=at, detail=detail)
