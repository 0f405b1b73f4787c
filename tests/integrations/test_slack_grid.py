"""One installation for a whole organisation speaks for its workspaces, and for nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from approvals.domain.terms import Status
from approvals.models import ApprovalRequest, SlackWorkspace
from approvals.services import actors, clock
from integrations.slack import workspaces
from integrations.slack.workspaces import Installed
from tests.fakes.knocks import signed
from tests.fakes.slack_rooms import RoomySlack, event
from tests.support import cast
from tests.support.slack import knock, linked, refusals, shown

pytestmark = [pytest.mark.urls("tests.integrations.slack_urls"), pytest.mark.django_db]


@pytest.fixture
def slack(settings: Any) -> Iterator[RoomySlack]:
    with RoomySlack() as fake:
        for name, value in fake.settings.items():
            setattr(settings, name, value)
        settings.SLACK_CLIENT_ID, settings.SLACK_CLIENT_SECRET = "111.222", "client-secret"
        settings.SLACK_TEAM_ID = "T1"
        settings.ADAPTERS = ["integrations.slack.adapter.SlackAdapter"]
        yield fake


def installed(team: str, enterprise: str, token: str) -> SlackWorkspace:
    given = Installed(team, enterprise, "Acme", "UB2", token, ("chat:write",))
    return workspaces.install(given, by=actors.operator("tests"), at=clock.now())


def clicked(slack: RoomySlack, row: ApprovalRequest, *, home: str, whole: str, of: str) -> int:
    message = shown(slack, row)
    payload = slack.press(message, message.button("approve") or {}, team=of)
    there = {"team": {"id": home, "enterprise_id": whole}, "enterprise": {"id": whole}}
    return knock(signed(payload | there)).status_code


def test_an_event_of_any_of_its_workspaces_finds_it(slack: RoomySlack) -> None:
    installed("", "E1", "xoxb-org")
    told = {"team_id": "T7", "enterprise_id": "E1"}
    assert workspaces.answering(told) == "xoxb-org"
    assert workspaces.answering({"team_id": "T7", "enterprise_id": "E2"}) is None
    assert workspaces.answering({"team_id": "T7"}) is None
    assert knock(event("app_home_opened", team="T7")).status_code == 403


def test_a_workspaces_own_installation_goes_before(slack: RoomySlack) -> None:
    installed("T7", "E1", "xoxb-own")
    installed("", "E1", "xoxb-org")
    assert workspaces.answering({"team_id": "T7", "enterprise_id": "E1"}) == "xoxb-own"
    assert workspaces.answering({"team_id": "T8", "enterprise_id": "E1"}) == "xoxb-org"


@pytest.mark.parametrize(
    ("whole", "of", "status", "decided", "why"),
    [
        ("E1", "T7", 200, Status.APPROVED, []),
        ("E1", "T9", 200, Status.PENDING, ["foreign_workspace"]),
        ("E2", "T7", 403, Status.PENDING, ["workspace_not_installed"]),
    ],
)
def test_its_members_decide_and_guests_and_others_do_not(
    slack: RoomySlack, settings: Any, whole: str, of: str, status: int, decided: str, why: list[str]
) -> None:
    installed("", "E1", "xoxb-org")
    row = cast.request()
    linked("lin", f"{of}:U1")
    assert clicked(slack, row, home="T7", whole=whole, of=of) == status
    row.refresh_from_db()
    assert row.status == decided
    assert refusals(row) == why
