"""A button that was offered once counts only where it would be offered now."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.domain.terms import Status
from approvals.models import ApprovalRequest
from approvals.models.workspaces import Shows
from approvals.services import clock, showing
from tests.fakes.slack import FakeSlack
from tests.support import cast
from tests.support.slack import knock, linked, refusals, shown, words_of

pytestmark = [pytest.mark.urls("integrations.slack.urls"), pytest.mark.django_db]
ON_WEB = "Not counted. Critical requests are approved on the dashboard. Open the request to decide."
NOT_SHOWN = (
    "Not counted. This channel may not see what would run, so nobody approves it here. "
    "Open the request to read it and decide."
)


def limit(address: str, shows: Shows) -> None:
    at = clock.now()
    showing.change(adapter="slack", address=address, shows=shows, actor=cast.OPERATOR, at=at)


def status(row: ApprovalRequest) -> str:
    row.refresh_from_db()
    return row.status


def test_a_critical_request_is_no_longer_approved_in_slack_once_that_is_forbidden(
    slack: FakeSlack, settings: Any
) -> None:
    settings.SLACK_CRITICAL_ON_WEB = False
    row = cast.request(**cast.CRITICAL)
    linked("chen")
    message = shown(slack, row)
    settings.SLACK_CRITICAL_ON_WEB = True
    assert knock(slack.click(message, "approve")).status_code == 200
    assert words_of(slack.views[-1]) == ON_WEB
    assert status(row) == Status.PENDING
    assert row.decisions.count() == 0
    assert refusals(row) == ["not_allowed"]


@pytest.mark.parametrize("shows", [Shows.NAMES, Shows.NOTHING])
@pytest.mark.parametrize("address", ["C1", "#approvals"])
def test_a_channel_that_may_no_longer_see_values_no_longer_approves(
    slack: FakeSlack, shows: Shows, address: str
) -> None:
    row = cast.request()
    linked("lin")
    message = shown(slack, row)
    limit(address, shows)
    knock(slack.click(message, "approve"))
    assert words_of(slack.views[-1]) == NOT_SHOWN
    assert status(row) == Status.PENDING
    assert refusals(row) == ["not_allowed"]


def test_a_limit_elsewhere_changes_nothing(slack: FakeSlack) -> None:
    row = cast.request()
    linked("lin")
    message = shown(slack, row)
    limit("C2", Shows.NOTHING)
    knock(slack.click(message, "approve"))
    assert status(row) == Status.APPROVED


def test_what_was_decided_already_is_said_first(slack: FakeSlack) -> None:
    row = cast.request()
    linked("lin")
    message = shown(slack, row)
    late = slack.click(message, "approve")
    knock(slack.click(message, "approve"))
    limit("C1", Shows.NAMES)
    knock(late)
    assert words_of(slack.views[-1]).startswith("Lin approved this")


def test_a_denial_needs_no_values(slack: FakeSlack) -> None:
    row = cast.request()
    linked("lin")
    message = shown(slack, row)
    limit("C1", Shows.NAMES)
    knock(slack.click(message, "deny"))
    knock(slack.submit(slack.views[-1], "Not today."))
    assert status(row) == Status.DENIED


def test_the_door_asks_the_database_for_four_things_before_it_counts(slack: FakeSlack) -> None:
    """The request, its messages, who clicked, and what the channel may see."""
    row = cast.request()
    linked("lin", "T1:U1")
    click = slack.click(shown(slack, row), "approve")
    with CaptureQueriesContext(connection) as seen:
        knock(click)
    assert status(row) == Status.APPROVED
    told = [one["sql"] for one in seen.captured_queries]
    last = next(number for number, sql in enumerate(told) if "approvals_channelshowing" in sql)
    asked = [sql for sql in told[: last + 1] if sql.startswith('SELECT "approvals_')]
    assert len([sql for sql in asked if "approvals_knock" not in sql]) == 4
