"""What somebody decided in Slack can be taken back for some seconds, by them alone, on the message."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from approvals.domain.terms import Status, Verdict
from approvals.models import ApprovalRequest, Delivery, HeldDecision, Knock, Timer
from approvals.services import clock, deliveries, holding, knocks, lifecycle, people, timers
from approvals.services.clicks import Said
from integrations.slack import knocks as slack_knocks
from tests.fakes import block_kit
from tests.fakes.knocks import Knock as Knocked
from tests.fakes.knocks import signed
from tests.fakes.slack import FakeSlack, Posted
from tests.support import cast
from tests.support.slack import knock, linked, refusals, shown, words_of

pytestmark = [pytest.mark.urls("integrations.slack.urls"), pytest.mark.django_db]


@pytest.fixture
def held(slack: FakeSlack, settings: Any) -> ApprovalRequest:
    """A request on which lin may decide by a click, and be undone in time."""
    settings.UNDO_SECONDS = 30
    linked("lin")
    return cast.request()


def status(row: ApprovalRequest) -> str:
    row.refresh_from_db()
    return row.status


def read(message: Posted) -> str:
    """Everything that stands on a message."""
    found: list[str] = []

    def walk(part: object) -> None:
        if isinstance(part, list):
            for each in part:
                walk(each)
        elif isinstance(part, dict):
            found.extend(value for value in [part.get("text")] if isinstance(value, str))
            for each in part.values():
                walk(each)

    walk(message.blocks)
    return "\n".join(found)


def offered(message: Posted) -> list[str]:
    row = next(block for block in message.blocks if block["type"] == "actions")
    return [each["action_id"] for each in row["elements"]]


def carried_out(row: ApprovalRequest) -> None:
    """The time to undo passes."""
    later = clock.now() + timedelta(minutes=1)
    timers.fire_due(at=later)
    deliveries.send_due(now=lambda: later)


def test_an_approval_says_when_it_goes_to_the_agent_and_has_a_way_back(
    slack: FakeSlack, held: ApprovalRequest
) -> None:
    knock(slack.click(shown(slack, held), "approve"))
    message = shown(slack, held)
    mine = HeldDecision.objects.get()
    assert status(held) == Status.PENDING
    assert (mine.channel, mine.authenticated_by) == ("slack", "slack_signature")
    at = f"{mine.release_at:%H:%M:%S} UTC"
    assert f"Goes to the agent at {at}; until then it can be undone." in read(message)
    assert f"Goes to the agent at {at}" in message.text
    assert "Approved by Lin (" in message.text
    assert message.blocks[0]["text"]["text"].startswith("◔ APPROVAL ON ITS WAY · ")
    assert offered(message) == ["undo", "deny", "open"]
    assert block_kit.faults(message.blocks) == []


def test_it_is_carried_out_and_the_message_says_so(slack: FakeSlack, held: ApprovalRequest) -> None:
    knock(slack.click(shown(slack, held), "approve"))
    carried_out(held)
    message = shown(slack, held)
    assert status(held) == Status.APPROVED
    assert offered(message) == ["open"]
    assert "ON ITS WAY" not in read(message)
    assert "Not run yet. The approval ends at" in read(message)


def test_a_denial_can_be_undone_too_and_offers_nothing_else_meanwhile(
    slack: FakeSlack, held: ApprovalRequest
) -> None:
    knock(slack.click(shown(slack, held), "deny"))
    knock(slack.submit(slack.views[-1], "Not on a Friday."))
    message = shown(slack, held)
    assert "Denied by Lin (" in read(message)
    assert offered(message) == ["undo", "open"]
    knock(slack.click(message, "undo"))
    assert offered(shown(slack, held)) == ["approve", "deny", "investigate", "open"]
    carried_out(held)
    assert status(held) == Status.PENDING


def test_what_was_undone_reads_as_before_and_never_counts(
    slack: FakeSlack, held: ApprovalRequest
) -> None:
    before = shown(slack, held)
    words, text = read(before), before.text
    knock(slack.click(before, "approve"))
    knock(slack.click(shown(slack, held), "undo"))
    after = shown(slack, held)
    assert (read(after), after.text) == (words, text)
    carried_out(held)
    assert status(held) == Status.PENDING
    assert not Knock.objects.filter(done_at=None).exists()


def test_only_whoever_decided_may_undo_it(slack: FakeSlack, held: ApprovalRequest) -> None:
    linked("ada", "U2")
    knock(slack.click(shown(slack, held), "approve"))
    knock(slack.click(shown(slack, held), "undo", user="U2"))
    assert words_of(slack.views[-1]) == (
        "Nothing of yours waits to be undone here. Only Lin, who approved this, can undo that. "
        "Nothing was changed."
    )
    assert slack.views[-1]["title"]["text"] == "Not undone"
    knock(slack.click(shown(slack, held), "undo", user="U9"))
    assert "We do not know who you are yet." in words_of(slack.views[-1])
    carried_out(held)
    assert status(held) == Status.APPROVED


def test_a_late_undo_is_refused_in_words(slack: FakeSlack, held: ApprovalRequest) -> None:
    knock(slack.click(shown(slack, held), "approve"))
    late = slack.click(shown(slack, held), "undo")
    carried_out(held)
    knock(late)
    assert "Too late to undo: you approved this at" in words_of(slack.views[-1])
    assert status(held) == Status.APPROVED


def test_undoing_twice_is_undoing_once(slack: FakeSlack, held: ApprovalRequest) -> None:
    knock(slack.click(shown(slack, held), "approve"))
    message = shown(slack, held)
    first, second = slack.click(message, "undo"), slack.click(message, "undo")
    for each in (first, first, second):
        knock(each)
    assert "You took this back at" in words_of(slack.views[-1])
    assert len(slack.views) == 1
    assert held.events.filter(type="decision.undone").count() == 1


def test_undo_belongs_to_its_message_its_words_and_its_button(
    slack: FakeSlack, held: ApprovalRequest
) -> None:
    knock(slack.click(shown(slack, held), "approve"))
    message = shown(slack, held)
    slack.post(message.content | {"channel": "C2"})
    knock(slack.click(slack.posted[-1], "undo"))
    sealed = message.button("undo")
    assert sealed is not None
    as_deny = slack.press(message, sealed | {"action_id": "deny"})
    knock(signed(as_deny))
    assert refusals(held) == ["not_our_button", "edited_message"]
    carried_out(held)
    assert status(held) == Status.APPROVED


def test_a_button_cannot_be_made_into_an_undo(slack: FakeSlack, held: ApprovalRequest) -> None:
    message = shown(slack, held)
    stolen = message.button("approve")
    assert stolen is not None
    forged = slack.press(message, stolen | {"action_id": "undo"})
    knock(slack.click(message, "approve"))
    knock(signed(forged))
    assert refusals(held) == ["edited_message"]
    assert HeldDecision.objects.get().undone_at is None


def test_the_same_click_held_twice_is_one(slack: FakeSlack, held: ApprovalRequest) -> None:
    message = shown(slack, held)
    for _ in range(2):
        knock(slack.click(message, "approve"))
    assert HeldDecision.objects.count() == 1
    assert slack.views == []
    carried_out(held)
    assert held.decisions.count() == 1


def test_a_click_from_before_the_undo_that_comes_up_after_it_counts_for_nothing(
    slack: FakeSlack, held: ApprovalRequest
) -> None:
    lin, at = cast.person("lin"), clock.now()
    said = Said(lin, Verdict.APPROVE, version=1, channel="slack")
    holding.decide(said, ref=held.ref, at=at)
    holding.undo(ref=held.ref, person=lin, at=at + timedelta(seconds=3))
    with pytest.raises(Exception, match="You took this back after that click"):
        holding.decide(said, ref=held.ref, at=at + timedelta(seconds=1))
    assert HeldDecision.objects.count() == 1


def left_behind(click: Knocked) -> None:
    """The click came in, and the process that wrote it down died; its hold has run out."""
    kind = click.headers["Content-Type"]
    assert slack_knocks.keep(
        click.body, key="left behind", content_type=kind, authenticated_by="slack_signature"
    )
    ran_out = clock.now() - timedelta(seconds=1)
    Knock.objects.filter(key="left behind").update(leased_until=ran_out)


def test_nothing_written_meanwhile_makes_a_click_from_before_the_undo_a_newer_one(
    slack: FakeSlack, held: ApprovalRequest
) -> None:
    left_behind(slack.click(shown(slack, held), "approve"))
    knock(slack.click(shown(slack, held), "approve"))
    knock(slack.click(shown(slack, held), "undo"))
    reminded = Timer.objects.get(request=held, kind="remind").due_at
    timers.fire_due(at=reminded)
    assert held.events.filter(type="request.reminded").exists()

    knocks.do_due()

    carried_out(held)
    timers.fire_due(at=reminded + timedelta(minutes=1))
    assert status(held) == Status.PENDING
    assert HeldDecision.objects.count() == 1
    assert refusals(held) == ["conflict"]


def test_an_undo_from_before_a_later_decision_does_not_take_that_back(
    slack: FakeSlack, held: ApprovalRequest
) -> None:
    knock(slack.click(shown(slack, held), "approve"))
    left_behind(slack.click(shown(slack, held), "undo"))
    knock(slack.click(shown(slack, held), "undo"))
    knock(slack.click(shown(slack, held), "deny"))
    knock(slack.submit(slack.views[-1], "No, wrong."))

    knocks.do_due()

    assert HeldDecision.objects.filter(verdict="deny", undone_at=None).count() == 1
    carried_out(held)
    assert status(held) == Status.DENIED


def test_it_can_be_undone_for_its_whole_time_however_late_it_was_recorded(
    slack: FakeSlack, held: ApprovalRequest
) -> None:
    clicked = clock.now()
    now = clicked + timedelta(seconds=20)
    said = Said(cast.person("lin"), Verdict.APPROVE, version=1, channel="slack")
    holding.decide(said, ref=held.ref, at=clicked, now=now)
    mine = HeldDecision.objects.get()
    assert (mine.at, mine.release_at) == (clicked, now + timedelta(seconds=30))


def test_the_click_and_its_hold_are_one(slack: FakeSlack, held: ApprovalRequest) -> None:
    """Else it would come up again after a crash, and maybe after it was taken back."""
    said = Said(cast.person("lin"), Verdict.APPROVE, version=1, channel="slack")
    for key in ("first", "pressed again"):
        kept = knocks.keep(provider="slack", key=key, body=b"{}", facts={})
        assert kept is not None
        with knocks.in_hand(kept):
            holding.decide(said, ref=held.ref, at=clock.now())
        assert kept.is_settled


def test_of_two_people_the_first_stays_undoable_and_the_second_is_still_asked(
    slack: FakeSlack, settings: Any
) -> None:
    settings.UNDO_SECONDS = 30
    linked("ada")
    row = cast.request(**cast.HIGH)
    knock(slack.click(shown(slack, row), "approve"))
    message = shown(slack, row)
    assert "Approved by Ada (" in read(message)
    assert "Counts at" in read(message)
    assert offered(message) == ["undo", "approve", "deny", "investigate", "open"]


def test_what_was_decided_on_the_dashboard_shows_and_is_undone_here_as_well(
    slack: FakeSlack, held: ApprovalRequest
) -> None:
    shown(slack, held)
    said = Said(cast.person("lin"), Verdict.APPROVE, version=1, channel="web")
    holding.decide(said, ref=held.ref, at=clock.now())
    knock(slack.click(shown(slack, held), "undo"))
    carried_out(held)
    assert status(held) == Status.PENDING


def test_whoever_denies_beside_an_approval_on_its_way_is_heard_at_once(
    slack: FakeSlack, held: ApprovalRequest
) -> None:
    linked("kim", "U2")
    cast.person("kim", teams=("team-leads",))
    knock(slack.click(shown(slack, held), "approve"))
    knock(slack.click(shown(slack, held), "deny", user="U2"))
    knock(slack.submit(slack.views[-1], "Not on a Friday.", user="U2"))
    assert status(held) == Status.DENIED
    deliveries.send_due()
    said = [message.text for message in slack.posted if "did not count" in message.text]
    assert len(said) == 1
    assert said[0].startswith(f"The approval of {held.ref} by Lin did not count.")
    assert offered(shown(slack, held)) == ["open"]


def test_a_question_that_came_meanwhile_ends_an_approval_and_says_so(
    slack: FakeSlack, held: ApprovalRequest
) -> None:
    knock(slack.click(shown(slack, held), "approve"))
    lifecycle.decide(
        ref=held.ref,
        person=cast.person("kim", teams=("team-leads",)),
        verdict=Verdict.INVESTIGATE,
        comment="Why now?",
        at=clock.now(),
    )
    message = shown(slack, held)
    assert "undo" not in offered(message)
    notes = [each.text for each in slack.posted if "did not count" in each.text]
    assert len(notes) == 1
    carried_out(held)
    assert status(held) == Status.INVESTIGATING


def test_whoever_lost_the_right_meanwhile_is_told_and_the_message_waits_again(
    slack: FakeSlack, held: ApprovalRequest
) -> None:
    knock(slack.click(shown(slack, held), "approve"))
    assert "undo" in offered(shown(slack, held))
    people.leave(person=cast.person("lin"), team="team-leads", actor=cast.OPERATOR, at=clock.now())
    carried_out(held)
    message = shown(slack, held)
    assert status(held) == Status.PENDING
    assert "approve" in offered(message)
    assert "undo" not in offered(message)
    assert [each.text for each in slack.posted if "by Lin did not count." in each.text]


def test_an_edit_that_was_overtaken_is_not_sent(slack: FakeSlack, held: ApprovalRequest) -> None:
    """A decision is two edits; where the first comes late it is one."""
    knock(slack.click(shown(slack, held), "approve"))
    timers.fire_due(at=clock.now() + timedelta(minutes=1))
    before = len(slack.called("chat.update"))
    deliveries.send_due()
    assert len(slack.called("chat.update")) == before + 1
    assert Delivery.objects.filter(state="superseded").count() == 1


def test_critical_ones_are_never_held(slack: FakeSlack, settings: Any) -> None:
    settings.UNDO_SECONDS = None
    settings.SLACK_CRITICAL_ON_WEB = False
    linked("chen")
    row = cast.request(**cast.CRITICAL)
    knock(slack.click(shown(slack, row), "deny"))
    knock(slack.submit(slack.views[-1], "Not on a Friday."))
    assert status(row) == Status.DENIED
    assert not HeldDecision.objects.exists()


def test_where_a_window_is_none_nothing_is_held_and_one_edit_is_made(
    slack: FakeSlack, settings: Any
) -> None:
    settings.UNDO_SECONDS = 0
    linked("lin")
    row = cast.request()
    knock(slack.click(shown(slack, row), "approve"))
    shown(slack, row)
    assert status(row) == Status.APPROVED
    assert len(slack.called("chat.update")) == 1
