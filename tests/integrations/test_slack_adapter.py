"""Messages go out to a Slack that limits, breaks, forgets and refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from approvals.domain import workflow
from approvals.domain.cards import Card, Said
from approvals.domain.terms import EventKind, Verdict
from approvals.models import Receipt
from approvals.ports import DOUBT, Adapter, DeliveryError, Message, MessageKind, Notice
from approvals.services import clock, deliveries
from approvals.web import timeline
from integrations.slack.adapter import SlackAdapter
from tests.fakes.slack import FakeSlack, broken, done_and_gone, limited, slow
from tests.fakes.slack_faults import garbage, gone, says
from tests.integrations.test_slack_blocks import ADA, LATER, a_card, click, literal, opened
from tests.support import cast

NOW = datetime.now(UTC)
SAID = (Verdict.INVESTIGATE, "Which parcel?", LATER, "slack")


@pytest.fixture
def adapter(slack: FakeSlack) -> Adapter:
    return SlackAdapter()


def a_message(card: Card | None = None, **changes: Any) -> Message:
    present = replace(card or a_card(), created_at=NOW - timedelta(minutes=1))
    whole = Message(id="m1", kind=MessageKind.CARD, address="C1", card=present, at=NOW)
    return replace(whole, **changes)


def decided(verdict: Verdict) -> Card:
    return a_card(workflow.decide(opened(quorum=1), click(ADA, verdict, "No."), at=LATER).after)


def a_notice(kind: EventKind, *channels: str, is_opened: bool = True) -> Notice:
    return Notice(kind=kind, channels=channels, callback_url="", opened=is_opened)


def test_the_plans_channels_are_told(adapter: Adapter) -> None:
    told = adapter.addresses(
        a_notice(EventKind.SUBMITTED, "#ops", "email", "C7", "G8", "D9", "teams:general", "#ops")
    )
    assert told == [(MessageKind.CARD, to) for to in ("#ops", "C7", "G8", "D9")]


def test_without_channels_of_its_own_the_default_one_is_told(adapter: Adapter) -> None:
    assert adapter.addresses(a_notice(EventKind.APPROVED)) == [(MessageKind.CARD, "C1")]


def test_what_nobody_was_asked_about_is_told_to_nobody(adapter: Adapter) -> None:
    assert adapter.addresses(a_notice(EventKind.APPROVED, "C1", is_opened=False)) == ()


def test_a_reminder_is_a_reply_and_an_escalation_is_both(adapter: Adapter) -> None:
    kinds = [kind for kind, _ in adapter.addresses(a_notice(EventKind.REMINDED))]
    assert kinds == [MessageKind.NOTE]
    kinds = [kind for kind, _ in adapter.addresses(a_notice(EventKind.ESCALATED))]
    assert kinds == [MessageKind.CARD, MessageKind.NOTE]


def test_one_message_is_posted_and_then_edited(slack: FakeSlack, adapter: Adapter) -> None:
    receipt = adapter.deliver(a_message())
    again = adapter.deliver(a_message(decided(Verdict.APPROVE), receipt=receipt))
    for each in (receipt, again):
        assert (each["channel"], each["ts"]) == ("C1", slack.posted[0].ts)
    assert again["drawn"][1:] == receipt["drawn"]
    assert len(slack.posted) == 1
    assert slack.posted[0].edits == 1
    assert "APPROVED" in slack.posted[0].text
    assert slack.posted[0].button("approve") is None


def test_a_message_is_sent_so_that_slack_reads_nothing_into_it(
    slack: FakeSlack, adapter: Adapter
) -> None:
    adapter.deliver(a_message())
    sent = slack.called("chat.postMessage")[0].body
    wanted = {"parse": "none", "link_names": False, "unfurl_links": False, "unfurl_media": False}
    assert {name: sent[name] for name in wanted} == wanted


def test_a_channel_is_found_by_name_and_edited_by_id(slack: FakeSlack, adapter: Adapter) -> None:
    receipt = adapter.deliver(a_message(address="#approvals"))
    assert receipt["channel"] == "C1"
    adapter.deliver(a_message(address="#approvals", receipt=receipt))
    assert slack.posted[0].edits == 1


def test_a_note_is_a_reply_beside_the_card(slack: FakeSlack, adapter: Adapter) -> None:
    receipt = adapter.deliver(a_message())
    words = "Still waiting: <REQ-2481> & co."
    kept = adapter.deliver(a_message(kind=MessageKind.NOTE, receipt=receipt, words=words))
    note = slack.posted[1].content
    assert note["thread_ts"] == receipt["ts"]
    assert note["text"] == "Still waiting: &lt;REQ-2481&gt; &amp; co."
    assert note["blocks"][0]["text"]["text"] == words
    assert kept == receipt


def test_a_limit_delays_by_as_much_as_slack_says(slack: FakeSlack, adapter: Adapter) -> None:
    slack.will("chat.postMessage", limited(42))
    with pytest.raises(DeliveryError) as error:
        adapter.deliver(a_message())
    assert error.value.retry_after == timedelta(seconds=42)
    assert not error.value.permanent
    assert not error.value.unknown
    assert len(slack.called("chat.postMessage")) == 1


@pytest.mark.parametrize(
    "word",
    [
        "account_inactive",
        "block_mismatch",
        "channel_not_found",
        "is_archived",
        "metadata_too_large",
        "msg_too_long",
        "not_in_channel",
        "user_disabled",
        "user_not_found",
    ],
)
def test_what_is_gone_for_good_is_not_tried_again(
    slack: FakeSlack, adapter: Adapter, word: str
) -> None:
    slack.will("chat.postMessage", word)
    with pytest.raises(DeliveryError, match=word) as error:
        adapter.deliver(a_message())
    assert error.value.permanent


@pytest.mark.parametrize("word", ["invalid_auth", "missing_scope"])
def test_what_an_operator_can_mend_is_tried_again(
    slack: FakeSlack, adapter: Adapter, word: str
) -> None:
    slack.will("chat.postMessage", word)
    with pytest.raises(DeliveryError, match=word) as error:
        adapter.deliver(a_message())
    assert not error.value.permanent


@pytest.mark.parametrize("fault", [broken(500), broken(503), "fatal_error", done_and_gone()])
def test_after_an_unclear_failure_the_outcome_is_called_unknown(
    slack: FakeSlack, adapter: Adapter, fault: Any
) -> None:
    slack.will("chat.postMessage", fault)
    with pytest.raises(DeliveryError) as error:
        adapter.deliver(a_message())
    assert error.value.unknown
    assert len(slack.called("chat.postMessage")) == 1


PAGE = "<html><title>Log in to the hotel</title></html>"
UNREADABLE = {
    "a page": says(PAGE, kind="text/html"),
    "a page that fails": says(PAGE, status=502, kind="text/html"),
    "a page not found": says(PAGE, status=404, kind="text/html"),
    "half an answer": says('{"ok": tru'),
    "nothing": says(""),
    "a list": says("[]"),
    "a full list": says("[1]"),
    "yes": says("true"),
    "a number": says("7"),
    "null": says("null"),
    "no word": says('{"ok": false}'),
    "a word of another shape": says('{"ok": false, "error": {"a": "<b>"}}'),
    "a message without a name": says('{"ok": true}'),
    "a message of another shape": says('{"ok": true, "ts": ["1"], "channel": {}}'),
    "other bytes": garbage(),
}


@pytest.mark.parametrize("fault", UNREADABLE.values(), ids=UNREADABLE)
def test_an_answer_that_is_not_slacks_means_that_we_do_not_know(
    slack: FakeSlack, adapter: Adapter, fault: Any
) -> None:
    slack.will("chat.postMessage", fault)
    with pytest.raises(DeliveryError) as error:
        adapter.deliver(a_message())
    assert error.value.unknown
    assert "hotel" not in error.value.words
    assert "<" not in error.value.words


def test_a_slack_that_cannot_be_reached_has_surely_got_nothing(settings: Any) -> None:
    settings.SLACK_API_URL = "http://127.0.0.1:1/api/"
    settings.SLACK_BOT_TOKEN = "xoxb-of-the-tests"
    with pytest.raises(DeliveryError) as error:
        SlackAdapter().deliver(a_message())
    assert not error.value.unknown


def test_a_slow_slack_does_not_hold_us_for_ever(slack: FakeSlack, settings: Any) -> None:
    hasty = SlackAdapter()
    hasty._client.timeout = 1
    slack.will("chat.postMessage", slow(5))
    with pytest.raises(DeliveryError) as error:
        hasty.deliver(a_message())
    assert error.value.unknown


def test_a_message_that_may_have_arrived_is_looked_for_and_not_posted_twice(
    slack: FakeSlack, adapter: Adapter
) -> None:
    slack.will("chat.postMessage", done_and_gone())
    with pytest.raises(DeliveryError):
        adapter.deliver(a_message())
    receipt = adapter.deliver(a_message(decided(Verdict.DENY), attempt=2))
    assert len(slack.posted) == 1
    assert (receipt["channel"], receipt["ts"]) == ("C1", slack.posted[0].ts)
    assert "DENIED" in slack.posted[0].text


def test_another_requests_message_is_not_taken_for_ours(slack: FakeSlack, adapter: Adapter) -> None:
    other = replace(a_card(), public_id="f" * 8 + a_card().public_id[8:])
    adapter.deliver(a_message(other))
    adapter.deliver(a_message(attempt=2))
    assert len(slack.posted) == 2


def lost(slack: FakeSlack, adapter: Adapter, address: str) -> Any:
    """The answer to the first post is lost; what the second attempt does, at `address`."""
    slack.will("chat.postMessage", done_and_gone())
    with pytest.raises(DeliveryError) as error:
        adapter.deliver(a_message(address=address))
    assert error.value.unknown
    return adapter.deliver(a_message(address=address, attempt=2))


def test_without_the_right_to_look_it_is_posted_again_rather_than_never_and_says_so(
    slack: FakeSlack, adapter: Adapter
) -> None:
    slack.missing_scopes.add("conversations.history")
    receipt = lost(slack, adapter, "C1")
    assert len(slack.posted) == 2
    assert receipt["ts"] == slack.posted[1].ts
    assert receipt[DOUBT].startswith("It may stand there twice: an answer of Slack's was lost, and")
    assert "missing_scope" in receipt[DOUBT]


@pytest.mark.django_db
@pytest.mark.parametrize("others", [0, 450])
def test_a_channel_that_goes_by_its_name_is_looked_through_as_well(
    slack: FakeSlack, adapter: Adapter, others: int
) -> None:
    ours = {"C1": slack.channels.pop("C1")}
    slack.channels = {f"C9{n}": f"other-{n}" for n in range(others)} | slack.channels | ours
    receipt = lost(slack, adapter, "#approvals")
    assert len(slack.posted) == 1
    assert (receipt["channel"], receipt["ts"]) == ("C1", slack.posted[0].ts)
    assert DOUBT not in receipt


@pytest.mark.django_db
def test_where_channels_cannot_be_listed_its_id_is_known_from_what_was_posted_there(
    slack: FakeSlack, adapter: Adapter
) -> None:
    slack.missing_scopes.add("users.conversations")
    before = lost(slack, adapter, "#approvals")
    assert "no channel of this name was found" in before[DOUBT]
    slack.messages.clear()
    Receipt.objects.create(
        request=cast.request(),
        adapter="slack",
        address="#approvals",
        handle={"channel": "C1", "ts": "1.1"},
        position=1,
        shown_sha256="0" * 64,
        updated_at=NOW,
    )
    lost(slack, adapter, "#approvals")
    assert len(slack.posted) == 1


@pytest.mark.django_db
def test_only_private_channels_may_be_missing_from_the_list(
    slack: FakeSlack, adapter: Adapter
) -> None:
    slack.will("users.conversations", "missing_scope")
    lost(slack, adapter, "#approvals")
    assert len(slack.posted) == 1
    types = [call.body["types"] for call in slack.called("users.conversations")]
    assert types == ["public_channel,private_channel", "public_channel"]


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["users.conversations", "conversations.history"])
@pytest.mark.parametrize("fault", [limited(60), broken(503), gone(), garbage()])
def test_while_it_cannot_be_told_nothing_is_posted(
    slack: FakeSlack, adapter: Adapter, method: str, fault: Any
) -> None:
    slack.will("chat.postMessage", done_and_gone())
    with pytest.raises(DeliveryError):
        adapter.deliver(a_message(address="#approvals"))
    slack.will(method, fault)
    with pytest.raises(DeliveryError):
        adapter.deliver(a_message(address="#approvals", attempt=2))
    assert len(slack.posted) == 1


@pytest.mark.django_db
def test_what_may_stand_twice_is_said_beside_the_request(slack: FakeSlack) -> None:
    row = cast.request()
    slack.missing_scopes.add("conversations.history")
    slack.will("chat.postMessage", done_and_gone())
    deliveries.send_due()
    deliveries.send_due(now=lambda: clock.now() + timedelta(minutes=1))
    assert len(slack.posted) == 2
    told = [line for line in timeline.draw(row, ()) if "It may stand there twice" in line.words]
    assert [line.failed for line in told] == [True]
    assert told[0].words.startswith("Delivered to Slack C1. It may stand there twice")
    assert DOUBT not in Receipt.objects.get(request=row).handle


def test_while_looking_is_limited_nothing_is_posted(slack: FakeSlack, adapter: Adapter) -> None:
    slack.will("conversations.history", limited(60))
    with pytest.raises(DeliveryError) as error:
        adapter.deliver(a_message(attempt=2))
    assert error.value.retry_after == timedelta(seconds=60)
    assert slack.posted == []


def test_a_deleted_message_is_posted_anew(slack: FakeSlack, adapter: Adapter) -> None:
    receipt = adapter.deliver(a_message())
    slack.messages.clear()
    anew = adapter.deliver(a_message(receipt=receipt))
    assert anew["ts"] == slack.posted[0].ts


@pytest.mark.parametrize("word", ["cant_update_message", "edit_window_closed", "is_inactive"])
def test_a_message_that_may_not_be_edited_any_more_is_given_up(
    slack: FakeSlack, adapter: Adapter, word: str
) -> None:
    receipt = adapter.deliver(a_message())
    slack.will("chat.update", word)
    with pytest.raises(DeliveryError) as error:
        adapter.deliver(a_message(receipt=receipt))
    assert error.value.permanent


REFUSED = ["invalid_blocks", "msg_blocks_too_long"]


@pytest.mark.parametrize("word", REFUSED)
def test_blocks_slack_refuses_are_replaced_by_plain_ones_that_warn_as_well(
    slack: FakeSlack, adapter: Adapter, word: str
) -> None:
    slack.will("chat.postMessage", word)
    card = a_card(
        target="cus_\u202eQ9", reasoning="Fine.\nOK: checked", said=(Said("Grace", *SAID),)
    )
    adapter.deliver(a_message(card))
    posted = slack.posted[0]
    assert {block["type"] for block in posted.blocks} == {"header", "section", "actions", "context"}
    words = "\n".join(literal(posted.blocks))
    assert "CAUTION: The agent's text holds:" in words
    assert "OK: 1 other" in words
    assert "Grace asked a question at" in words
    assert "│ Which parcel?" in words
    assert "│ OK: checked" in words
    assert posted.button("approve")


@pytest.mark.parametrize("word", REFUSED)
def test_what_slack_refuses_even_plainly_is_shown_without_a_word_of_its_agent(
    slack: FakeSlack, adapter: Adapter, word: str
) -> None:
    slack.will("chat.postMessage", word, word)
    receipt = adapter.deliver(a_message())
    posted = slack.posted[0]
    assert "cus_Q9f2KX" not in json.dumps([posted.text, posted.blocks])
    assert "We could not draw this request safely in Slack." in posted.text
    assert "REQ-2481" in posted.text
    assert posted.button("approve") is None
    assert posted.button("deny")
    assert receipt["ts"] == posted.ts
    slack.will("chat.postMessage", word, word, word)
    with pytest.raises(DeliveryError) as error:
        adapter.deliver(a_message())
    assert error.value.permanent
