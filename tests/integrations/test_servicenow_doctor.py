"""The doctor says of ServiceNow what is wrong, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from approvals.services import clock, deliveries, looking
from countersign.server import servicenow_seen
from tests.fakes import server
from tests.fakes.servicenow import CLIENT, CLIENT_SECRET, ROWS, FakeServiceNow
from tests.support import cast
from tests.support.servicenow import change_requests, look, opened, pointed

pytestmark = pytest.mark.django_db


@pytest.fixture
def servicenow(settings: Any) -> Iterator[FakeServiceNow]:
    with pointed(settings) as fake:
        yield fake


def seen() -> dict[str, tuple[str, str]]:
    return {one.name: (one.level, one.words) for one in servicenow_seen.findings()}


def test_unused_it_is_well(settings: Any) -> None:
    assert seen() == {"servicenow": ("OK", "not used")}


def test_a_policy_that_counts_on_it_is_not_well_without_it(settings: Any) -> None:
    cast.policy()
    assert seen() == {"servicenow": ("OK", "not used")}
    change_requests()
    [(level, words)] = seen().values()
    assert level == "FAIL"
    assert words == (
        "the policy opens change requests there for risk critical, and it is not set up"
    )


@pytest.mark.parametrize("oauth", [False, True])
def test_all_is_well(servicenow: FakeServiceNow, settings: Any, oauth: bool) -> None:
    if oauth:
        settings.SERVICENOW_CLIENT_ID, settings.SERVICENOW_CLIENT_SECRET = CLIENT, CLIENT_SECRET
    opened(servicenow, cast.request(**cast.CRITICAL))
    look(after=timedelta(0))
    found = seen()
    assert {level for level, _ in found.values()} == {"OK"}
    assert list(found) == ["servicenow", "servicenow fields", "servicenow looks"]


def test_it_changes_nothing_there(servicenow: FakeServiceNow) -> None:
    opened(servicenow, cast.request(**cast.CRITICAL))
    before = len(servicenow.calls)
    seen()
    assert {call.method for call in servicenow.calls[before:]} == {"GET"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("SERVICENOW_PASSWORD", "wrong"), ("SERVICENOW_CLIENT_ID", "wrong")],
)
def test_an_account_that_does_not_work_fails(
    servicenow: FakeServiceNow, settings: Any, name: str, value: str
) -> None:
    setattr(settings, name, value)
    assert seen()["servicenow"][0] == "FAIL"


def test_a_table_that_cannot_be_read_fails_and_says_what_follows(
    servicenow: FakeServiceNow,
) -> None:
    servicenow.forbidden = {ROWS}
    level, words = seen()["servicenow"]
    assert level == "FAIL"
    assert "no decision made there can be read back" in words


def test_fields_that_were_dropped_are_named(servicenow: FakeServiceNow) -> None:
    servicenow.dropped = {"description", "correlation_id"}
    cast.request(**cast.CRITICAL)
    deliveries.send_due()
    level, words = seen()["servicenow fields"]
    assert level == "FAIL"
    assert "has lost correlation_id, description" in words


def test_decisions_not_read_back_for_long_are_told(servicenow: FakeServiceNow) -> None:
    assert seen()["servicenow looks"][0] == "WARN"
    at = clock.now() - timedelta(minutes=6)
    looking.look_due(now=lambda: at)
    level, words = seen()["servicenow looks"]
    assert level == "WARN"
    assert f"{at:%H:%M} UTC" in words


@pytest.mark.parametrize("fault", [server.garbage, server.hangs_up, server.says(200, "sleeping")])
def test_an_answer_nobody_can_read_is_no_good_news(
    servicenow: FakeServiceNow, settings: Any, fault: server.Fault
) -> None:
    settings.SERVICENOW_CLIENT_ID = CLIENT
    servicenow.will(fault)
    assert seen()["servicenow"][0] in ("WARN", "FAIL")
