"""Time can be added on a message about which somebody asked, as far as the policy leaves room."""

from __future__ import annotations

from datetime import timedelta

import pytest

from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest, AuditEvent, Knock
from approvals.services import clock, lifecycle
from tests.fakes.slack import FakeSlack, Posted
from tests.support import cast
from tests.support.slack import knock, linked, shown, words_of

pytestmark = [pytest.mark.urls("integrations.slack.urls"), pytest.mark.django_db]


@pytest.fixture
def asked() -> ApprovalRequest:
    """A request whose question was answered a moment ago: the clock runs again."""
    linked("lin")
    row = cast.request()
    cast.decide(row, cast.person("lin"), Verdict.INVESTIGATE, "Why now?")
    answer(row)
    return row


def answer(row: ApprovalRequest) -> None:
    lifecycle.add_message(ref=row.ref, text="Since it is late.", agent=row.agent, at=clock.now())


def added(row: ApprovalRequest) -> int:
    return AuditEvent.objects.filter(request=row, type="request.time_added").count()


def label(message: Posted) -> str:
    button = message.button("more_time")
    return str(button["text"]["text"]) if button else ""


def test_time_is_added_and_the_message_says_until_when(
    slack: FakeSlack, asked: ApprovalRequest
) -> None:
    message = shown(slack, asked)
    asked.refresh_from_db()
    before, minutes = asked.decide_by, int(label(message).split()[1])
    knock(slack.click(message, "more_time"))
    asked.refresh_from_db()
    assert timedelta(0) < asked.decide_by - before <= timedelta(minutes=30)
    assert (asked.decide_by - before) // timedelta(minutes=1) == minutes
    assert f"{asked.decide_by:%H:%M:%S} UTC" in str(shown(slack, asked).blocks)
    assert slack.views == []
    assert not Knock.objects.filter(done_at=None).exists()


def test_it_is_refused_in_words_to_whom_it_does_not_belong(
    slack: FakeSlack, asked: ApprovalRequest
) -> None:
    linked("ada", "U2")
    message = shown(slack, asked)
    knock(slack.click(message, "more_time", user="U2"))
    assert "You are not one of them." in words_of(slack.views[-1])
    assert slack.views[-1]["title"]["text"] == "No time was added"
    knock(slack.click(message, "more_time", user="U9"))
    assert "We do not know who you are yet." in words_of(slack.views[-1])
    assert added(asked) == 0


def test_each_person_once_and_a_press_that_comes_twice_is_one(
    slack: FakeSlack, asked: ApprovalRequest
) -> None:
    message = shown(slack, asked)
    first, second = slack.click(message, "more_time"), slack.click(message, "more_time")
    for each in (first, first, second):
        knock(each)
    assert added(asked) == 1
    assert len(slack.views) == 1


def test_while_a_question_is_open_none_is_offered_and_a_late_press_reads_why(
    slack: FakeSlack, asked: ApprovalRequest
) -> None:
    late = slack.click(shown(slack, asked), "more_time")
    cast.decide(asked, cast.person("lin"), Verdict.INVESTIGATE, "And who asked for it?")
    message = shown(slack, asked)
    assert "QUESTION OPEN" in message.blocks[0]["text"]["text"]
    assert "The clock is paused" in str(message.blocks)
    assert label(message) == ""
    knock(late)
    assert "The clock stands while a question is open. Nothing was added." in words_of(
        slack.views[-1]
    )
    assert added(asked) == 0


def test_where_the_policy_leaves_no_room_none_is_offered_and_a_late_press_reads_why(
    slack: FakeSlack, asked: ApprovalRequest
) -> None:
    late = slack.click(shown(slack, asked), "more_time")
    ApprovalRequest.objects.filter(pk=asked.pk).update(pause_left=timedelta(0))
    knock(late)
    assert "There is no time left to add: decide by" in words_of(slack.views[-1])
    assert added(asked) == 0
