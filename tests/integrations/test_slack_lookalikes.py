"""Messages that look like ours: what a thief of the app's token could post or edit counts for nothing,
and is told to operators."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from approvals.domain.terms import Status
from approvals.models import Alert, ApprovalRequest, AuditEvent, Decision
from approvals.services import deliveries
from integrations.slack import likeness
from tests.fakes.knocks import Body, signed
from tests.fakes.slack import FakeSlack, Posted
from tests.support import cast
from tests.support.slack import knock, linked, refusals, shown, words_of

pytestmark = [pytest.mark.urls("integrations.slack.urls"), pytest.mark.django_db]


def scene(slack: FakeSlack) -> tuple[ApprovalRequest, Posted]:
    row = cast.request()
    linked("lin")
    return row, shown(slack, row)


def undecided(row: ApprovalRequest) -> bool:
    row.refresh_from_db()
    return row.status == Status.PENDING and not Decision.objects.filter(request=row).exists()


def changed(message: Posted, before: str, after: str) -> list[Body]:
    """The message's blocks with some of its words replaced."""
    blocks: list[Body] = json.loads(json.dumps(message.blocks).replace(before, after))
    assert blocks != message.blocks
    return blocks


def pressed(slack: FakeSlack, message: Posted, action: str, **stands: Any) -> Body:
    """A click on the message, as Slack would describe it were it otherwise."""
    payload = slack.press(message, message.button(action) or {})
    return payload | {"message": payload["message"] | stands}


@pytest.mark.parametrize("action", ["approve", "deny", "investigate"])
def test_a_message_of_ours_that_was_edited_counts_for_nothing(
    slack: FakeSlack, action: str
) -> None:
    row, message = scene(slack)
    milder = changed(message, "production-api", "a-sandbox-of-mine")
    knock(signed(pressed(slack, message, action, blocks=milder)))
    assert words_of(slack.views[-1]).startswith("Not counted. This message does not say what")
    assert undecided(row)
    assert refusals(row) == ["edited_message"]
    alert = Alert.objects.get()
    assert (alert.kind, alert.request) == ("forged_channel_messages", row)
    assert "does not say what this service wrote" in alert.words
    assert alert.values["channel"] == "C1"
    assert AuditEvent.objects.filter(type="alert.raised").count() == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [("to_replicas", "from_replicas"), (" 8", " 6"), ("MEDIUM", "LOW"), ("Approve", "Pizza")],
)
def test_each_word_counts(slack: FakeSlack, before: str, after: str) -> None:
    row, message = scene(slack)
    knock(signed(pressed(slack, message, "approve", blocks=changed(message, before, after))))
    assert undecided(row)
    assert refusals(row) == ["edited_message"]


def test_a_button_that_was_made_to_do_something_else_counts_for_nothing(slack: FakeSlack) -> None:
    row, message = scene(slack)
    deny = message.button("deny") or {}
    blocks = json.loads(
        json.dumps(message.blocks).replace('"action_id": "deny"', '"action_id": "x"')
    )
    payload = slack.press(message, deny | {"action_id": "approve"})
    knock(signed(payload | {"message": payload["message"] | {"blocks": blocks}}))
    assert undecided(row)
    assert refusals(row) == ["edited_message"]


def test_the_link_to_the_request_cannot_be_turned_elsewhere(slack: FakeSlack) -> None:
    row, message = scene(slack)
    elsewhere = changed(message, "/r/REQ-", "/evil/REQ-")
    knock(signed(pressed(slack, message, "approve", blocks=elsewhere)))
    assert undecided(row)


@pytest.mark.parametrize("channel", ["C1", "C2"])
def test_a_copy_of_our_message_counts_for_nothing(slack: FakeSlack, channel: str) -> None:
    row, message = scene(slack)
    slack.post(message.content | {"channel": channel})
    knock(slack.click(slack.posted[-1], "approve"))
    assert words_of(slack.views[-1]).startswith("Not counted. This button was not made by this")
    assert undecided(row)
    assert refusals(row) == ["not_our_button"]
    assert "this service did not write" in Alert.objects.get().words


