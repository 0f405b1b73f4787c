"""Being away: who may say so, who may stand in, and what a stand-in may decide, for how long."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from approvals import queries
from approvals.domain import errors
from approvals.domain.policy import seats
from approvals.domain.terms import Verdict
from approvals.models import Absence, AuditEvent, Person, Team, TeamMember, absences, states
from approvals.models.people import Role
from approvals.queries import oncall
from approvals.services import absence, clock, lifecycle, people
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


def managed(person: Person, boss: Person, at: datetime) -> None:
    people.add(email=person.email, name="", manager=boss, actor=cast.OPERATOR, at=at)


def test_the_stand_in_decides_what_the_absent_person_could_and_history_says_so(
    now: datetime,
) -> None:
    grace, ann, stand_in = cast.person("grace"), ana("security"), ben("security")
    cast.person("ada")
    row = cast.request(**cast.HIGH)
    away(ann, stand_in, at=now)
    row = cast.decide(row, stand_in)
    event = queries.events_of(row).get(type="request.seat_filled")
    assert event.entry["detail"]["by"] == "Ben, standing in for Ana"
    assert event.entry["detail"]["standing_in_for"] == {"name": "Ana", "email": "ana@example.com"}
    row = cast.decide(row, cast.person("ada"))
    assert row.closed_by == "Ben, standing in for Ana; and Ada"
    assert grace not in [decision.person for decision in row.decisions.all()]


def test_a_part_of_another_team_is_lent_only_while_the_absence_holds(now: datetime) -> None:
    """Ben manages; Ana manages and does security. While she is away Ben may give either part, once."""
    ann, stand_in = ana(), ben()
    cast.person("ada")
    row = cast.decide(cast.request(**cast.HIGH), cast.person("ada"))
    with pytest.raises(errors.SeatTaken):
        cast.decide(row, stand_in)
    absent = away(ann, stand_in, at=now)
    other = cast.decide(cast.request(**cast.HIGH, session="other"), cast.person("ada"))
    assert cast.decide(row, stand_in).status == "approved"
    absence.end(absent, by=ann, at=clock.now())
    with pytest.raises(errors.SeatTaken):
        cast.decide(other, stand_in)


def test_a_stand_in_fills_one_seat_not_theirs_and_the_absent_persons(now: datetime) -> None:
    ann, stand_in = ana(), ben()
    away(ann, stand_in, at=now)
    row = cast.decide(cast.request(**cast.HIGH), stand_in)
    assert row.status == "pending"
    with pytest.raises(errors.SamePerson):
        cast.decide(row, stand_in)


def test_the_absent_persons_part_is_given_once_whoever_gives_it(now: datetime) -> None:
    """Ben is no security person but through Ana: her part does not fill a seat for each of them."""
    ann, stand_in = ana("team-leads", "security"), ben("team-leads")
    away(ann, stand_in, at=now)
    row = cast.decide(cast.request(**cast.HIGH), stand_in)
    with pytest.raises(errors.SeatTaken):
        cast.decide(row, ann)
    other = cast.decide(cast.request(**cast.HIGH, session="other"), ann)
    with pytest.raises(errors.SamePerson, match="for whom you stand in"):
        cast.decide(other, stand_in)


def test_the_absent_person_may_still_decide_themselves(now: datetime) -> None:
    ann, stand_in = ana("team-leads"), ben("team-leads")
    away(ann, stand_in, at=now)
    assert cast.decide(cast.request(), ann).closed_by == "Ana"


def test_a_stand_in_decides_nothing_of_their_own_agent_nor_for_its_owner(now: datetime) -> None:
    ann, stand_in = ana("team-leads", "security"), ben("team-leads")
    away(ann, stand_in, at=now)
    of_ben, _ = cast.agent("bens", owner=stand_in)
    with pytest.raises(errors.OwnAgent, match="yours"):
        cast.decide(cast.request(of_ben, **cast.HIGH), stand_in)
    of_ana, _ = cast.agent("anas", owner=ann)
    with pytest.raises(errors.OwnAgent, match="too close"):
        cast.decide(cast.request(of_ana, **cast.HIGH), stand_in)


def test_an_approval_given_while_standing_in_stands_after_the_absence(now: datetime) -> None:
    ann, stand_in = ana("team-leads", "security"), ben("team-leads")
    absent = away(ann, stand_in, at=now)
    row = cast.decide(cast.request(**cast.HIGH), stand_in)
    absence.end(absent, by=ann, at=clock.now())
    row = cast.decide(row, cast.person("ada"))
    assert (row.status, row.closed_by) == ("approved", "Ben, standing in for Ana; and Ada")


def test_leaving_the_shared_team_or_switching_off_the_absent_ends_what_is_lent(
    now: datetime,
) -> None:
    ann, stand_in = ana("team-leads", "security"), ben("team-leads")
    away(ann, stand_in, at=now)
    row = cast.request(**cast.HIGH)
    Person.objects.filter(pk=ann.pk).update(is_active=False)
    with pytest.raises(errors.NotAnApprover):
        cast.decide(row, stand_in)
    Person.objects.filter(pk=ann.pk).update(is_active=True)
    people.leave(person=stand_in, team="team-leads", at=now, actor=cast.OPERATOR)
    with pytest.raises(errors.NotAnApprover):
        cast.decide(row, stand_in)


def sit(name: str, *people: Person) -> None:
    """Let them sit where the service itself puts people."""
    team, _ = Team.objects.get_or_create(name=name)
    for person in people:
        TeamMember.objects.create(team=team, person=person)


@pytest.mark.parametrize("prefix", seats.PREFIXES)
def test_a_seat_of_the_services_own_is_no_team_that_people_share(
    now: datetime, prefix: str
) -> None:
    """To manage people of one team, or to be on call together, makes nobody fit for the other."""
    ann, stand_in = ana("security"), ben("team-leads")
    sit(f"{prefix}change-board", ann, stand_in)
    with pytest.raises(errors.Invalid, match="none of Ana's teams"):
        away(ann, stand_in, at=now)
    assert stand_in not in oncall.people_who_may_stand_in(ann)

    row = cast.request(**cast.HIGH)
    said_before = Absence(starts_at=now, ends_at=now + DAY, made_by=ann, made_at=now)
    said_before.person, said_before.stand_in = ann, stand_in
    said_before.save()
    asked = dict((team.name, people) for team, people in queries.approvers_of(states.of(row)))
    assert asked["security"] == [ann]
    with pytest.raises(errors.NotAnApprover):
        cast.decide(row, stand_in)


def test_but_whoever_shares_a_team_is_lent_the_seat_as_well(now: datetime) -> None:
    ann, stand_in = ana("team-leads"), ben("team-leads")
    sit("manager:change-board", ann)
    away(ann, stand_in, at=now)
    [part] = absences.membership([stand_in.pk]).lent[stand_in.pk]
    assert part.teams == {"team-leads", "manager:change-board"}


def test_no_right_passes_through_two_stand_ins(now: datetime) -> None:
    """Carl stands in for Ben, who had stood in for Ana before: Ana's part reaches nobody."""
    ann, stand_in = ana("team-leads", "security"), ben("team-leads")
    carl = cast.person("carl", teams=("team-leads",))
    row = cast.request(**cast.HIGH)
    Absence.objects.bulk_create(
        Absence(
            person=person,
            stand_in=by,
            starts_at=now,
            ends_at=now + DAY,
            made_by=person,
            made_at=now,
        )
        for person, by in ((ann, stand_in), (stand_in, carl))
    )
    for someone in (stand_in, carl):
        with pytest.raises(errors.NotAnApprover):
            cast.decide(row, someone)


