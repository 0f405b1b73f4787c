"""Slack keeps the contract of every adapter."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from integrations.slack.adapter import SlackAdapter
from tests.fakes.slack import FakeSlack, Fault, broken, done_and_gone, limited, slow
from tests.fakes.slack_faults import garbage, gone, says
from tests.integrations.contract import AdapterContract

FAULTS: dict[str, Fault | str] = {
    "limited": limited(42),
    "refused": "channel_not_found",
    "broken": broken(503),
    "gone": gone(),
    "done_and_gone": done_and_gone(),
    "silent": slow(30),
    "garbage": garbage(),
    "nonsense": says('[null, {"id": []}, "x"]'),
}


class SlackStand:
    """The adapter beside the Slack of the tests."""

    address = "C1"
    live = ("<!channel", "<!here", "<!everyone", "<@", "<https://evil", "\x1b", "\u202e")

    def __init__(self, slack: FakeSlack) -> None:
        self.slack = slack
        self.adapter = SlackAdapter()

    def standing(self) -> list[str]:
        return [
            json.dumps([message.text, message.blocks], ensure_ascii=False)
            for message in self.slack.posted
        ]

    def read_as_markup(self) -> list[str]:
        posted = self.slack.posted
        return [each.text for each in posted] + [
            text for each in posted for text in marked_up(each.blocks)
        ]

    def buttons(self) -> int:
        names = ("approve", "deny", "investigate")
        return sum(bool(each.button(name)) for each in self.slack.posted for name in names)

    def sent(self) -> bytes:
        return json.dumps([call.body for call in self.slack.calls]).encode()

    def will(self, fault: str) -> None:
        self.slack.will("chat.postMessage", FAULTS[fault])


def marked_up(value: object) -> Iterator[str]:
    """Every text of type mrkdwn; all other text is plain to Slack."""
    if isinstance(value, list):
        for inner in value:
            yield from marked_up(inner)
    elif isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            yield str(value["text"])
        for inner in value.values():
            yield from marked_up(inner)


@pytest.fixture
def stand(slack: FakeSlack) -> SlackStand:
    return SlackStand(slack)


class TestSlack(AdapterContract):
    """Everything of it."""

    def place_in(self, receipt: Mapping[str, Any]) -> Mapping[str, Any]:
        return {name: receipt[name] for name in ("channel", "ts")}
