"""Every Teams card is one the vendor's own schema takes; for machines that have it."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from approvals.domain.cards import Note, Pending, Said
from approvals.domain.terms import RiskLevel, Verdict
from integrations.teams import adapter, cards
from integrations.teams.cards import View
from integrations.teams.standing import Mine
from tests.fakes import adaptive, adaptive_schema
from tests.integrations.contract import HOSTILE
from tests.integrations.test_slack_blocks import LATER, STATES, a_card, opened

pytestmark = pytest.mark.skipif(not adaptive_schema.is_here(), reason=adaptive_schema.WHY_NOT)
SOON = LATER + timedelta(seconds=10)
SEAL = "s" * 90
VIEWS = {
    "everybody's": View(sealed=SEAL, viewers=("29:1", "29:2")),
    "with a note to give": View(sealed=SEAL, wants_note=True, notice="Say why."),
    "a stranger's": View(sealed=SEAL, link="https://approvals.example.com/link"),
    "on the web": View(sealed=SEAL, critical_on_web=True),
    "whose own is held": View(
        sealed=SEAL, undo=SEAL, mine=Mine(Verdict.APPROVE, SOON, ()), viewers=("29:1",)
    ),
}
SAID = (Said("Ada", Verdict.INVESTIGATE, "Why now?", LATER, "teams"),)
NOTES = (Note("the agent", True, "Because.", LATER),)
HELD = (Pending("Lin", Verdict.APPROVE, LATER, SOON, ends=True),)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", STATES)
def test_the_schema_takes_every_state_in_every_view(name: str, view: str) -> None:
    state, _ = STATES[name]
    for risk in RiskLevel:
        card = a_card(replace(state, plan=replace(state.plan, risk=risk)), said=SAID, notes=NOTES)
        assert adaptive_schema.faults(cards.draw(card, VIEWS[view])) == []


def test_the_schema_takes_what_is_held_what_changes_and_what_tells_only() -> None:
    held = a_card(pending=HELD, rollback={"state_before": {"amount": 1}})
    found = [
        cards.draw(held, VIEWS["whose own is held"]),
        cards.draw(held, VIEWS["everybody's"]),
        cards.notify(a_card()),
        adapter.words("Still waiting.", url="https://approvals.example.com/r/REQ-1"),
    ]
    assert [adaptive_schema.faults(card) for card in found] == [[]] * len(found)


@pytest.mark.parametrize("text", HOSTILE)
def test_the_schema_takes_whatever_an_agent_writes(text: str) -> None:
    card = a_card(parameters={"value": text}, reasoning=text, target=text[:200])
    assert adaptive_schema.faults(cards.draw(card, VIEWS["everybody's"])) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda card: card.update(body={}),
        lambda card: card["body"][0].update(style="shouting"),
        lambda card: card["body"].append({"type": "Marquee"}),
        lambda card: _choices(card).update(choices=[{"title": "No value"}]),
    ],
)
def test_the_schema_would_notice_a_mistake(spoil: Any) -> None:
    card = copy.deepcopy(cards.draw(a_card(opened()), VIEWS["everybody's"]))
    spoil(card)
    assert adaptive_schema.faults(card) != []


def _choices(card: Any) -> dict[str, Any]:
    return next(each for each in adaptive.every(card) if each.get("type") == "Input.ChoiceSet")
