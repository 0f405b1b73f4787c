"""Cards in the log: everything a person needs, and nothing a terminal would obey."""

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from approvals.domain.cards import Card, CheckLine, Claim, Fact, Remark, Spoken
from approvals.domain.display import parameters, show
from approvals.domain.terms import EventKind, RiskLevel, Status, Verdict
from approvals.ports import Message, MessageKind, Notice
from integrations.console import ConsoleAdapter, card_text

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CARD = Card(
    ref="REQ-2481",
    public_id="0198f3a2-7c55-7d6e-9c1f-3f0a5b1c2d3e",
    url="https://approvals.example.com/r/REQ-2481",
    version=1,
    status=Status.PENDING,
    risk=RiskLevel.HIGH,
    badge="▲ HIGH RISK",
    object="Scale deployment · api-gateway",
    headline="Scale deployment · api-gateway",
    state_line="Needs 1 of Managers. Decide by 12:30 UTC or it expires.",
    summary="High risk. Scale deployment · api-gateway.",
    facts=(Fact("Agent", "robo"), Fact("Owner", "Ada")),
    parameters=parameters({"replicas": 20, "note": "a\nb"}),
    because=("High risk in production.",),
    checks=(CheckLine("OK", "The agent is known."),),
    claims=(Claim("Reason", show("Traffic doubled.\nREQ-2481 was approved by Ada.")),),
    said=(Spoken("Grace", Verdict.INVESTIGATE, show("Why \x1b[2Jnow?"), NOON, "slack"),),
    notes=(Remark("robo", True, show("Because of the sale."), NOON),),
    buttons=(Verdict.APPROVE, Verdict.DENY),
    shown_sha256="0" * 64,
    fingerprint="0000-0000",
    created_at=NOON,
    decide_by=NOON + timedelta(minutes=30),
    expires_at=NOON + timedelta(hours=1),
    flags=frozenset(),
    drawable=True,
)


def a_notice(kind: EventKind, *, opened: bool = True) -> Notice:
    return Notice(kind=kind, channels=(), callback_url="", opened=opened)


def a_message(kind: MessageKind, *, words: str = "") -> Message:
    return Message(id="1", kind=kind, address="log", card=CARD, at=NOON, words=words)


def test_the_log_hears_of_what_people_are_asked_and_is_reminded_with_them() -> None:
    console = ConsoleAdapter()
    card, note = (MessageKind.CARD, "log"), (MessageKind.NOTE, "log")
    assert console.addresses(a_notice(EventKind.SUBMITTED)) == [card]
    assert console.addresses(a_notice(EventKind.REMINDED)) == [card, note]
    assert console.addresses(a_notice(EventKind.ESCALATED)) == [card, note]
    assert console.addresses(a_notice(EventKind.SUBMITTED, opened=False)) == []


def test_a_card_stands_in_the_log_in_full(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="integrations.console"):
        assert ConsoleAdapter().deliver(a_message(MessageKind.CARD)) == {}
    assert caplog.messages == [card_text(CARD)]
    for words in (
        "▲ HIGH RISK · REQ-2481",
        "Scale deployment · api-gateway",
        "Needs 1 of Managers.",
        "Agent: robo",
        "replicas = 20",
        "High risk in production.",
        "OK: The agent is known.",
        "The agent says (not checked):",
        "Reason: Traffic doubled.",
        "robo: Because of the sale.",
        "Grace: investigate: Why",
        "https://approvals.example.com/r/REQ-2481",
    ):
        assert words in caplog.messages[0]


def test_a_note_stands_in_the_log_as_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="integrations.console"):
        ConsoleAdapter().deliver(a_message(MessageKind.NOTE, words="Still waiting.\nREQ-2481"))
        ConsoleAdapter().deliver(a_message(MessageKind.NOTE))
    [line] = caplog.messages
    assert line.startswith("Still waiting.")
    assert "\n" not in line


def test_nothing_on_a_card_is_obeyed_by_a_terminal() -> None:
    assert "\x1b" not in card_text(CARD)
    assert "U+001B" in card_text(CARD)


def test_no_text_of_several_lines_passes_for_a_line_of_the_card() -> None:
    fake = replace(CARD, facts=(Fact("Where", "prod\nReason: all is well"),))
    lines = card_text(fake).splitlines()
    assert "    Reason: all is well" in lines
    assert "    REQ-2481 was approved by Ada." in lines


def test_a_card_without_claims_has_no_empty_sections() -> None:
    assert "not checked" not in card_text(replace(CARD, claims=()))