def test_cards_name_the_stand_in_and_the_absent_person(now: datetime) -> None:
    ann, stand_in = ana("team-leads", "security"), ben("team-leads")
    away(ann, stand_in, at=now)
    row = cast.request(**cast.HIGH)
    asked = dict((team.name, people) for team, people in queries.approvers_of(states.of(row)))
    assert asked["security"] == [ann, stand_in]
    row = cast.decide(row, stand_in)
    card = queries.card(queries.request(row.ref))
    assert [said.by for said in card.said] == ["Ben, standing in for Ana"]
    denied = cast.decide(row, stand_in, Verdict.DENY, "Not today.")
    assert "Denied by Ben, standing in for Ana" in queries.card(denied).state_line


def test_a_stand_in_may_take_an_approval_back_only_while_the_absence_holds(now: datetime) -> None:
    ann, stand_in = ana("team-leads", "security"), ben("team-leads")
    absent = away(ann, stand_in, at=now)
    row = cast.decide(
        cast.decide(cast.request(**cast.HIGH), cast.person("grace")), cast.person("ada")
    )
    absence.end(absent, by=ann, at=clock.now())
    with pytest.raises(errors.NotAnApprover):
        lifecycle.revoke(ref=row.ref, person=stand_in, at=clock.now())
    away(ann, stand_in, at=clock.now())
    revoked = lifecycle.revoke(ref=row.ref, person=stand_in, at=clock.now())
    assert revoked.status == "revoked"


def test_nobody_plans_so_many_that_clicks_of_the_stand_in_wait(now: datetime) -> None:
    minute = timedelta(minutes=1)
    for number in range(absence.MOST_AHEAD):
        away(ana(), ben(), at=now, starts=2 * number * minute, lasts=minute)

    with pytest.raises(errors.Invalid, match="20 absences of Ana are planned already"):
        away(ana(), ben(), at=now, starts=DAY, lasts=minute)
    assert Absence.objects.count() == absence.MOST_AHEAD


def test_nor_goes_and_comes_back_all_day(now: datetime) -> None:
    second = timedelta(seconds=1)
    for number in range(absence.MOST_A_DAY):
        row = away(ana(), ben(), at=now + number * second)
        absence.end(row, by=ana(), at=now + number * second + second / 2)

    with pytest.raises(errors.TooMany, match="100 times within a day"):
        away(ana(), ben(), at=now + DAY / 2)
    assert away(ana(), ben(), at=now + 2 * DAY).pk
