"""Statements a manager counts on that are about messages, word by word."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest

from approvals.domain.cards import Note
from integrations.email import letters
from integrations.email.readers import Reader
from integrations.teams import cards
from integrations.teams.cards import View
from integrations.teams.texts import JOINER
from tests.fakes import adaptive
from tests.integrations.test_slack_blocks import NOON, RULE_ONE, a_card

WRITTEN = f"{RULE_ONE} ![p](http://t/p.png)"
EVERYWHERE: dict[str, Any] = {
    "parameters": {"note": WRITTEN}, "reasoning": WRITTEN, "target": WRITTEN,
    "notes": (Note("the agent", True, WRITTEN, NOON),),
}  # fmt: skip
URL = "https://approvals.example.com/r/REQ-2481"


def test_in_teams_hostile_words_stand_letter_for_letter_and_mean_nothing() -> None:
    card = cards.draw(a_card(**EVERYWHERE), View(sealed="s" * 90))

    assert adaptive.faults(card) == []
    # What keeps Teams from filling in a date is not seen.
    runs = [run.replace(JOINER, "") for run in adaptive.runs(card)]
    assert sum(WRITTEN in run for run in runs) >= 4
    assert not any("{{" in run for run in adaptive.runs(card))
    markup = "\n".join(adaptive.read_as_markup(card))
    assert not [word for word in ("<b>", "*x*", "channel", "http://", ".png") if word in markup]
    kinds = {each.get("type") for each in adaptive.every(card)}
    assert not kinds & {"Image", "Media", "mention"}
    assert "msteams" not in card
    opens = [each["url"] for each in adaptive.every(card) if each.get("type") == "Action.OpenUrl"]
    assert opens == [URL]


def test_in_a_mail_they_stand_letter_for_letter_but_for_what_would_be_clicked() -> None:
    letter = letters.card(a_card(**EVERYWHERE), Reader(""))
    text, html = letters.text(letter), letters.html(letter)

    for form in (text, unescape(html)):
        read = form.replace("[:]//", "://").replace("[.]", ".")
        assert read.count(WRITTEN) == 4
        assert WRITTEN not in form
        assert letters.UNLINKED_NOTE in form
    assert set(re.findall(r"\S+://[^\s\"<]+", text)) == {URL}
    assert set(re.findall(r'(?:href|src)="([^"]*)"', html)) == {URL}
    assert re.findall(r"<(b|i|em|img|script|form)\b", html) == []


@pytest.mark.parametrize("typed", ["", "   ", "x" * 9, "  xxxxxxxx  ", "\n" * 12])
def test_teams_itself_lets_no_denial_go_without_a_reason(typed: str) -> None:
    """It asks its own reader before anything is sent, and so what they typed stays where it is."""
    card = cards.draw(a_card(), View(sealed="s" * 90))

    [field] = [each for each in adaptive.every(card) if each.get("id") == "deny_reason"]
    assert field["isRequired"]
    assert field["errorMessage"] == "Write at least 10 characters."
    assert not re.fullmatch(field["regex"], typed)
    assert re.fullmatch(field["regex"], "Too late in the day.")
    assert "associatedInputs" not in json.dumps(card), "every button looks at its own input"
