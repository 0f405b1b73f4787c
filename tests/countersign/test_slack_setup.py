"""`countersign slack`: what Slack still needs is said with its fix."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from countersign import cli
from tests.fakes.knocks import SECRET
from tests.fakes.slack_rooms import RoomySlack
from tests.support import cast

Captured = pytest.CaptureFixture[str]
pytestmark = pytest.mark.django_db
HEX = "8f742231b10e8888abcd990011223344"


@pytest.fixture
def slack(settings: Any) -> Iterator[RoomySlack]:
    with RoomySlack() as fake:
        for name, value in fake.settings.items():
            setattr(settings, name, value)
        settings.SLACK_SIGNING_SECRET = HEX
        settings.SLACK_TEAM_ID = "T1"
        settings.PUBLIC_URL = "https://approvals.acme.example"
        yield fake


def seen(capsys: Captured, *, code: int) -> dict[str, dict[str, Any]]:
    """The findings by name."""
    capsys.readouterr()
    assert cli.main(["slack", "setup", "--json"]) == code
    answer = json.loads(capsys.readouterr().out)
    assert answer["ready"] is (code == 0)
    return {finding["name"]: finding for finding in answer["findings"]}


def test_a_slack_that_is_set_up_is_zero(slack: RoomySlack, capsys: Captured) -> None:
    found = seen(capsys, code=0)
    assert {finding["level"] for finding in found.values()} == {"OK"}
    assert "private, and the app is a member" in found["slack channel C1"]["words"]
    assert found["slack clicks"]["words"].endswith(
        "https://approvals.acme.example/integrations/slack/events"
    )


def test_looking_posts_nothing(slack: RoomySlack, capsys: Captured) -> None:
    seen(capsys, code=0)
    assert {call.method for call in slack.calls} == {"auth.test", "conversations.info"}


def test_without_a_token_nothing_else_is_looked_at(
    slack: RoomySlack, settings: Any, capsys: Captured
) -> None:
    settings.SLACK_BOT_TOKEN = ""
    assert list(seen(capsys, code=1)) == ["slack"]
    assert slack.calls == []


def test_a_refused_token_fails_and_is_not_printed(slack: RoomySlack, capsys: Captured) -> None:
    slack.will("auth.test", "invalid_auth")
    found = seen(capsys, code=1)
    assert "invalid_auth" in found["slack"]["words"]
    assert "xoxb" not in json.dumps(found)


def test_a_slack_that_is_away_could_not_be_told(
    slack: RoomySlack, settings: Any, capsys: Captured
) -> None:
    settings.SLACK_API_URL = "http://127.0.0.1:9/api/"
    assert seen(capsys, code=3)["slack"]["certain"] is False


@pytest.mark.parametrize(
    ("scopes", "code", "words"),
    [
        ("users:read", 1, "users:read.email is missing"),
        ("chat:write", 0, "users:read.email is missing"),
        ("{all},admin", 0, "more than is needed: admin"),
    ],
)
def test_scopes_are_neither_too_few_nor_too_many(
    slack: RoomySlack, capsys: Captured, scopes: str, code: int, words: str
) -> None:
    slack.scopes = scopes.format(all=slack.scopes)
    assert cli.main(["slack", "setup"]) == code
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "level", "words"),
    [
        ({"private": set()}, "WARN", "it is public"),
        ({"member_of": set()}, "FAIL", "not a member"),
        ({"channels": {}}, "FAIL", "there is none"),
    ],
)
def test_each_channel_is_looked_at(
    slack: RoomySlack, capsys: Captured, change: dict[str, Any], level: str, words: str
) -> None:
    for name, value in change.items():
        setattr(slack, name, value)
    finding = seen(capsys, code=1 if level == "FAIL" else 0)["slack channel C1"]
    assert finding["level"] == level
    assert words in finding["words"]
    assert finding["fix"]


def test_channels_of_policies_are_looked_at_too(
    slack: RoomySlack, settings: Any, capsys: Captured
) -> None:
    cast.policy()
    settings.SLACK_CHANNEL = "#approvals"
    finding = seen(capsys, code=0)["slack channel #approvals"]
    assert finding["level"] == "WARN"
    settings.SLACK_CHANNEL = "T5/C9"
    assert "not installed" in seen(capsys, code=1)["slack channel T5/C9"]["words"]


@pytest.mark.parametrize(
    ("changes", "name", "words"),
    [
        ({"SLACK_SIGNING_SECRET": ""}, "slack signing secret", "is not set"),
        ({"PUBLIC_URL": "http://127.0.0.1:8000"}, "slack clicks", "Slack cannot reach"),
        ({"PUBLIC_URL": "https://localhost"}, "slack clicks", "Slack cannot reach"),
        ({"PUBLIC_URL": "https://10.0.0.8"}, "slack clicks", "Slack cannot reach"),
        ({"SLACK_TEAM_ID": "T7"}, "slack workspace", "which is not listed"),
        (
            {"SLACK_APP_TOKEN": "xoxb-1", "SLACK_SOCKET_MODE": True},
            "slack socket",
            "no app-level token",
        ),
    ],
)
def test_what_is_set_wrongly_is_named(
    slack: RoomySlack,
    settings: Any,
    capsys: Captured,
    changes: dict[str, Any],
    name: str,
    words: str,
) -> None:
    for setting, value in changes.items():
        setattr(settings, setting, value)
    finding = seen(capsys, code=1)[name]
    assert (finding["level"], words in finding["words"]) == ("FAIL", True)


def test_socket_mode_needs_no_way_in(slack: RoomySlack, settings: Any, capsys: Captured) -> None:
    settings.SLACK_APP_TOKEN, settings.SLACK_SOCKET_MODE = "xapp-1", True
    settings.SLACK_SIGNING_SECRET, settings.PUBLIC_URL = "", "http://127.0.0.1:8000"
    assert seen(capsys, code=0)["slack socket"]["level"] == "OK"
    slack.will("apps.connections.open", "not_allowed_token_type")
    assert seen(capsys, code=1)["slack socket"]["level"] == "FAIL"


def test_the_manifest_is_printed_with_our_address(
    slack: RoomySlack, settings: Any, capsys: Captured
) -> None:
    assert cli.main(["slack", "manifest"]) == 0
    said = capsys.readouterr()
    printed = yaml.safe_load(said.out)
    assert printed["settings"]["interactivity"]["request_url"] == (
        "https://approvals.acme.example/integrations/slack/events"
    )
    assert (said.err, "approvals.example.com" in said.out) == ("", False)
    assert cli.main(["slack", "manifest", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == printed
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    cli.main(["slack", "manifest"])
    assert "https addresses only" in capsys.readouterr().err


def test_no_secret_is_ever_printed(slack: RoomySlack, settings: Any, capsys: Captured) -> None:
    settings.SLACK_APP_TOKEN, settings.SLACK_SOCKET_MODE = "xapp-secret", True
    settings.SLACK_CLIENT_ID, settings.SLACK_CLIENT_SECRET = "1.2", "client-secret"
    cli.main(["slack", "setup"])
    cli.main(["slack", "setup", "--json"])
    out = capsys.readouterr().out
    for secret in (HEX, SECRET, "xapp-secret", "client-secret", "xoxb"):
        assert secret not in out
