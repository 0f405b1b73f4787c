"""History is searched by when requests ended, and by which teams were asked about them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from approvals.domain import search
from approvals.domain.terms import Verdict
from approvals.queries import history
from approvals.services import lifecycle
from tests.support import cast
from tests.support.expired import undecided

pytestmark = pytest.mark.django_db
NOON = datetime(2027, 1, 13, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def found(text: str) -> list[str]:
    wanted = search.parse(text)
    assert wanted.problems == ()
    page = history.page(wanted, now=NOON + 9 * HOUR, below=None, limit=50)
    return [row.target for row in page.rows]


def test_requests_are_found_by_when_they_ended_not_when_they_were_asked() -> None:
    cast.agent()
    denied = cast.request(at=NOON - 3 * MINUTE, target="denied")
    cast.decide(denied, cast.person("lin"), Verdict.DENY, "No.", at=NOON + MINUTE)
    undecided("expired", NOON + 5 * MINUTE)
    cast.request(at=NOON + 6 * MINUTE, target="open")

    assert found("ended-after:2027-01-13T12:00Z") == ["expired", "denied"]
    assert found("ended-after:2027-01-13T12:05Z") == ["expired"]
    assert found("ended-before:2027-01-13T12:05:00Z") == ["denied"]
    assert found("ended-after:9h outcome:denied") == ["denied"]
    assert found("ended-after:2027-01-14") == []


def test_what_was_taken_back_ended_when_it_was_taken_back() -> None:
    cast.agent()
    lin = cast.person("lin")
    row = cast.request(at=NOON, target="revoked")
    cast.decide(row, lin, at=NOON + MINUTE)
    lifecycle.revoke(ref=row.ref, person=lin, at=NOON + 5 * MINUTE)

    assert found("ended-before:2027-01-13T12:04Z") == []
    assert found("ended-after:2027-01-13T12:04Z") == ["revoked"]


def test_a_team_that_stands_in_a_plan_and_was_not_reached_was_not_asked() -> None:
    cast.agent()
    undecided("escalated", NOON)
    undecided("hurried", NOON + HOUR, expires_in="4m")

    assert found("asked:team-leads") == ["hurried", "escalated"]
    assert found("team:managers") == ["hurried", "escalated"]
    assert found("asked:managers") == ["escalated"]
    assert found("asked:managers asked:team-leads") == ["hurried", "escalated"]
    assert found("asked:nobody") == []


def test_a_date_that_is_none_is_said() -> None:
    [problem] = search.parse("ended-after:yesterday").problems
    assert "ended-after:2026-11-22" in problem.words
