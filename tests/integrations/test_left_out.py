"""Where a card has no room for all that people said, it says how much more the request's page holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from approvals.domain.cards import Note, Said
from approvals.domain.terms import Verdict
from tests.integrations.test_changes_on_cards import email, slack, slack_plain, teams
from tests.integrations.test_slack_blocks import NOON, a_card

CHATS = (slack, slack_plain, teams)
TEN_NOTES = tuple(Note("Lin", False, f"word {number}.", NOON) for number in range(10))
TEN_SAID = tuple(
    Said("Lin", Verdict.INVESTIGATE, f"why {number}?", NOON, "slack") for number in range(10)
)


@pytest.mark.parametrize("door", CHATS)
def test_the_newest_verdicts_stand_and_the_older_are_counted(door: Any) -> None:
    told = door(a_card(said=TEN_SAID))
    assert [number for number in range(10) if f"why {number}?" in told] == [4, 5, 6, 7, 8, 9]
    assert told.count("and 4 earlier, on the full request") == 1
    assert "earlier" not in door(a_card(said=TEN_SAID[:6]))


@pytest.mark.parametrize(("door", "kept"), [*((door, 2) for door in CHATS), (email, 5)])
def test_the_newest_messages_stand_and_the_older_are_counted(door: Any, kept: int) -> None:
    told = door(a_card(notes=TEN_NOTES))
    assert sum(f"word {number}." in told for number in range(10)) == kept
    assert told.count(f"and {10 - kept} earlier, on the full request") == 1
    assert "earlier" not in door(a_card(notes=TEN_NOTES[:kept]))


@pytest.mark.parametrize("door", CHATS)
def test_reasons_beyond_five_are_counted(door: Any) -> None:
    why = tuple(f"rule {number} asks" for number in range(9))
    told = door(replace(a_card(), because=why))
    assert sum(each in told for each in why) == 5
    assert told.count("and 4 more, on the full request") == 1
