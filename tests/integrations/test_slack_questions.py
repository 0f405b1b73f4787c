"""Questions and answers in the thread of a request's message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from approvals.domain.terms import AskedOf, Status, Verdict
from approvals.models import (
    Agent,
    Alert,
    ApprovalRequest,
    ChannelShowing,
    Delivery,
    RequestMessage,
    states,
)
from approvals.models.workspaces import Shows
from approvals.queries import questions
from approvals.services import clock, deliveries, lifecycle, people
from integrations.slack import spoken
from tests.fakes.knocks import signed
from tests.fakes.slack import Posted, broken, done_and_gone, limited
from tests.fakes.slack_rooms import RoomySlack
from tests.integrations.contract import SECRET
from tests.support import cast
from tests.support.slack import knock, linked, refusals, shown, words_of

pytestmark = [pytest.mark.urls("integrations.slack.urls"), pytest.mark.django_db]

FAR = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture
def slack(settings: Any) -> Iterator[RoomySlack]:
    with RoomySlack() as fake:
        for name, value in fake.settings.items():
            setattr(settings, name, value)
        settings.ADAPTERS = [
            "integrations.slack.adapter.SlackAdapter",
            "integrations.slack.questions.QuestionsAdapter",
        ]
        yield fake


def asked(slack: RoomySlack, words: str = "Which node pool?") -> tuple[ApprovalRequest, Posted]:
    """A request Lin asked about in Slack, and the question in its thread."""
    row = cast.request()
    linked("lin", "U1")
    linked("sam", "U2")
    root = shown(slack, row)
    knock(slack.click(root, "investigate", user="U1"))
    knock(slack.submit(slack.views[-1], words, user="U1"))
    deliveries.send_due()
    return row, talk(slack, row)[0]


def talk(slack: RoomySlack, row: ApprovalRequest) -> list[Posted]:
    """The thread, without the replies that only call for attention."""
    root = next(m for m in slack.posted if row.ref in m.text and "thread_ts" not in m.content)
    marked = [m for m in slack.in_thread(root) if "metadata" in m.content]
    return [m for m in marked if m.content["metadata"]["event_type"] == "approval_thread"]


def answered(slack: RoomySlack, question: Posted, words: str, *, user: str = "U2") -> Any:
    knock(slack.click(question, "answer", user=user))
    return knock(slack.submit(slack.views[-1], words, user=user))


def test_a_question_is_posted_in_the_thread_and_calls_the_owner(slack: RoomySlack) -> None:
    row, question = asked(slack)
    drawn = json.dumps(question.blocks)
    assert "Question from Lin:" in drawn
    assert "Which node pool?" in drawn
    assert {"type": "user", "user_id": "U2"} in question.blocks[0]["elements"][-1]["elements"]
    assert "you own this agent. Please answer." in drawn
    assert (question.button("answer") or {})["text"]["text"] == "Answer…"
    assert question.text == f"Question from Lin about {row.ref}"


def test_a_question_for_the_agent_alone_calls_no_owner_and_is_not_sent_to_them(
    slack: RoomySlack,
) -> None:
    row = cast.request()
    linked("sam", "U2")
    shown(slack, row)
    lifecycle.decide(
        ref=row.ref,
        person=cast.person("lin"),
        verdict=Verdict.INVESTIGATE,
        comment="Which node pool?",
        asked_of=AskedOf.AGENT,
        at=clock.now(),
    )
    deliveries.send_due()

    drawn = json.dumps(talk(slack, row)[0].blocks)

    assert "Question from Lin to the agent:" in drawn
    assert "This waits for the agent's answer." in drawn
    assert "U2" not in drawn
    assert not Delivery.objects.filter(adapter="slack_thread", address__contains="U2").exists()


@pytest.mark.parametrize(
    ("picked", "meant"), [("", "both"), ("owner", "owner"), ("agent", "agent")]
)
def test_whoever_asks_picks_who_shall_answer(slack: RoomySlack, picked: str, meant: str) -> None:
    row = cast.request()
    linked("lin", "U1")
    knock(slack.click(shown(slack, row), "investigate", user="U1"))
    knock(slack.submit(slack.views[-1], "Which node pool?", user="U1", picked=picked))
    row.refresh_from_db()
    assert row.status == Status.INVESTIGATING
    assert questions.asked_of(row.ref, states.of(row)) == meant


@pytest.mark.parametrize("picked", ["nobody", "sam@example.com", "BOTH", "x" * 5_000])
def test_a_choice_that_was_not_offered_asks_nobody(slack: RoomySlack, picked: str) -> None:
    row = cast.request()
    linked("lin", "U1")
    knock(slack.click(shown(slack, row), "investigate", user="U1"))
    answer = knock(slack.submit(slack.views[-1], "Which node pool?", user="U1", picked=picked))
    assert "Pick who shall answer. Nothing was asked." in answer.content.decode()
    row.refresh_from_db()
    assert row.status == Status.PENDING


@pytest.mark.parametrize(
    ("accounts", "address", "called"),
    [
        (["T2:U2"], "C1", None),
        (["T2:U2"], "T2/C1", "U2"),
        (["T1:U7", "T2:U2"], "C1", "U7"),
        (["U7", "T2:U2"], "C1", "U7"),
        (["T1:U7"], "T2/C1", None),
        (["U7"], "T2/C1", None),
    ],
)
def test_nobody_of_another_workspace_is_called(
    slack: RoomySlack, settings: Any, accounts: list[str], address: str, called: str | None
) -> None:
    """One user id can be two people in two workspaces."""
    settings.SLACK_TEAM_ID = "T1"
    for account in accounts:
        linked("sam", account)
    row = cast.request()
    cast.decide(row, cast.person("lin"), Verdict.INVESTIGATE, "Why now?")
    [turn] = spoken.turns(row)
    drawn = spoken.draw(row, turn, value="", shows=Shows.VALUES, address=address)
    wanted = {"type": "user", "user_id": called} if called else None
    parts = drawn[0]["elements"][-1]["elements"]
    assert [part for part in parts if part["type"] == "user"] == ([wanted] if wanted else [])
    assert called or parts[0]["text"] == "Sam"


def test_the_owner_answers_and_the_clock_runs_again(slack: RoomySlack) -> None:
    row, question = asked(slack)
    knock(slack.click(question, "answer", user="U2"))
    view = slack.views[-1]
    assert (view["callback_id"], view["title"]["text"]) == ("answer", f"Answer {row.ref}")
    assert [b["block_id"] for b in view["blocks"] if b["type"] == "input"] == ["answer"]
    assert "Which node pool?" in json.dumps(view["blocks"])
    done = knock(slack.submit(view, "The blue one.", user="U2"))
    assert (done.status_code, done.content) == (200, b"")
    row.refresh_from_db()
    assert row.status == Status.PENDING
    assert RequestMessage.objects.get(request=row).person == cast.person("sam")
    deliveries.send_due()
    answer = talk(slack, row)[1]
    drawn = json.dumps(answer.blocks)
    assert "from Sam (agent owner)" in drawn
    assert "The blue one." in drawn
    assert answer.blocks[0]["elements"][1]["type"] == "rich_text_quote"
    assert {"type": "user", "user_id": "U1"} in answer.blocks[0]["elements"][-1]["elements"]
    assert "The blue one." in json.dumps(shown(slack, row).blocks)


def test_the_agents_own_answer_is_marked_as_not_checked(slack: RoomySlack) -> None:
    row, _ = asked(slack)
    lifecycle.add_message(ref=row.ref, text="Pool B.", agent=row.agent, at=clock.now())
    deliveries.send_due()
    drawn = json.dumps(talk(slack, row)[1].blocks)
    assert "from the agent, not checked" in drawn
    assert "Pool B." in drawn


def test_an_approver_may_answer(slack: RoomySlack) -> None:
    row, question = asked(slack)
    answered(slack, question, "I looked: the blue one.", user="U1")
    deliveries.send_due()
    drawn = json.dumps(talk(slack, row)[1].blocks)
    assert "from Lin" in drawn
    assert "agent owner" not in drawn


def test_nobody_else_may_answer(slack: RoomySlack) -> None:
    row, question = asked(slack)
    linked("mallory", "U3")
    knock(slack.click(question, "answer", user="U3"))
    assert "callback_id" not in slack.views[-1]
    assert words_of(slack.views[-1]).startswith("Not recorded. The agent's owner")
    assert not RequestMessage.objects.filter(request=row).exists()


def test_rights_are_looked_up_when_the_answer_is_sent(slack: RoomySlack) -> None:
    row, question = asked(slack)
    knock(slack.click(question, "answer", user="U1"))
    people.leave(person=cast.person("lin"), team="team-leads", actor=cast.OPERATOR, at=clock.now())
    late = json.loads(knock(slack.submit(slack.views[-1], "Mine.", user="U1")).content)
    assert words_of(late["view"]).startswith("Not recorded.")
    assert not RequestMessage.objects.filter(request=row).exists()


def test_somebody_unknown_is_asked_who_they_are(slack: RoomySlack) -> None:
    row, question = asked(slack)
    knock(slack.click(question, "answer", user="U9"))
    assert words_of(slack.views[-1]).startswith("We do not know who you are yet.")
    assert refusals(row) == ["unknown_person"]


def test_an_empty_answer_is_asked_for_again(slack: RoomySlack) -> None:
    row, question = asked(slack)
    refused = answered(slack, question, "  ")
    assert list(json.loads(refused.content)["errors"]) == ["answer"]
    assert not RequestMessage.objects.filter(request=row).exists()


def test_an_answer_that_comes_after_the_decision_is_told_so(slack: RoomySlack) -> None:
    row, question = asked(slack)
    knock(slack.click(question, "answer", user="U2"))
    window = slack.views[-1]
    cast.decide(row, cast.person("lin"), Verdict.DENY, "No.")
    late = json.loads(knock(slack.submit(window, "The blue one.", user="U2")).content)
    assert words_of(late["view"]).startswith("Lin denied this")
    knock(slack.click(question, "answer", user="U2"))
    assert "no answer is needed" in words_of(slack.views[-1])
    assert not RequestMessage.objects.filter(request=row).exists()


def test_a_window_of_an_answer_decides_nothing_else(slack: RoomySlack) -> None:
    row, question = asked(slack)
    knock(slack.click(question, "answer", user="U1"))
    knock(slack.submit(slack.views[-1] | {"callback_id": "approve"}, "Yes.", user="U1"))
    knock(slack.submit(slack.views[-1] | {"callback_id": "deny"}, "Yes.", user="U1"))
    row.refresh_from_db()
    assert row.status == Status.INVESTIGATING


def test_the_button_of_a_question_counts_on_that_message_alone(slack: RoomySlack) -> None:
    row, question = asked(slack)
    slack.post(question.content)
    copy = slack.posted[-1]
    for message in (copy, shown(slack, row)):
        knock(signed_answer(slack, question, message))
        assert words_of(slack.views[-1]).startswith("Not counted.")
    assert refusals(row) == ["not_our_button"] * 2
    assert Alert.objects.count() == 2


def signed_answer(slack: RoomySlack, question: Posted, on: Posted) -> Any:
    return signed(slack.press(on, question.button("answer") or {}, user="U2"))


def test_a_secret_in_a_question_or_an_answer_never_leaves(slack: RoomySlack) -> None:
    row, question = asked(slack, f"Is it {SECRET}?")
    answered(slack, question, f"No, {SECRET} was the old one.")
    deliveries.send_due()
    assert len(talk(slack, row)) == 2
    assert "hidden by rule" in json.dumps([each.content for each in slack.posted])
    assert not [call for call in slack.calls if SECRET in json.dumps(call.body)]


def test_hostile_words_stay_words(slack: RoomySlack) -> None:
    row, question = asked(slack, "<!channel> <@U1> *bold* \u202eevil")
    assert {b["type"] for b in question.blocks} == {"rich_text", "actions"}
    assert "⟦" in json.dumps(question.blocks, ensure_ascii=False)
    answered(slack, question, "<https://evil.example|https://ours.example>")
    deliveries.send_due()
    assert talk(slack, row)[1].text == f"Answer from Sam about {row.ref}"


@pytest.mark.parametrize("shows", ["names", "nothing"])
def test_a_channel_that_may_not_see_values_sees_no_words(slack: RoomySlack, shows: str) -> None:
    at = clock.now()
    ChannelShowing.objects.create(
        adapter="slack", address="C1", shows=shows, changed_by="t", changed_at=at
    )
    row = cast.request()
    shown(slack, row)
    cast.decide(row, cast.person("lin"), Verdict.INVESTIGATE, "Is the password hunter2?")
    deliveries.send_due()
    assert "hunter2" not in json.dumps([m.content for m in slack.posted])
    assert "Not shown in this channel" in json.dumps(talk(slack, row)[0].blocks)


def test_each_turn_is_posted_once_whatever_breaks(slack: RoomySlack) -> None:
    row = cast.request()
    linked("lin")
    shown(slack, row)
    cast.decide(row, cast.person("lin"), Verdict.INVESTIGATE, "Why now?")
    late = clock.now() + timedelta(minutes=5)
    slack.will("chat.postMessage", done_and_gone(), limited(1))
    deliveries.send_due()
    Delivery.objects.filter(state="waiting").update(due_at=clock.now(), leased_until=None)
    deliveries.send_due(now=lambda: late)
    deliveries.send_due(now=lambda: late + timedelta(minutes=5))
    assert len(talk(slack, row)) == 1
    assert not Delivery.objects.filter(state="waiting").exists()


def test_a_question_waits_for_the_message_it_belongs_to(slack: RoomySlack) -> None:
    row = cast.request()
    cast.decide(row, cast.person("lin"), Verdict.INVESTIGATE, "Why now?")
    Delivery.objects.filter(adapter="slack").update(due_at=clock.now() + timedelta(minutes=1))
    deliveries.send_due()
    assert slack.posted == []
    deliveries.send_due(now=lambda: clock.now() + timedelta(minutes=2))
    deliveries.send_due(now=lambda: clock.now() + timedelta(minutes=3))
    assert len(talk(slack, row)) == 1


# --- said to people themselves ------------------------------------------------------------------


def said_to(slack: RoomySlack, user: str) -> list[Posted]:
    return [message for message in slack.posted if message.channel == f"D{user}"]


def everything_sent() -> None:
    """Whatever is due, and whatever waits for another message first."""
    for later in (timedelta(0), timedelta(minutes=1), timedelta(minutes=10)):
        deliveries.send_due(limit=200, now=partial(_moment, later))


def _moment(later: timedelta) -> datetime:
    return clock.now() + later


def test_who_must_answer_is_written_to_and_answers_there(slack: RoomySlack) -> None:
    row, _ = asked(slack)
    [direct] = said_to(slack, "U2")
    assert said_to(slack, "U1") == []
    drawn = json.dumps(direct.blocks)
    assert f"{row.ref} \\u00b7 Scale deployment" in drawn
    assert "Question from Lin:" in drawn
    assert "Which node pool?" in drawn
    assert (direct.button("open") or {})["url"].endswith(f"/r/{row.ref}")
    answered(slack, direct, "The blue one.")
    row.refresh_from_db()
    assert row.status == Status.PENDING
    assert RequestMessage.objects.get(request=row).person == cast.person("sam")
    assert refusals(row) == []


def test_whoever_asked_is_written_to_once_it_is_answered(slack: RoomySlack) -> None:
    row, question = asked(slack)
    answered(slack, question, "The blue one.")
    everything_sent()
    [direct] = said_to(slack, "U1")
    drawn = json.dumps(direct.blocks)
    assert "from Sam (agent owner)" in drawn
    assert "The blue one." in drawn
    assert "this answers your question." in drawn
    assert direct.button("answer") is None
    assert (direct.button("open") or {})["url"].endswith(f"/r/{row.ref}")
    assert len(said_to(slack, "U2")) == 1


def test_the_agents_answer_is_told_to_whoever_asked_and_to_nobody_else(slack: RoomySlack) -> None:
    row, _ = asked(slack)
    lifecycle.add_message(ref=row.ref, text="Pool B.", agent=row.agent, at=clock.now())
    everything_sent()
    [direct] = said_to(slack, "U1")
    assert "from the agent, not checked" in json.dumps(direct.blocks)
    assert len(said_to(slack, "U2")) == 1


def test_where_nobody_owns_the_agent_those_who_are_asked_are_written_to(slack: RoomySlack) -> None:
    row = cast.request(**cast.HIGH)
    Agent.objects.filter(pk=row.agent_id).update(owner=None)
    linked("ada", "U1")
    linked("grace", "U4")
    linked("mallory", "U5")
    cast.decide(row, cast.person("ada"), Verdict.INVESTIGATE, "Why now?")
    everything_sent()
    assert [len(said_to(slack, user)) for user in ("U1", "U4", "U5")] == [0, 1, 0]


@pytest.mark.parametrize("fault", [done_and_gone(), broken(503), limited(1)])
def test_somebody_is_written_to_once_whatever_breaks(slack: RoomySlack, fault: Any) -> None:
    row = cast.request()
    linked("sam", "U2")
    shown(slack, row)
    cast.decide(row, cast.person("lin"), Verdict.INVESTIGATE, "Why now?")
    Delivery.objects.filter(state="waiting").exclude(address="U2").update(due_at=FAR)
    slack.will("chat.postMessage", fault)
    everything_sent()
    assert len(said_to(slack, "U2")) == 1
    assert not Delivery.objects.filter(address="U2", state="waiting").exists()


def test_nobody_is_written_to_about_what_is_over(slack: RoomySlack) -> None:
    row = cast.request()
    linked("sam", "U2")
    cast.decide(row, cast.person("lin"), Verdict.INVESTIGATE, "Why now?")
    cast.decide(row, cast.person("lin"), Verdict.DENY, "No.")
    everything_sent()
    assert said_to(slack, "U2") == []


def test_somebody_without_an_account_is_asked_in_the_thread_alone(slack: RoomySlack) -> None:
    row = cast.request()
    cast.decide(row, cast.person("lin"), Verdict.INVESTIGATE, "Why now?")
    everything_sent()
    assert {message.channel for message in slack.posted} == {"C1"}
