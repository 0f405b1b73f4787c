"""What the doctor and the start say about Teams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from approvals.project import teams_checks
from countersign.server import teams_seen
from countersign.server.findings import Finding
from tests.fakes.teams import PASSWORD, ROOM, FakeTeams
from tests.support.teams import let_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def teams(settings: Any) -> Iterator[FakeTeams]:
    with FakeTeams() as fake:
        for name, value in fake.settings.items():
            setattr(settings, name, value)
        yield fake


def found() -> dict[str, Finding]:
    return {finding.name: finding for finding in teams_seen.findings()}


def test_without_teams_there_is_nothing_to_say() -> None:
    assert found()["teams"].words == "not used"
    assert teams_checks.teams() == []


def test_a_bot_that_was_let_in_is_well(teams: FakeTeams) -> None:
    let_in(teams)
    assert [(each.level, each.words) for each in found().values()] == [
        ("OK", "the bot gets its token"),
        ("OK", "Ops"),
    ]
    assert teams.sent == []


def test_a_bot_that_was_let_in_nowhere_is_told_how(teams: FakeTeams) -> None:
    assert "Install the app" in found()["teams channel"].fix


@pytest.mark.parametrize("channel", ["Elsewhere", "Ops"])
def test_a_channel_that_is_not_one_place_fails_with_ids(
    teams: FakeTeams, settings: Any, channel: str
) -> None:
    settings.TEAMS_CHANNEL = channel
    let_in(teams)
    let_in(teams, "19:other@thread.tacv2")
    finding = found()["teams channel"]
    assert finding.level == "FAIL"
    assert ROOM in finding.fix


def test_no_default_channel_is_worth_a_word(teams: FakeTeams, settings: Any) -> None:
    settings.TEAMS_CHANNEL = ""
    let_in(teams)
    assert found()["teams channel"].level == "WARN"


def test_a_wrong_secret_fails_without_being_told(teams: FakeTeams, settings: Any) -> None:
    settings.TEAMS_APP_PASSWORD = f"{PASSWORD}x"
    finding = found()["teams"]
    assert (finding.level, "invalid_client" in finding.words) == ("FAIL", True)
    assert PASSWORD not in finding.line()


def test_what_cannot_be_reached_could_not_be_told(teams: FakeTeams, settings: Any) -> None:
    settings.TEAMS_TOKEN_URL = "http://127.0.0.1:9/token"
    assert found()["teams"].words.startswith("could not tell")


@pytest.mark.parametrize("name", ["TEAMS_APP_ID", "TEAMS_APP_PASSWORD", "TEAMS_TENANT_ID"])
def test_a_bot_without_one_of_its_settings_stops_the_start(
    teams: FakeTeams, settings: Any, name: str
) -> None:
    setattr(settings, name, "")
    [problem] = teams_checks.teams()
    assert name in problem.msg
    assert problem.hint


@pytest.mark.parametrize("url", ["ftp://x", "smba", "https", "http://[", "sig=secret"])
def test_a_workflow_without_a_web_address_stops_the_start(settings: Any, url: str) -> None:
    settings.TEAMS_WORKFLOW_URL = url
    [problem] = teams_checks.teams()
    assert "TEAMS_WORKFLOW_URL" in problem.msg
    assert "secret" not in problem.msg


def test_a_workflow_alone_is_enough(settings: Any) -> None:
    settings.TEAMS_WORKFLOW_URL = "https://prod-1.westeurope.logic.azure.com/workflows/1?sig=x"
    assert teams_checks.teams() == []
    assert [each.level for each in found().values()] == ["OK", "OK"]
