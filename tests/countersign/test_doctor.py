"""The doctor finds what is wrong, says what to do, and takes nothing unseen for well."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings

from approvals.models import AuditEvent, Timer
from approvals.services import clock, policies
from countersign import cli
from tests.fakes.nonsense import Nonsense, hangs_up, status
from tests.support import cast
from tests.support.management.commands.flush import without_triggers

Captured = pytest.CaptureFixture[str]
pytestmark = pytest.mark.django_db


@pytest.fixture
def staffed() -> None:
    """A policy, and people for every row of it."""
    for name in ("lin", "ada", "grace", "chen", "dana"):
        cast.person(name)


@pytest.fixture(autouse=True)
def collected(tmp_path: Path) -> Iterator[None]:
    """The tests' own place for static files is one the service would never be given."""
    with override_settings(STATIC_ROOT=tmp_path):
        yield


def examined(capsys: Captured, *, code: int) -> dict[str, dict[str, Any]]:
    """The findings by name."""
    capsys.readouterr()
    assert cli.main(["doctor", "--json"]) == code
    return {finding["name"]: finding for finding in json.loads(capsys.readouterr().out)["findings"]}


@pytest.mark.usefixtures("staffed")
def test_a_healthy_service_is_zero(capsys: Captured) -> None:
    found = examined(capsys, code=0)
    assert {name for name, finding in found.items() if finding["level"] != "OK"} <= {"policy"}
    assert {"database", "migrations", "history", "clock", "redis", "timers", "deliveries"} <= set(
        found
    )


@pytest.mark.usefixtures("staffed")
def test_looking_leaves_nothing_behind(capsys: Captured) -> None:
    before = AuditEvent.objects.count()
    examined(capsys, code=0)
    assert AuditEvent.objects.count() == before


@pytest.mark.usefixtures("staffed")
def test_history_that_can_be_changed_fails(capsys: Captured) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with without_triggers(connection):
        finding = examined(capsys, code=1)["history"]
    assert finding["level"] == "FAIL"
    assert "update, delete" in finding["words"]
    assert finding["fix"]


@pytest.mark.usefixtures("staffed")
def test_files_that_differ_are_not_to_be_applied_unread(capsys: Captured) -> None:
    text = (cast.POLICIES / "default.yaml").read_text()
    changed = {"default.yaml": text.replace("costs money", "costs")}
    policies.apply(
        files=changed,
        author="gitops@example.com",
        commit="abc",
        actor=cast.OPERATOR,
        at=clock.now(),
    )
    told = examined(capsys, code=0)["policy"]
    assert "POLICY_DIR" in told["words"]
    assert "came from gitops@example.com, commit abc" in told["words"]
    assert "do not apply these over them unread" in told["fix"]


def test_a_service_without_a_policy_fails(capsys: Captured) -> None:
    assert "policy apply" in examined(capsys, code=1)["policy"]["fix"]


def test_a_team_nobody_is_in_is_named_with_what_it_stops(capsys: Captured) -> None:
    cast.person("chen")
    found = examined(capsys, code=0)
    assert (
        "nobody can approve critical: it needs 2, the team has 1"
        in found["team change-board"]["words"]
    )
    assert "nobody can approve high" in found["team security"]["words"]


@pytest.mark.usefixtures("staffed")
def test_timers_nobody_fires_fail(capsys: Captured) -> None:
    row = cast.request()
    Timer.objects.filter(request=row).update(due_at=clock.now() - timedelta(minutes=5))
    assert examined(capsys, code=1)["timers"]["level"] == "FAIL"


@pytest.mark.usefixtures("staffed")
@pytest.mark.parametrize(
    ("settings", "name", "code"),
    [
        ({"SECRET_KEY": "short"}, "SECRET_KEY", 1),
        ({"SECRET_KEY": "a" * 60}, "SECRET_KEY", 1),
        ({"PUBLIC_URL": "approvals"}, "PUBLIC_URL", 1),
        ({"PUBLIC_URL": "http://approvals.example.com"}, "PUBLIC_URL", 0),
        ({"REDIS_URL": "redis://127.0.0.1:1/0"}, "redis", 1),
        ({"REDIS_URL": "nonsense"}, "redis", 1),
        ({"DATA_DIR": "/nowhere/at/all"}, "DATA_DIR", 3),
    ],
    ids=str,
)
def test_a_setting_that_is_wrong_is_named_with_its_fix(
    capsys: Captured, settings: dict[str, str], name: str, code: int
) -> None:
    with override_settings(**settings):
        finding = examined(capsys, code=code)[name]
    assert finding["level"] in {"WARN", "FAIL"}
    assert finding["fix"]


SLACK = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "s", "SLACK_CHANNEL": "C1"}
SIGNED_IN = {"ok": True, "user": "countersign", "team": "Acme"}
ALL = "chat:write,commands,users:read,users:read.email,channels:history"


@pytest.mark.usefixtures("staffed")
class TestSlack:
    def test_a_good_token_with_every_scope_is_well(
        self, capsys: Captured, nonsense: Nonsense
    ) -> None:
        nonsense.always = status(200, SIGNED_IN, X_OAuth_Scopes=ALL)
        found = self.seen(capsys, nonsense, code=0)
        assert (found["slack"]["level"], found["slack scopes"]["level"]) == ("OK", "OK")

    def test_a_refused_token_fails_and_is_not_printed(
        self, capsys: Captured, nonsense: Nonsense
    ) -> None:
        nonsense.always = status(200, {"ok": False, "error": "invalid_auth"})
        finding = self.seen(capsys, nonsense, code=1)["slack"]
        assert "invalid_auth" in finding["words"]
        assert "xoxb-1" not in json.dumps(finding)

    def test_a_missing_scope_is_named(self, capsys: Captured, nonsense: Nonsense) -> None:
        nonsense.always = status(200, SIGNED_IN, X_OAuth_Scopes="users:read")
        cli.main(["doctor"])
        with self.settings(nonsense):
            assert cli.main(["doctor"]) == 1
        told = capsys.readouterr().out
        assert "chat:write is missing" in told
        assert "commands is missing: /countersign is not there" in told

    def test_a_slack_that_is_away_could_not_be_told(
        self, capsys: Captured, nonsense: Nonsense
    ) -> None:
        nonsense.always = hangs_up
        finding = self.seen(capsys, nonsense, code=3)["slack"]
        assert (finding["level"], finding["certain"]) == ("WARN", False)

    def seen(self, capsys: Captured, nonsense: Nonsense, *, code: int) -> dict[str, dict[str, Any]]:
        with self.settings(nonsense):
            began = time.monotonic()
            found = examined(capsys, code=code)
        assert time.monotonic() - began < 15
        return found

    def settings(self, nonsense: Nonsense) -> override_settings:
        return override_settings(**SLACK, SLACK_API_URL=f"{nonsense.url}/api/")
