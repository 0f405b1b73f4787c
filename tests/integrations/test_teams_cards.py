"""What people read in Teams: every state, within every limit, and nothing an agent could forge."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from approvals.domain import denials, pausing
from approvals.domain.cards import Card, CheckLine, Note, Pending, Said
from approvals.domain.terms import RiskLevel, Status, Verdict
from integrations.teams import cards
from integrations.teams.cards import View
from tests.fakes import adaptive
from tests.integrations.contract import HOSTILE, SECRET
from tests.integrations.test_slack_blocks import CLOSED, LATER, STATES, a_card, opened

SOON = LATER + timedelta(seconds=10)
VIEW = View(sealed="s" * 90, viewers=("29:1", "29:2"))
PADDING = "safe\n" + "\n" * 60 + "rm -rf /"
HUGE = ("😀" * 30_000, "a" * 100_000, '"' * 50_000, "\n" * 5_000, "字" * 9_000, "\\" * 50_000)


def drawn(card: Card | None = None, view: View = VIEW) -> dict[str, Any]:
    found = cards.draw(card or a_card(), view)
    assert adaptive.faults(found) == []
    return found


def titles(card: dict[str, Any]) -> list[str]:
    return [action["title"] for action in card["actions"]]


@pytest.mark.parametrize("name", STATES)
def test_every_state_says_where_it_stands(name: str) -> None:
    state, words = STATES[name]
    card = drawn(a_card(state))
    assert words in next(iter(adaptive.runs(card)))
    assert "REQ-2481" in card["fallbackText"]
    assert "cus_Q9f2KX" in json.dumps(card)


@pytest.mark.parametrize("name", CLOSED)
def test_what_is_closed_can_only_be_opened(name: str) -> None:
    card = drawn(a_card(STATES[name][0]))
    assert titles(card) == ["Open full request"]
    assert "refresh" not in card


def test_the_colour_is_never_alone() -> None:
    for state, words in STATES.values():
        head = drawn(a_card(state))["body"][0]
        assert head["style"] in adaptive.STYLES
        assert words in head["items"][0]["inlines"][0]["text"]


@pytest.mark.parametrize(
    ("risk", "kind"),
    [
        (RiskLevel.LOW, "Action.Execute"),
        (RiskLevel.MEDIUM, "Action.Execute"),
        (RiskLevel.HIGH, "Action.ShowCard"),
        (RiskLevel.CRITICAL, "Action.ShowCard"),
    ],
)
def test_great_risks_are_read_once_more_before_they_are_approved(
    risk: RiskLevel, kind: str
) -> None:
    card = drawn(a_card(opened(risk)))
    approve = card["actions"][0]
    assert approve["type"] == kind
    assert ("style" in approve) is (risk is not RiskLevel.CRITICAL)
    if kind == "Action.ShowCard":
        words = "You would be approval 1 of 2. Nothing runs before all have approved."
        assert words in json.dumps(approve)


def test_words_are_asked_for_with_a_denial_and_a_question() -> None:
    asked = {each["id"]: each for each in adaptive.every(drawn()) if "maxLength" in each}
    assert {name: each.get("isRequired", False) for name, each in asked.items()} == {
        "approve_note": False,
        "deny_reason": True,
        "question": True,
    }
    assert [name for name, each in asked.items() if "regex" in each] == ["deny_reason"]


def test_a_denial_offers_the_dashboards_reasons_and_wants_one() -> None:
    [list_] = [each for each in adaptive.every(drawn()) if each.get("id") == "deny_why"]
    assert {each["value"]: each["title"] for each in list_["choices"]} == denials.WHY
    assert list_["isRequired"]
    assert "value" not in list_  # nobody's reason is picked for them


def test_a_question_offers_whose_answer_it_waits_for_and_takes_either() -> None:
    [list_] = [each for each in adaptive.every(drawn()) if each.get("id") == "question_of"]
    assert {each["value"]: each["title"] for each in list_["choices"]} == pausing.WHOM
    assert list_["value"] == "both"


def test_a_policy_that_wants_a_reason_gets_its_input() -> None:
    card = drawn(a_card(opened(RiskLevel.MEDIUM)), replace(VIEW, wants_note=True))
    [note] = [each for each in adaptive.every(card) if each.get("id") == "approve_note"]
    assert note["isRequired"]


def test_each_button_has_a_form_for_older_clients() -> None:
    for button in adaptive.buttons(drawn()).values():
        assert button["fallback"]["type"] == "Action.Submit"
        assert button["fallback"]["data"] == button["data"]
        assert button["data"] == {"sealed": VIEW.sealed, "verb": button["verb"]}


def test_critical_requests_may_be_for_the_dashboard_alone() -> None:
    card = drawn(a_card(opened(RiskLevel.CRITICAL)), replace(VIEW, critical_on_web=True))
    assert titles(card) == ["Open to decide", "Deny…"]


def test_a_reader_is_offered_what_would_count() -> None:
    card = drawn(view=replace(VIEW, offered=frozenset({Verdict.DENY}), notice="Not counted."))
    assert set(adaptive.buttons(card)) == {"deny"}
    assert next(iter(adaptive.runs(card))) == "Not counted."


ENDS = Pending("Lin *x* [a](https://evil.example)", Verdict.APPROVE, LATER, SOON, ends=True)
ADDS = Pending("Ada", Verdict.APPROVE, LATER, SOON, ends=False)
DENIES = Pending("Kim", Verdict.DENY, LATER, SOON, ends=True)


@pytest.mark.parametrize(
    ("pending", "offers"),
    [
        ((ENDS,), ["undo", "deny"]),
        ((ADDS,), ["undo", "approve", "deny", "investigate"]),
        ((ADDS, DENIES), ["undo"]),
    ],
)
def test_what_is_on_its_way_leaves_what_can_still_be_said(
    pending: tuple[Pending, ...], offers: list[str]
) -> None:
    link = "https://countersign.example/link"
    card = drawn(a_card(pending=pending), replace(VIEW, undo="u" * 90, link=link))
    assert list(adaptive.buttons(card)) == offers
    assert not any("evil" in text for text in adaptive.read_as_markup(card))
    assert "ON ITS WAY" in next(iter(adaptive.runs(card)))


def test_nothing_says_undo_where_nothing_can_be_undone() -> None:
    for state, _ in STATES.values():
        assert "undo" not in adaptive.buttons(drawn(a_card(state)))
    closed = drawn(a_card(STATES[CLOSED[0]][0]), replace(VIEW, undo="u" * 90))
    assert "undo" not in adaptive.buttons(closed)


@pytest.mark.parametrize("text", HUGE, ids=range(len(HUGE)))
def test_what_does_not_fit_is_shortened_honestly_and_cannot_be_approved(text: str) -> None:
    many = {f"key {number}": text for number in range(60)}
    card = drawn(a_card(parameters={text[:100]: text, **many}, reasoning=text, target=text[:200]))
    assert adaptive.weight(card) < adaptive.MOST_BYTES - 4_000
    assert "NOT ALL SHOWN: 61 parameters" in json.dumps(card, ensure_ascii=False)
    assert titles(card)[:2] == ["Open to decide", "Deny…"]
    assert "approve" not in adaptive.buttons(card)


def test_a_card_full_of_everything_stays_within_the_limit() -> None:
    long, words = "字" * 400, "字" * 200
    said = tuple(Said(f"Ada {n}", Verdict.APPROVE, words, LATER, "web") for n in range(9))
    notes = tuple(Note("robo", True, words, LATER) for _ in range(9))
    card = replace(
        a_card(said=said, notes=notes, parameters={"note": "字" * 2_000}, reasoning=long),
        because=(long,) * 9,
        checks=(CheckLine("CAUTION", long[:90]),) * 5,
        state_line=long * 2,
    )
    found = drawn(card)
    assert adaptive.weight(found) < adaptive.MOST_BYTES
    assert "More was recorded than fits here." in json.dumps(found)
    assert "approve" in adaptive.buttons(found)
    assert "字" * 2_000 in json.dumps(found, ensure_ascii=False)
    warned = drawn(replace(card, checks=(CheckLine("CAUTION", long),) * 20))
    assert adaptive.weight(warned) < adaptive.MOST_BYTES
    assert "approve" not in adaptive.buttons(warned)


def test_what_cannot_be_shown_in_full_cannot_be_approved() -> None:
    card = drawn(replace(a_card(), drawable=False))
    assert titles(card) == ["Open to decide", "Deny…"]


def test_claims_are_left_out_before_facts_are() -> None:
    card = drawn(
        a_card(context={f"claim {n}": "字" * 390 for n in range(40)}, reasoning="字" * 390)
    )
    assert "more, on the full request" in json.dumps(card, ensure_ascii=False)
    assert "approve" in adaptive.buttons(card)


@pytest.mark.parametrize(("warnings", "may_approve"), [(10, True), (11, False)])
def test_what_warns_more_than_fits_is_not_approved_here(
    *, warnings: int, may_approve: bool
) -> None:
    lines = tuple(CheckLine("CAUTION", f"Beware {n}.") for n in range(warnings))
    found = drawn(replace(a_card(), checks=lines))
    assert ("Beware 9." in str(found)) is True
    assert any("Approve" in title for title in titles(found)) is may_approve


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_an_agent_writes_is_filled_in(text: str) -> None:
    card = drawn(a_card(reasoning=text, parameters={text[:50]: text}, target=text[:60]))
    assert not any("{{" in run or "${" in run for run in adaptive.runs(card))
    for markup in adaptive.read_as_markup(card):
        assert text[:30] not in markup


def test_names_are_drawn_as_they_are() -> None:
    card = replace(a_card(), state_line="Denied by *Eve* [x](https://evil.example) {{DATE(1)}}")
    assert not any("evil" in text for text in adaptive.read_as_markup(drawn(card)))
    assert "{{DATE(1)" not in json.dumps(drawn(card))


def test_the_deadline_is_told_in_the_readers_own_time() -> None:
    [told] = [each for each in adaptive.every(drawn()) if each.get("type") == "TextBlock"]
    assert told["text"].startswith(
        "Decide by {{DATE(2026-11-22T13:00:00Z,SHORT)}} {{TIME(2026-11-22T13:00:00Z)}} your time, "
    )


def test_a_row_cannot_be_made_of_a_value() -> None:
    text = "5\namount = 1   [number]"
    rows = [run for run in adaptive.runs(drawn(a_card(parameters={"note": text}))) if "note" in run]
    assert "\n    │ amount = 1" in rows[0]


@pytest.mark.parametrize("name", STATES)
def test_a_notice_has_nothing_to_press_but_the_way_to_the_request(name: str) -> None:
    card = cards.notify(a_card(STATES[name][0]))
    assert adaptive.faults(card) == []
    assert [action["type"] for action in card["actions"]] == ["Action.OpenUrl"]


def test_a_secret_is_masked() -> None:
    card = drawn(a_card(parameters={"key": SECRET}, reasoning=f"use {SECRET}"))
    assert SECRET not in json.dumps(card)


def test_padding_hides_nothing() -> None:
    text = json.dumps(drawn(a_card(parameters={"command": PADDING})), ensure_ascii=False)
    assert "rm -rf /" in text
    assert "\\n\\n\\n\\n" not in text


def test_the_last_statuses_are_all_known() -> None:
    assert set(cards.STYLES) == {status for status in Status if status.is_final}
