"""Being away: who may say so, who may stand in, and what a stand-in may decide, for how long."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from approvals.domain import errors
from approvals.models import Absence, AuditEvent, Person
from approvals.models.people import Role
from approvals.services import absence, clock, people
from tests.support import cast

DAY = timedelta(days=1)


@pytest.fixture
def now() -> datetime:
    return clock.now()


def ana(*teams: str, role: Role | None = None) -> Person:
    return cast.person("ana", teams=teams or ("managers", "security"), role=role)


def ben(*teams: str) -> Person:
    return cast.person("ben", teams=teams or ("managers",))


def away(
    person: Person,
    stand_in: Person | None,
    *,
    at: datetime,
    starts: timedelta = timedelta(0),
    lasts: timedelta = DAY,
    by: Person | None = None,
) -> Absence:
    return absence.begin(
        person,
        starts_at=at + starts,
        ends_at=at + starts + lasts,
        stand_in=stand_in,
        by=by or person,
        at=at,
    )


def test_an_absence_names_its_stand_in_until_it_ends(now: datetime) -> None:
    row = away(ana(), ben(), at=now)
    assert absence.current(ana(), now) == row
    assert absence.stand_ins_for(ana(), now + DAY / 2) == [ben()]
    assert absence.stand_ins_for(ana(), now + DAY) == []
    assert absence.current(ana(), now + DAY) is None


def test_going_and_coming_back_is_history(now: datetime) -> None:
    row = away(ana(), ben(), at=now)
    absence.end(row, by=ana(), at=now + timedelta(hours=1))
    lines = AuditEvent.objects.filter(type__in=["person.away", "person.back"]).order_by("pk")
    assert [line.type for line in lines] == ["person.away", "person.back"]
    assert lines[0].entry["detail"]["stand_in"] == "ben@example.com"
    assert lines[0].actor == "person:ana@example.com"
    with pytest.raises(errors.Conflict):
        absence.end(row, by=ana(), at=now + timedelta(hours=2))


@pytest.mark.parametrize(
    ("starts", "lasts", "field"),
    [
        (-2 * DAY, DAY, "ends_at"),
        (DAY, -DAY / 2, "ends_at"),
        (DAY, timedelta(0), "ends_at"),
        (DAY, timedelta(days=367), "ends_at"),
        (timedelta(days=400), DAY, "ends_at"),
    ],
)
def test_impossible_times_are_refused(
    now: datetime, starts: timedelta, lasts: timedelta, field: str
) -> None:
    with pytest.raises(errors.Invalid) as refusal:
        away(ana(), None, at=now, starts=starts, lasts=lasts)
    assert refusal.value.facts["field"] == field
    assert not Absence.objects.exists()


def test_a_start_in_the_past_becomes_now_so_that_nothing_is_lent_backwards(now: datetime) -> None:
    row = away(ana(), ben(), at=now, starts=-DAY, lasts=3 * DAY)
    assert row.starts_at == now


def test_overlapping_absences_of_one_person_are_refused(now: datetime) -> None:
    away(ana(), ben(), at=now, lasts=3 * DAY)
    with pytest.raises(errors.Invalid, match="away already"):
        away(ana(), None, at=now, starts=2 * DAY)
    away(ana(), None, at=now, starts=3 * DAY)


def test_a_stand_in_is_of_a_shared_team_active_present_and_somebody_else(now: datetime) -> None:
    with pytest.raises(errors.Invalid, match="none of Ana's teams"):
        away(ana(), cast.person("lin"), at=now)
    with pytest.raises(errors.Invalid, match="for themselves"):
        away(ana(), ana(), at=now)
    gone = cast.person("carl", teams=("managers",))
    away(gone, None, at=now, lasts=2 * DAY)
    with pytest.raises(errors.Invalid, match="away too"):
        away(ana(), gone, at=now)
    Person.objects.filter(pk=ben().pk).update(is_active=False)
    with pytest.raises(errors.Invalid, match="switched off"):
        away(ana(), Person.objects.get(email="ben@example.com"), at=now)


def test_whoever_stands_in_names_no_stand_in_of_their_own(now: datetime) -> None:
    carl = cast.person("carl", teams=("managers",))
    away(ana(), ben(), at=now, lasts=3 * DAY)
    with pytest.raises(errors.Invalid, match="no chains"):
        away(ben(), carl, at=now)
    away(ben(), None, at=now)
    assert absence.stand_ins_for(ana(), now) == []
    assert absence.stand_ins_for(ana(), now + DAY) == [ben()]


def test_only_the_person_their_manager_and_operators_say_who_is_away(now: datetime) -> None:
    boss = cast.person("olga", teams=())
    people.add(email=ana().email, name="Ana", manager=boss, actor=cast.OPERATOR, at=now)
    with pytest.raises(errors.NotAllowed):
        away(Person.objects.get(name="Ana"), None, at=now, by=cast.person("lin"))
    away(Person.objects.get(name="Ana"), ben(), at=now, by=boss)


def test_nobody_makes_themselves_the_stand_in_of_another(now: datetime) -> None:
    operator = cast.person("otto", teams=("managers",), role=Role.OPERATOR)
    with pytest.raises(errors.Invalid, match="Only Ana can choose you"):
        away(ana(), operator, at=now, by=operator)
    away(ana(), operator, at=now)
