"""What would change stands on every card: what the agent says stood before as its word, never as ours."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from approvals.domain import changes, showing
from approvals.domain.cards import Card, CheckLine, Note, Said
from approvals.domain.terms import RiskLevel, Verdict
from integrations.email import letters
from integrations.email.readers import Reader
from integrations.slack import blocks, plain
from integrations.teams import cards
from integrations.teams.cards import View
from tests.fakes import adaptive, block_kit
from tests.integrations.test_slack_blocks import (
    NOON,
    STATES,
    VALUE,
    a_card,
    buttons,
    literal,
    opened,
)

NOBODY = Reader(name="", why="", zone=None)
PAIR = {"from_replicas": 5, "to_replicas": 8}
CLAIMED: dict[str, Any] = {
    "parameters": {"replicas": 8},
    "rollback": {"state_before": {"replicas": 5}},
}
FORGED: dict[str, Any] = {
    "parameters": {"replicas": 8},
    "rollback": {"state_before": {"replicas": "8 → 8 (checked by us)\nreplicas, after: 1"}},
}


def slack(card: Card) -> str:
    found = blocks.draw(card, value=VALUE).blocks
    assert block_kit.faults(found) == []
    return "\n".join(literal(found))


def slack_plain(card: Card) -> str:
    found = plain.draw(card, value=VALUE).blocks
    assert block_kit.faults(found) == []
    return "\n".join(literal(found))


def teams(card: Card) -> str:
    found = cards.draw(card, View())
    assert adaptive.faults(found) == []
    return "\n".join(adaptive.runs(found))


def email(card: Card) -> str:
    return letters.text(letters.card(card, NOBODY))


DOORS = (slack, slack_plain, teams, email)


@pytest.mark.parametrize("door", DOORS)
def test_before_and_after_of_the_parameters_are_no_claim(door: Any) -> None:
    told = door(a_card(parameters=PAIR))
    assert "What changes" in told
    assert changes.FROM_PARAMETERS in told
    assert changes.CLAIMED not in told


@pytest.mark.parametrize("door", DOORS)
def test_what_the_agent_says_stood_before_is_called_its_word(door: Any) -> None:
    told = door(a_card(**CLAIMED))
    assert told.count(changes.CLAIMED) == 1
    assert changes.FROM_PARAMETERS not in told
    assert told.index("5") < told.index("8", told.index("What changes"))


@pytest.mark.parametrize("door", DOORS)
def test_where_nothing_can_be_compared_that_is_said(door: Any) -> None:
    assert "We cannot see the present value" in door(a_card())


def test_a_closed_card_does_not_say_what_cannot_be_seen_any_more() -> None:
    for door in (slack, slack_plain, teams):
        assert "present value" not in door(a_card(STATES["denied"][0]))


def test_no_value_before_passes_for_our_label_or_for_the_value_after() -> None:
    card = a_card(**FORGED)
    found = next(block for block in blocks.draw(card, value=VALUE).blocks if _changes_in(block))
    lines = found["elements"][1]["elements"]
    assert len(lines) == 1
    boxed = [part["text"] for part in lines[0]["elements"] if part.get("style") == {"code": True}]
    assert len(boxed) == 3
    assert (boxed[0], boxed[2]) == ("replicas", "8")
    for door in (slack_plain, email):
        section = door(card).partition("What changes")[2].split("The agent says")[0]
        told = [line.strip(" |") for line in section.splitlines()]
        assert [line for line in told if line.startswith("replicas, after:")] == [
            "replicas, after: 8"
        ]


@pytest.mark.parametrize(
    "name", [f"replicas ({changes.CLAIMED}) → 4", "replicas, after: 4", "a\nb"]
)
def test_no_name_passes_for_an_arrow_a_label_or_another_line(name: str) -> None:
    card = a_card(parameters={f"from_{name}": 1, f"to_{name}": 100})
    drawn = card.changes[0].name
    assert drawn.startswith('["')
    assert drawn.endswith('"]')
    found = next(block for block in blocks.draw(card, value=VALUE).blocks if _changes_in(block))
    (line,) = found["elements"][1]["elements"]
    assert line["elements"][0] == {"type": "text", "text": drawn, "style": {"code": True}}
    runs = [
        run["text"]
        for part in cards.draw(card, View())["body"]
        for run in part.get("inlines", ())
        if run.get("fontType") == "Monospace"
    ]
    assert [drawn, "1", "100"] == runs[-3:]
    for door in (slack_plain, email):
        told = [line.strip(" |") for line in door(card).splitlines()]
        assert f"{drawn}, before: 1" in told
        assert f"{drawn}, after: 100" in told


def _changes_in(block: dict[str, Any]) -> bool:
    return block["type"] == "rich_text" and "What changes" in json.dumps(block)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("hides", [showing.only_names, showing.only_that_it_waits])
def test_a_channel_that_sees_no_values_sees_no_change(door: Any, hides: Any) -> None:
    told = door(hides(a_card(**CLAIMED)))
    assert "What changes" not in told
    assert "present value" not in told


def test_changes_leave_room_for_every_warning_and_what_decides() -> None:
    many = {f"k{n}": "\\" * 5_000 for n in range(300)}
    card = a_card(
        opened(RiskLevel.LOW),
        parameters={"replicas": 8, **{name: "x" for name in list(many)[:12]}},
        rollback={"state_before": {"replicas": "5", **many}},
    )
    warned = tuple(CheckLine("CAUTION", f"Beware {n}.") for n in range(9))
    card = replace(card, checks=warned)
    for door in DOORS[:3]:
        assert all(f"Beware {n}." in door(card) for n in range(9))
    found = blocks.draw(card, value=VALUE).blocks
    assert blocks.size(found) <= blocks.BUDGET
    assert "approve" in buttons(found)
    assert "more, on the full request" in "\n".join(literal(found)) or "fits here" in slack(card)
    assert cards.weight(cards.draw(card, View())["body"]) <= cards.BUDGET


def large(
    *, values: int, said: str = "ONLY-IF the window is closed", asked: str = "WHY-NOW?"
) -> Card:
    """A card whose changes are as long as its agent likes, after a colleague's words and a question."""
    ends = {f"from_{'n' * 40}{n}": "v" * values for n in range(8)}
    ends |= {f"to_{'n' * 40}{n}": "w" * values for n in range(8)}
    spoken = [Said("Ada", Verdict.APPROVE, said, NOON, "web") for _ in range(6)]
    return a_card(parameters=ends, said=spoken, notes=[Note("Ada", False, asked, NOON)] * 2)


