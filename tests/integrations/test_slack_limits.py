"""The Slack of the tests notices what Slack would refuse, and fails the test that sent it."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.slack import configuration, wire
from integrations.slack import elements as el
from tests.fakes import block_kit
from tests.fakes.slack import FakeSlack

WORDS = {"type": "plain_text", "text": "x"}
GOOD = {"channel": "C1", "text": "Said.", "parse": "none", "blocks": [el.words("Said.")]}


def block(**changes: Any) -> dict[str, Any]:
    return {"blocks": [changes]}


def button(**changes: Any) -> dict[str, Any]:
    whole = {"type": "button", "action_id": "a", "text": WORDS, **changes}
    return block(type="actions", elements=[whole])


def confirm(**changes: Any) -> dict[str, Any]:
    whole = {"title": WORDS, "text": WORDS, "confirm": WORDS, "deny": WORDS, **changes}
    return button(confirm=whole)


def plain(length: int) -> dict[str, str]:
    return {"type": "plain_text", "text": "x" * length}


def rich(*elements: dict[str, Any]) -> dict[str, Any]:
    return block(type="rich_text", elements=list(elements))


BAD: dict[str, dict[str, Any]] = {
    "no text": {"text": " "},
    "too much text": {"text": "x" * 40_001},
    "text that is parsed": {"parse": "full"},
    "no channel": {"channel": ""},
    "no blocks": {"blocks": []},
    "fifty-one blocks": {"blocks": [{"type": "divider"}] * 51},
    "one block twice": {"blocks": [el.words("x") | {"block_id": "b"}] * 2},
    "a block unknown to Slack": block(type="banner"),
    "blocks too long together": {"blocks": [el.words("x" * 2_900)] * 5},
    "a long header": block(type="header", text=plain(151)),
    "a header with markup": block(type="header", text={"type": "mrkdwn", "text": "x"}),
    "a long section": block(type="section", text=plain(3_001)),
    "eleven fields": block(type="section", fields=[WORDS] * 11),
    "a long field": block(type="section", fields=[plain(2_001)]),
    "eleven elements of context": block(type="context", elements=[WORDS] * 11),
    "an empty rich text": rich(),
    "an empty line": rich({"type": "rich_text_section", "elements": []}),
    "a list of quotes": rich(
        {"type": "rich_text_list", "style": "bullet", "elements": [el.quote("x")]}
    ),
    "a mention of nobody": rich(el.line({"type": "usergroup", "usergroup_id": ""})),
    "a long button": button(text=plain(76)),
    "a long value": button(value="x" * 2_001),
    "a long label": button(accessibility_label="x" * 76),
    "a style of our own": button(style="quiet"),
    "one action twice": block(
        type="actions", elements=[{"type": "button", "action_id": "a", "text": WORDS}] * 2
    ),
    "a long title of a question": confirm(title=plain(101)),
    "a long question": confirm(text=plain(301)),
    "a long yes": confirm(confirm=plain(31)),
    "metadata in another shape": {"metadata": {"event_type": "x"}},
    "long metadata": {
        "metadata": {"event_type": "x", "event_payload": {"words": "x" * 3_000}},
    },
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_message_is_noticed(name: str) -> None:
    assert block_kit.wrong_with("chat.postMessage", GOOD) == []
    assert block_kit.wrong_with("chat.postMessage", {**GOOD, **BAD[name]})


def test_an_edit_may_say_less_than_a_post() -> None:
    long = {**GOOD, "text": "x" * 4_001}
    assert block_kit.wrong_with("chat.postMessage", long) == []
    assert block_kit.wrong_with("chat.update", long)


@pytest.mark.parametrize(
    "changes",
    [
        {"title": plain(25)},
        {"submit": plain(25)},
        {"close": plain(25)},
        {"private_metadata": "x" * 3_001},
        {"callback_id": "x" * 256},
        {"blocks": [{"type": "divider"}] * 101},
        {"blocks": []},
        {"type": "window"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_bad_window_is_noticed(changes: dict[str, Any]) -> None:
    view = {"type": "modal", "title": WORDS, "blocks": [el.words("x")]}
    assert block_kit.wrong_with("views.open", {"view": view}) == []
    assert block_kit.wrong_with("views.open", {"view": view | changes})


def send_a_bad_message(settings: Any) -> None:
    with FakeSlack() as slack:
        settings.SLACK_API_URL = slack.url
        client = wire.client(configuration.current(), seconds=5)
        client.api_call("chat.postMessage", json={**GOOD, "text": "x" * 40_001})


def test_whoever_sent_a_bad_message_fails(settings: Any) -> None:
    with pytest.raises(AssertionError, match="text is longer than 40000"):
        send_a_bad_message(settings)
