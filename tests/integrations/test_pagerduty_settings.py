"""PagerDuty half configured stops the start, and the doctor says of the rest how it is."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.project import pagerduty_checks
from countersign.server import pagerduty_seen
from countersign.server.findings import Finding
from tests.fakes import server
from tests.fakes.pagerduty import ACTION_SECRET, ROUTING_KEY, TOKEN, FakePagerDuty

WHOLE = {
    "PAGERDUTY_ROUTING_KEY": ROUTING_KEY,
    "PAGERDUTY_API_TOKEN": TOKEN,
    "PAGERDUTY_FROM": "x@example.com",
    "PAGERDUTY_ACTION_SECRET": f"{ACTION_SECRET}, {ACTION_SECRET}2",
    "PAGERDUTY_WEBHOOK_SECRET": "abc",
}


def told(settings: Any, **changes: str) -> list[str]:
    for name, value in {**WHOLE, **changes}.items():
        setattr(settings, name, value)
    return [found.msg for found in pagerduty_checks.pagerduty()]


def test_nothing_set_and_everything_set_are_well(settings: Any) -> None:
    assert told(settings) == []
    assert told(settings, **dict.fromkeys(WHOLE, "")) == []
    others = {name: "" for name in WHOLE if name != "PAGERDUTY_ROUTING_KEY"}
    assert told(settings, **others) == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PAGERDUTY_ROUTING_KEY", "", "without PAGERDUTY_ROUTING_KEY"),
        ("PAGERDUTY_ROUTING_KEY", "short", "PAGERDUTY_ROUTING_KEY is no integration key"),
        ("PAGERDUTY_ROUTING_KEYS", "payments", "PAGERDUTY_ROUTING_KEYS is wrong at 'payments'"),
        ("PAGERDUTY_ROUTING_KEYS", f"={ROUTING_KEY}", "PAGERDUTY_ROUTING_KEYS is wrong"),
        ("PAGERDUTY_FROM", "", "without PAGERDUTY_FROM"),
        ("PAGERDUTY_API_TOKEN", "", "PAGERDUTY_ACTION_SECRET is set without PAGERDUTY_API_TOKEN"),
        ("PAGERDUTY_ACTION_SECRET", "easy", "PAGERDUTY_ACTION_SECRET is shorter"),
        ("PAGERDUTY_REGION", "mars", "PAGERDUTY_REGION is neither"),
        ("PAGERDUTY_API_URL", "http://api.example.com", "PAGERDUTY_API_URL is no https"),
        ("PAGERDUTY_EVENTS_URL", "ftp://x", "PAGERDUTY_EVENTS_URL is no https"),
    ],
)
def test_what_is_wrong_is_named(settings: Any, name: str, value: str, words: str) -> None:
    found = told(settings, **{name: value})
    assert words in found[0]
    assert not any(ROUTING_KEY in each or TOKEN in each for each in found)


def test_a_field_without_a_signature_decides_nothing(settings: Any) -> None:
    changes = {"PAGERDUTY_DECISION_FIELD": "approval", "PAGERDUTY_WEBHOOK_SECRET": ""}
    assert told(settings, **changes) == [
        "PAGERDUTY_DECISION_FIELD is set without PAGERDUTY_WEBHOOK_SECRET."
    ]


def seen() -> dict[str, Finding]:
    return {finding.name: finding for finding in pagerduty_seen.findings()}


def test_the_doctor_finds_it_unused(settings: Any) -> None:
    settings.PAGERDUTY_ROUTING_KEY = settings.PAGERDUTY_ROUTING_KEYS = ""
    assert seen()["pagerduty"].words == "not used"


def test_the_doctor_tries_the_token_and_pages_nobody(pagerduty: FakePagerDuty) -> None:
    assert seen()["pagerduty token"].level == "OK"
    assert [call.method for call in pagerduty.calls] == ["GET"]
    assert "2 routing keys" in seen()["pagerduty"].words


@pytest.mark.parametrize(
    ("name", "value", "level"),
    [
        ("PAGERDUTY_API_TOKEN", "wrong", "FAIL"),
        ("PAGERDUTY_FROM", "nobody@example.com", "FAIL"),
        ("PAGERDUTY_API_TOKEN", "", "WARN"),
    ],
)
def test_the_doctor_says_what_to_mend(
    pagerduty: FakePagerDuty, settings: Any, name: str, value: str, level: str
) -> None:
    setattr(settings, name, value)
    finding = seen()["pagerduty token"]
    assert (finding.level, "PAGERDUTY_" in finding.fix) == (level, True)


@pytest.mark.parametrize("fault", [server.hangs_up, server.garbage, server.nonsense, server.half])
def test_the_doctor_does_not_guess(pagerduty: FakePagerDuty, fault: server.Fault) -> None:
    pagerduty.will(fault)
    assert not seen()["pagerduty token"].certain
