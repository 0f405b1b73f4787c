"""A moment that may lie a year away says which year it is in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from approvals.models import Absence
from approvals.services import clock, on_call
from approvals.services.on_call import Shift
from approvals.web import moments
from tests.integrations.test_on_call import in_force, policy, somebody
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import moment

YEAR = timedelta(days=365)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (datetime(2026, 11, 30, 9, 5, tzinfo=UTC), "Mon 30 Nov, 09:05 UTC"),
        (datetime(2027, 1, 1, 9, 5, tzinfo=UTC), "1 Jan 2027, 09:05 UTC"),
        (datetime(2027, 11, 23, 12, tzinfo=UTC), "23 Nov 2027, 12:00 UTC"),
    ],
)
def test_a_sentence_says_the_year_only_where_it_is_another(at: datetime, words: str) -> None:
    assert moments.day_and_time(at, now=NOW) == words


def test_who_is_away_for_a_year_is_said_to_be_until_the_next(lin: Browser) -> None:
    sam, now = cast.person("sam"), clock.now()
    Absence.objects.create(person=sam, starts_at=now, ends_at=now + YEAR, made_by=sam, made_at=now)

    words = moment(now + YEAR, today=now)
    assert str((now + YEAR).year) in words
    gone = [e.text for e in lin.get("/oncall").every("li") if e.attributes.get("class") == "gone"]
    assert gone
    assert set(gone) == {f"Sam away until {words}; nobody stands in"}


def test_an_absence_planned_for_next_year_is_called_off_by_its_whole_date(lin: Browser) -> None:
    now = clock.now()
    begins = now + YEAR
    Absence.objects.create(
        person=lin.person, starts_at=begins, ends_at=begins + timedelta(days=1),
        made_by=lin.person, made_at=now,
    )  # fmt: skip

    words = f"Call off the absence of Lin from {begins.day} {begins:%b %Y}"
    assert words in lin.get("/oncall").buttons


def test_who_is_on_call_for_weeks_is_so_until_a_date(lin: Browser) -> None:
    in_force(policy())
    now = clock.now()
    until = now + timedelta(days=20)
    shifts = [Shift("ben", somebody("ben", "platform").pk, until)]
    on_call.remember(provider="pagerduty", schedule="PSCHED", shifts=shifts, at=now)

    words = f"on call by the schedule until {moments.day_and_time(until, now=now)}"
    assert words in lin.get("/oncall").text
