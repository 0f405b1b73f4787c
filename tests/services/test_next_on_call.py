"""Who is on call next is read from what is known here: shifts by hand before what schedules said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.models import Absence, Person, ShiftOverride, Team
from approvals.services import looking, next_on_call, on_call, people
from approvals.services.on_call import Shift
from tests.fakes.pagerduty import FakePagerDuty
from tests.integrations.test_on_call import in_force, policy, somebody
from tests.support import cast

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture(autouse=True)
def platform(db: None) -> None:
    """A team with a schedule in force, and Lin and Ben in it."""
    cast.policy()
    in_force(policy())
    somebody("lin", "platform")
    somebody("ben", "platform")


def heard(name: str, *, until: datetime | None = None, at: datetime = NOW) -> None:
    shifts = [Shift(name, somebody(name).pk, until)]
    on_call.remember(provider="pagerduty", schedule="PSCHED", shifts=shifts, at=at)


def heard_next(name: str, starts: datetime, *, at: datetime = NOW) -> None:
    next_on_call.remember(
        provider="pagerduty", schedule="PSCHED", starts_at=starts, at=at,
        shifts=[Shift(name, somebody(name).pk, starts + 8 * HOUR)],
    )  # fmt: skip


def by_hand(name: str, starts: datetime, ends: datetime) -> ShiftOverride:
    return ShiftOverride.objects.create(
        team=Team.objects.get(name="platform"), person=somebody(name, "platform"), made_at=NOW,
        made_by=somebody("ada"), starts_at=starts, ends_at=ends,
    )  # fmt: skip


def following(*teams: str, at: datetime = NOW) -> tuple[list[str], datetime] | None:
    found = next_on_call.of(teams or ("platform",), at=at)
    return ([each.name for each in found.people], found.starts_at) if found else None


def test_the_schedule_says_who_has_the_next_shift() -> None:
    heard("lin", until=NOW + HOUR)
    assert following() is None
    heard_next("ben", NOW + HOUR)
    assert following() == (["Ben"], NOW + HOUR)
    assert following("security") is None


def test_where_the_same_person_goes_on_nothing_changes_hands() -> None:
    heard("lin", until=NOW + HOUR)
    heard_next("lin", NOW + HOUR)
    assert following() is None


def test_what_was_heard_long_ago_is_not_said() -> None:
    heard("lin", until=NOW + HOUR, at=NOW - on_call.FRESH)
    heard_next("ben", NOW + HOUR, at=NOW - on_call.FRESH)
    assert following() is None


def test_a_shift_by_hand_goes_before_the_schedule() -> None:
    heard("lin", until=NOW + 2 * HOUR)
    heard_next("lin", NOW + 2 * HOUR)
    by_hand("sam", NOW + HOUR, NOW + 3 * HOUR)
    assert following() == (["Sam"], NOW + HOUR)


def test_where_a_shift_by_hand_ends_the_schedule_speaks_again() -> None:
    heard("lin", until=NOW + 4 * HOUR)
    by_hand("sam", NOW - HOUR, NOW + HOUR)
    assert following() == (["Lin"], NOW + HOUR)
    heard("lin", until=NOW + HOUR / 2)
    heard_next("ben", NOW + HOUR / 2)
    assert following() == (["Ben"], NOW + HOUR)


@pytest.mark.parametrize("what", ["ended", "disabled", "left the team"])
def test_a_shift_that_would_not_count_is_not_said(what: str) -> None:
    shift = by_hand("sam", NOW + HOUR, NOW + 3 * HOUR)
    assert following() == (["Sam"], NOW + HOUR)
    if what == "ended":
        ShiftOverride.objects.filter(pk=shift.pk).update(ended_at=NOW)
    elif what == "disabled":
        Person.objects.filter(pk=shift.person_id).update(is_active=False)
    else:
        shift.person.memberships.all().delete()
    assert following() is None


def test_whoever_will_be_away_is_said_to_be() -> None:
    shift = by_hand("sam", NOW + HOUR, NOW + 3 * HOUR)
    Absence.objects.create(
        person=shift.person,
        starts_at=NOW,
        ends_at=NOW + 2 * HOUR,
        made_by=shift.person,
        made_at=NOW,
    )
    found = next_on_call.of(["platform"], at=NOW)
    assert found is not None
    assert found.away == {shift.person_id}


def test_it_takes_as_many_statements_however_many_shifts_there_are() -> None:
    heard("lin", until=NOW + HOUR)
    heard_next("ben", NOW + HOUR)
    following()

    def statements() -> int:
        with CaptureQueriesContext(connection) as seen:
            following()
        return len(seen)

    few = statements()
    for number in range(1, 30):
        by_hand("sam", NOW + number * HOUR, NOW + (number + 1) * HOUR)
    assert statements() == few
    assert few <= 5


# --- asking PagerDuty, beside all waiting ----------------------------------------------------------


def look(at: datetime) -> None:
    looking.soon("pagerduty", at=at)
    looking.look_due(now=lambda: at)


def on_duty(pagerduty: FakePagerDuty, name: str, start: datetime, end: datetime | None) -> None:
    account = f"P{name.upper()}"
    pagerduty.add_user(account, f"{name}@example.com")
    pagerduty.on_duty(account, start=start.isoformat(), end=end.isoformat() if end else None)
    people.link(
        person=somebody(name), kind="pagerduty", external_id=account, verified_by="tests",
        actor=cast.OPERATOR, at=NOW,
    )  # fmt: skip


def test_a_look_asks_who_has_the_next_shift_too(pagerduty: FakePagerDuty) -> None:
    on_duty(pagerduty, "lin", NOW - HOUR, NOW + HOUR)
    on_duty(pagerduty, "ben", NOW + HOUR, NOW + 9 * HOUR)

    look(NOW)

    assert following() == (["Ben"], NOW + HOUR)
    assert [person.name for person in on_call.who("platform", at=NOW).people] == ["Lin"]
    asked = len(pagerduty.calls)
    look(NOW + 2 * MINUTE)
    assert len(pagerduty.calls) == asked + 1  # the next shift is asked for less often
    look(NOW + 10 * MINUTE)
    assert len(pagerduty.calls) == asked + 3


def test_who_is_on_call_now_is_kept_though_the_next_cannot_be_asked(
    pagerduty: FakePagerDuty,
) -> None:
    on_duty(pagerduty, "lin", NOW - HOUR, NOW + HOUR)
    pagerduty.oncalls.append(
        {**pagerduty.oncalls[0], "start": (NOW + HOUR).isoformat(), "end": "at some point"}
    )
    look(NOW)
    assert [person.name for person in on_call.who("platform", at=NOW).people] == ["Lin"]
    assert following() is None
