"""Slack calls whom a state needs, once, and nobody else."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest, Delivery
from approvals.services import clock, deliveries, grants, outcomes, timers
from tests.fakes.slack import FakeSlack, Posted, done_and_gone, limited
from tests.support import cast
from tests.support.slack import linked, shown

pytestmark = pytest.mark.django_db
NOON = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)


def send(at: datetime) -> None:
    deliveries.send_due(limit=200, now=lambda: at)


def later(row: ApprovalRequest, *, until: Callable[[ApprovalRequest], bool]) -> datetime:
    """Let time pass from timer to timer until something has happened; the moment it did."""
    at = NOON
    for _ in range(20):
        due = row.timers.filter(fired_at=None, dropped_at=None).order_by("due_at").first()
        assert due is not None
        at = due.due_at
        timers.fire_due(at=at)
        row.refresh_from_db()
        if until(row):
            return at
    raise AssertionError("It never happened.")


def mentions(message: Posted) -> list[str]:
    return [
        part.get("usergroup_id") or part["user_id"]
        for part in parts(message.blocks)
        if part.get("type") in {"user", "usergroup"}
    ]


def parts(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [part for inner in value for part in parts(inner)]
    if isinstance(value, dict):
        return [value, *(part for inner in value.values() for part in parts(inner))]
    return []


def replies(slack: FakeSlack) -> list[Posted]:
    return [message for message in slack.posted if "thread_ts" in message.content]


@pytest.fixture
def groups(settings: Any) -> None:
    settings.SLACK_TEAM_GROUPS = "managers:S0MANAGERS,security:S0SECURITY,team-leads:S0LEADS"


@pytest.mark.usefixtures("groups")
def test_the_groups_of_the_teams_asked_are_mentioned_in_the_first_post_alone(
    slack: FakeSlack,
) -> None:
    row = cast.request(at=NOON, **cast.HIGH)
    send(NOON)
    [card] = slack.posted
    assert mentions(card) == ["S0MANAGERS", "S0SECURITY"]
    cast.decide(row, cast.person("ada"), at=NOON + timedelta(minutes=1))
    send(NOON + timedelta(minutes=1))
    assert card.edits == 1
    assert mentions(card) == []
    assert all("S0" not in json.dumps(reply.content) for reply in replies(slack))


@pytest.mark.usefixtures("groups")
def test_no_group_is_called_for_less_than_high(slack: FakeSlack) -> None:
    cast.request(at=NOON)
    send(NOON)
    assert mentions(slack.posted[0]) == []


@pytest.mark.usefixtures("groups")
def test_a_card_that_was_deleted_calls_nobody_again(slack: FakeSlack) -> None:
    row = cast.request(at=NOON, **cast.HIGH)
    send(NOON)
    slack.messages.clear()
    cast.decide(row, cast.person("ada"), at=NOON + timedelta(minutes=1))
    send(NOON + timedelta(minutes=1))
    assert [mentions(message) for message in slack.posted] == [[], []]


@pytest.mark.usefixtures("groups")
def test_a_mention_in_an_agents_words_stays_words(slack: FakeSlack) -> None:
    cast.request(at=NOON, reasoning="<!subteam^S0MANAGERS> <!here> <@U1>")
    send(NOON)
    assert mentions(slack.posted[0]) == []
    assert "<!subteam" not in slack.posted[0].text
    marked = [p["text"] for p in parts(slack.posted[0].blocks) if p.get("type") == "mrkdwn"]
    assert not any("subteam" in text for text in marked)


def test_one_of_two_names_the_others_in_one_reply(slack: FakeSlack) -> None:
    linked("ada", "U1")
    linked("grace", "U2")
    linked("mallory", "U3")
    row = cast.request(at=NOON, **cast.HIGH)
    send(NOON)
    cast.decide(row, cast.person("ada"), at=NOON + timedelta(minutes=1))
    send(NOON + timedelta(minutes=1))
    [reply] = replies(slack)
    assert reply.content["thread_ts"] == slack.posted[0].ts
    assert reply.text.startswith(f"Ada approved {row.ref}: 1 of 2. One more person is needed, by ")
    assert mentions(reply) == ["U2"]


def test_an_escalation_shows_the_card_to_whoever_is_now_asked_and_keeps_it_true(
    slack: FakeSlack,
) -> None:
    linked("ada", "U1")
    linked("lin", "T1:U2")
    row = cast.request(at=NOON)
    send(NOON)
    at = later(row, until=lambda row: row.rung > 0)
    send(at)
    [direct] = [message for message in slack.posted if message.channel == "DU1"]
    assert direct.button("approve") is not None
    assert row.ref in direct.text
    assert "ESCALATED" in direct.blocks[0]["text"]["text"]
    [reply] = [r for r in replies(slack) if "No decision in time" in r.text]
    assert mentions(reply) == ["U1"]
    assert not any(message.channel == "DU2" for message in slack.posted)
    cast.decide(row, cast.person("ada"), Verdict.DENY, "No.", at=at + timedelta(seconds=1))
    send(at + timedelta(seconds=1))
    assert direct.button("approve") is None
    assert "DENIED" in direct.text
    assert len([m for m in slack.posted if m.channel == "DU1"]) == 1


def test_a_failure_is_a_reply_to_the_agents_owner_and_a_success_is_none(slack: FakeSlack) -> None:
    linked("sam", "U7")
    for status, told in (("success", 0), ("failure", 1)):
        row = cast.approved(at=NOON, target=f"{status}-api")
        send(clock.now())
        grants.consume(ref=row.ref, agent=row.agent, key="", parameters=None, at=clock.now())
        outcomes.report(ref=row.ref, agent=row.agent, outcome={"status": status}, at=clock.now())
        send(clock.now())
        found = [r for r in replies(slack) if "the agent reports that it failed" in r.text]
        assert len(found) == told
    assert mentions(found[0]) == ["U7"]


def test_what_expires_unnoticed_is_said_aloud_from_high_on(slack: FakeSlack) -> None:
    medium = cast.request(at=NOON, target="one")
    at = later(medium, until=lambda row: row.closed_at is not None)
    send(at)
    assert not any("Nobody decided" in reply.text for reply in replies(slack))
    high = cast.request(at=NOON, **cast.HIGH)
    at = later(high, until=lambda row: row.closed_at is not None)
    send(at)
    assert any(f"Nobody decided {high.ref} in time" in m.text for m in slack.posted)


def test_a_reminder_that_was_overtaken_by_a_decision_is_not_sent(slack: FakeSlack) -> None:
    row = cast.request(at=NOON)
    send(NOON)
    slack.will("chat.postMessage", limited(30))
    at = NOON + timedelta(minutes=3)
    timers.fire_due(at=at)
    send(at)
    cast.decide(row, cast.person("lin"), at=at + timedelta(seconds=1))
    send(at + timedelta(seconds=1))
    assert "APPROVED" in slack.posted[0].text
    send(at + timedelta(minutes=1))
    assert replies(slack) == []
    assert Delivery.objects.get(kind="note").state == "superseded"


def test_a_note_that_may_have_arrived_is_not_said_twice(slack: FakeSlack) -> None:
    cast.request(at=NOON)
    send(NOON)
    slack.will("chat.postMessage", done_and_gone())
    at = NOON + timedelta(minutes=3)
    timers.fire_due(at=at)
    send(at)
    send(at + timedelta(minutes=1))
    assert len(replies(slack)) == 1
    assert Delivery.objects.get(kind="note").state == "sent"


def test_a_note_without_a_card_leads_to_the_request(slack: FakeSlack) -> None:
    row = cast.request(at=NOON)
    at = NOON + timedelta(minutes=3)
    timers.fire_due(at=at)
    Delivery.objects.filter(kind="card").update(state="dead")
    send(at)
    [note] = slack.posted
    button = note.button("open")
    assert button is not None
    assert button["url"].endswith(f"/r/{row.ref}")


def test_the_message_tells_what_became_of_an_approval_and_only_a_failure_is_called_out(
    slack: FakeSlack,
) -> None:
    """Each of its lines in turn, on the one message that is there; what ran well is silent."""
    row = cast.approved()
    ran = cast.approved(target="another")
    for each in (row, ran):
        assert "Not run yet. The approval ends at" in json.dumps(shown(slack, each).blocks)
        grants.consume(ref=each.ref, agent=each.agent, key="", parameters=None, at=clock.now())
        assert "The agent started it at" in json.dumps(shown(slack, each).blocks)
    report(ran, {"status": "success", "detail": "re_3QKa1"})
    report(row, {"status": "failure", "detail": "card closed"})
    for each, line, words in ((ran, "Ran ", "re_3QKa1"), (row, "Failed ", "card closed")):
        stands = json.dumps(shown(slack, each).blocks)
        assert line in stands
        assert words in stands
        assert "not checked" in stands
    replies = [m.text for m in slack.posted if m.content.get("thread_ts")]
    assert replies == [f"{row.ref} was approved, and the agent reports that it failed."]


def report(row: ApprovalRequest, outcome: dict[str, str]) -> None:
    outcomes.report(ref=row.ref, agent=row.agent, outcome=outcome, at=clock.now())


def test_the_message_says_when_an_approval_ended_unused(slack: FakeSlack) -> None:
    row = cast.approved()
    shown(slack, row)
    later = clock.now() + timedelta(days=9)
    timers.fire_due(at=later)
    deliveries.send_due(now=lambda: later)
    message = shown(slack, row)
    assert "Not run. The approval ended at" in json.dumps(message.blocks)
    assert message.button("undo") is None
