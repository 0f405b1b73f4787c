"""A card names the stage at which its agent was judged."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.domain import stage_words
from tests.domain.scene import a_request
from tests.domain.test_cards import drawn


def judged(stage: object) -> tuple[dict[str, Any], ...]:
    return (
        {"check": "scope", "result": "pass", "words": "In scope.", "values": {"stage": "full"}},
        {"check": "autonomy", "result": "pass", "words": "Known.", "values": {"stage": stage}},
    )


def test_the_agent_stands_with_its_stage_in_words() -> None:
    card = drawn(a_request(), checks=judged("supervised"))
    assert card.facts[0].value == "robo (supervised when it asked: only low risk runs by itself)"


@pytest.mark.parametrize("stage", [None, "", "emperor", 3, ["full"]])
def test_without_a_stage_of_ours_the_name_stands_alone(stage: object) -> None:
    assert stage_words.with_stage("robo", judged(stage)) == "robo"
    assert stage_words.with_stage("robo", ({"words": "Known."},)) == "robo"
