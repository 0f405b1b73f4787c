"""`countersign channel status` and the doctor say what the page of channel health says."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from approvals.services import clock, deliveries, pulse
from countersign import cli
from countersign.server import channels_seen
from tests.fakes.slack import FakeSlack
from tests.support import cast

Captured = pytest.CaptureFixture[str]
pytestmark = pytest.mark.django_db


def said(capsys: Captured, *words: str, code: int) -> str:
    capsys.readouterr()
    assert cli.main(["channel", "status", *words]) == code
    return capsys.readouterr().out


def test_a_channel_that_works_is_zero(slack: FakeSlack, capsys: Captured) -> None:
    cast.request()
    deliveries.send_due()
    told = said(capsys, code=0)
    assert "Working" in told
    assert "Microsoft Teams" not in told
    assert "Database: Working." in told


def test_one_that_fails_is_one_and_names_its_mend(slack: FakeSlack, capsys: Captured) -> None:
    slack.will("chat.postMessage", "not_in_channel")
    cast.request()
    deliveries.send_due()
    told = said(capsys, code=1)
    assert "Failing since" in told
    assert "Slack C1: Slack said not_in_channel." in told
    assert "Fix: The bot is not in C1: write /invite @countersign there." in told


def test_programs_read_nothing_known_as_null_and_none_as_zero(
    slack: FakeSlack, capsys: Captured
) -> None:
    told = json.loads(said(capsys, "--json", code=0))
    known = {each["channel"]: each for each in told["channels"]}
    assert known["slack"]["state"] == "No data yet"
    assert (known["slack"]["last_success"], known["slack"]["p95_seconds"]) == (None, None)
    assert (known["slack"]["dead"], known["slack"]["delivered_24h"]) == (0, 0)
    assert known["teams"]["stands"] == "off"
    assert {each["name"] for each in told["service"]} >= {"database", "worker", "clock"}


def test_without_a_channel_it_says_so(settings: Any, capsys: Captured) -> None:
    settings.ADAPTERS = []
    assert "No channel is set up." in said(capsys, code=0)


def test_the_doctor_shares_the_sentences(slack: FakeSlack) -> None:
    slack.will("chat.postMessage", "is_archived")
    cast.request()
    deliveries.send_due()
    pulse.beat(at=clock.now() - timedelta(minutes=10))
    found = {finding.name: finding for finding in channels_seen.findings()}
    assert found["messages by slack"].level == "WARN"
    assert found["messages by slack"].words.endswith("C1: Slack said is_archived.")
    assert found["messages by slack"].fix.startswith("C1 is archived.")
    assert found["worker"].words.startswith("Last heard ")
    assert found["worker"].level == "WARN"


def test_the_doctor_takes_a_service_never_started_for_no_failure(slack: FakeSlack) -> None:
    levels = {finding.name: finding.level for finding in channels_seen.findings()}
    assert levels == {"worker": "OK", "messages by slack": "OK"}
