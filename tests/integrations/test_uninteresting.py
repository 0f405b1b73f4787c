"""What a vendor truly sent and nobody here acts on is taken without complaint: refusals switch doors off."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes import github_events
from tests.fakes.github import FakeGitHub
from tests.fakes.servicenow import FakeServiceNow
from tests.fakes.teams import FakeTeams
from tests.support import github as at_github
from tests.support import servicenow as at_servicenow
from tests.support import teams as at_teams

pytestmark = pytest.mark.django_db


@pytest.mark.urls("integrations.teams.urls")
@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("typing", {}),
        ("messageReaction", {"reactionsAdded": [{"type": "like"}], "replyToId": "1700"}),
        ("messageUpdate", {"text": "edited"}),
        ("messageDelete", {"channelData": {"eventType": "softDeleteMessage"}}),
        ("event", {"name": "application/vnd.microsoft.meetingStart", "value": {"Id": "x"}}),
        ("conversationUpdate", {"channelData": {"eventType": "channelRenamed"}}),
        ("endOfConversation", {"code": "unknown"}),
        ("somethingNew", {"value": [1, 2]}),
    ],
)
def test_teams_tells_of_much_that_is_not_for_us(
    teams: FakeTeams, kind: str, more: dict[str, Any]
) -> None:
    told = teams.update(kind)
    data = told["channelData"] | more.pop("channelData", {})
    assert at_teams.knock(teams.signed(told | more | {"channelData": data})).status_code == 200


@pytest.mark.urls("integrations.github.urls")
@pytest.mark.parametrize(
    ("event", "body"),
    [
        ("ping", {"zen": "Keep it logically awesome.", "hook_id": 1}),
        ("push", {"ref": "refs/heads/main"}),
        ("installation", {"action": "created"}),
        ("check_run", {"action": "created"}),
        ("check_run", {"action": "completed", "check_run": None}),
        ("pull_request", {"action": "labeled"}),
        ("pull_request_review", {"action": "edited"}),
        ("deployment_protection_rule", {"action": "somethingNew"}),
        ("somethingNew", {"action": 7}),
    ],
)
def test_github_tells_of_much_that_is_not_for_us(
    github: FakeGitHub, event: str, body: dict[str, Any]
) -> None:
    assert at_github.knock(github_events.signed(event, body)).status_code == 202


@pytest.mark.urls("integrations.servicenow.urls")
@pytest.mark.parametrize("body", [{}, {"table": "incident"}, {"anything": ["at", {"all": None}]}])
def test_whatever_servicenow_pushes_is_a_hint(settings: Any, body: dict[str, Any]) -> None:
    fake: FakeServiceNow
    with at_servicenow.pointed(settings) as fake:
        assert at_servicenow.knock(fake.pushed(body)).status_code == 202