def test_a_message_of_another_app_with_our_buttons_counts_for_nothing(
    slack: FakeSlack, settings: Any
) -> None:
    settings.SLACK_APP_ID = "A1"
    row, message = scene(slack)
    lunch = [
        {"type": "section", "text": {"type": "plain_text", "text": "Pizza?"}},
        {"type": "actions", "elements": [message.button("approve")]},
    ]
    slack.post({"channel": "C1", "text": "Lunch", "blocks": lunch, "parse": "none"})
    theirs = slack.posted[-1]
    assert knock(slack.click(theirs, "approve", api_app_id="A9")).status_code == 403
    knock(slack.click(theirs, "approve"))
    assert undecided(row)
    assert refusals(row) == ["not_our_button"]


def test_the_value_of_one_request_does_not_speak_for_another(slack: FakeSlack) -> None:
    row, message = scene(slack)
    other = cast.request(target="other-api")
    theirs = shown(slack, other)
    stolen = theirs.button("approve") or {}
    knock(signed(slack.press(message, stolen)))
    assert undecided(row)
    assert undecided(other)
    assert refusals(other) == ["not_our_button"]


def test_a_window_opened_on_an_edited_message_never_opens(slack: FakeSlack) -> None:
    row, message = scene(slack)
    milder = changed(message, "production-api", "sandbox")
    knock(signed(pressed(slack, message, "deny", blocks=milder)))
    assert "callback_id" not in slack.views[-1]
    assert undecided(row)


def test_many_clicks_on_one_forgery_raise_one_alert(slack: FakeSlack) -> None:
    row, message = scene(slack)
    slack.post(message.content)
    for _ in range(5):
        knock(slack.click(slack.posted[-1], "approve"))
    assert len(refusals(row)) == 5
    assert Alert.objects.count() == 1


def test_an_honest_message_counts_in_the_shape_slack_gives_it_back(slack: FakeSlack) -> None:
    """Slack escapes three characters, adds fields, and turns pictures into their names."""
    row = cast.request(target="a & b <c> ⚠️ 12:30⌛")
    linked("lin")
    message = shown(slack, row)
    given_back = _as_slack_gives_back(copy.deepcopy(message.blocks))
    assert given_back != message.blocks
    knock(signed(pressed(slack, message, "approve", blocks=given_back)))
    row.refresh_from_db()
    assert row.status == Status.APPROVED
    assert not Alert.objects.exists()


def _as_slack_gives_back(part: Any) -> Any:
    if isinstance(part, list):
        return [_as_slack_gives_back(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    said = {key: _as_slack_gives_back(value) for key, value in reversed(part.items())}
    if isinstance(said.get("text"), str):
        text = said["text"].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        said["text"] = text.replace("⚠️", ":warning:").replace("⌛", ":hourglass:")
        said.setdefault("emoji", True)
    said.pop("accessibility_label", None)
    return said


def test_an_edit_of_ours_leaves_its_buttons_good(slack: FakeSlack, settings: Any) -> None:
    settings.SLACK_CRITICAL_ON_WEB = False
    row = cast.request(**cast.CRITICAL)
    linked("chen", "U1")
    linked("dana", "U2")
    knock(slack.click(shown(slack, row), "approve", user="U1"))
    deliveries.send_due()
    knock(slack.click(shown(slack, row), "approve", user="U2"))
    row.refresh_from_db()
    assert row.status == Status.APPROVED


@pytest.mark.parametrize("blocks", [None, [], "x", [None], [[["x"]]], [{"text": {"text": 5}}], {}])
def test_whatever_stands_for_blocks_has_a_likeness(blocks: Any) -> None:
    assert isinstance(likeness.digest(blocks), str)


def test_a_deep_message_does_not_break_the_reading() -> None:
    deep: Any = "x"
    for _ in range(5_000):
        deep = [deep]
    assert likeness.digest(deep)