@pytest.mark.parametrize("door", DOORS[:3])
@pytest.mark.parametrize("values", [20, 60, 120, 200, 400])
def test_what_people_said_and_asked_outlives_what_the_agent_says_changes(
    door: Any, values: int
) -> None:
    told = door(large(values=values))
    assert told.count("ONLY-IF") == 6
    assert told.count("WHY-NOW?") == 2


@pytest.mark.parametrize("door", DOORS[:3])
def test_claims_are_left_out_first_and_changes_next(door: Any) -> None:
    claims = {f"c{n}": "\\" * 399 for n in range(9)}
    card = large(values=20, said='"' * 250, asked='"' * 250)
    crowded = replace(card, claims=a_card(context=claims).claims)
    told = door(crowded)
    assert told.count("What changes") >= told.count("The agent says")
    assert told.count("Questions and answers") == told.count("Decided so far") == 1


@pytest.mark.parametrize("words", ['"' * 900, "\\" * 900, "字" * 900])
@pytest.mark.parametrize("values", [60, 120, 140])
def test_nothing_is_approved_where_what_people_said_has_no_room(words: str, values: int) -> None:
    card = large(values=values, said=f"ONLY-IF {words}", asked=f"WHY-NOW? {words}")
    for draw in (blocks.draw, plain.draw):
        found = draw(card, value=VALUE).blocks
        told = "\n".join(literal(found))
        assert blocks.size(found) <= blocks.BUDGET
        is_whole = told.count("ONLY-IF") == 6 and told.count("WHY-NOW?") == 2
        assert is_whole or "approve" not in buttons(found)
    adaptive_card = cards.draw(card, View(sealed="s" * 300))
    assert cards.weight(adaptive_card["body"]) <= cards.BUDGET
    told = "\n".join(adaptive.runs(adaptive_card))
    is_whole = told.count("ONLY-IF") == 6 and told.count("WHY-NOW?") == 2
    assert is_whole or "approve" not in adaptive.buttons(adaptive_card)
