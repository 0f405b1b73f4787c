"""How channels do is told from what really happened to their messages, always by as few statements."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.domain import channels
from approvals.models import ApprovalRequest, Delivery, Person, Replay
from approvals.queries import troubles
from approvals.queries.channels import Health
from approvals.services import adapters, clock, dead_letters, deliveries, health, pulse, trials
from tests.fakes.slack import FakeSlack, limited
from tests.services.test_endpoints import AWAY, WELL, Callbacks
from tests.support import cast
from tests.support.slack import knock, linked, shown

pytestmark = [pytest.mark.django_db, pytest.mark.urls("integrations.slack.urls")]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Webhooks(Callbacks):
    """The receivers of the tests, under the name of the real ones."""

    name = "webhook"


@pytest.fixture
def hooks(settings: Any) -> Webhooks:
    settings.ADAPTERS = ["tests.services.test_health.Webhooks"]
    made = adapters.enabled()["webhook"]
    assert isinstance(made, Webhooks)
    return made


def of(name: str, at: datetime | None = None) -> Health:
    return next(each for each in health.channels(at=at or clock.now()) if each.name == name)


def state(name: str, at: datetime | None = None) -> str:
    now = at or clock.now()
    return of(name, now).state(now)


def send(at: datetime) -> None:
    deliveries.send_due(now=lambda: at, limit=1000)


# --- the words ---------------------------------------------------------------------------------


def test_what_is_not_set_up_says_so_and_stands_last(slack: FakeSlack) -> None:
    found = health.channels(at=clock.now())
    assert found[0].name == "slack"
    assert {each.state(clock.now()) for each in found[1:]} == {"Not set up"}


def test_an_adapter_added_here_is_shown_by_its_name(settings: Any) -> None:
    settings.ADAPTERS = ["tests.fakes.adapter.FakeAdapter"]
    cast.request()
    deliveries.send_due()
    assert (of("fake").title, state("fake")) == ("Fake", "Working")


def test_nothing_yet_is_not_nothing_wrong(slack: FakeSlack) -> None:
    found = of("slack")
    assert (state("slack"), found.last_success, found.p95, found.dead) == (
        "No data yet", None, None, 0,
    )  # fmt: skip
    assert found.delay == "No deliveries in 24 h"


def test_a_delivered_card_is_working_with_its_delay(slack: FakeSlack) -> None:
    cast.request(at=NOON)
    send(NOON + timedelta(seconds=3))
    found = of("slack", NOON + MINUTE)
    assert found.state(NOON + MINUTE) == "Working"
    assert (found.p95, found.arrived, found.delay) == (3.0, 1, "3.0 s at p95 · 1 sent")
    assert found.last_success == NOON + timedelta(seconds=3)


def test_after_a_day_of_silence_it_says_since_when(slack: FakeSlack) -> None:
    cast.request(at=NOON)
    send(NOON)
    assert state("slack", NOON + timedelta(days=2)) == "No data since 2 Mar 12:00 UTC"


def test_a_failure_names_since_when_why_and_what_mends_it(slack: FakeSlack) -> None:
    slack.will("chat.postMessage", "not_in_channel")
    cast.request(at=NOON)
    send(NOON + timedelta(seconds=1))
    found = of("slack", NOON + MINUTE)
    assert found.state(NOON + MINUTE) == "Failing since 12:00 UTC"
    assert found.dead == 1
    assert found.last_failure is not None
    assert found.last_failure.why == "Slack said not_in_channel."
    assert found.last_failure.fix == "The bot is not in C1: write /invite @countersign there."
    assert not found.last_failure.mended


def test_what_waits_for_another_try_fails_too(slack: FakeSlack) -> None:
    slack.will("chat.postMessage", "internal_error")
    cast.request(at=NOON)
    send(NOON)
    found = of("slack", NOON + MINUTE)
    assert found.state(NOON + MINUTE) == "Failing since 12:00 UTC"
    assert (found.waiting, found.dead) == (1, 0)


def test_whatever_arrives_later_mends_the_word_and_keeps_the_reason(slack: FakeSlack) -> None:
    slack.will("chat.postMessage", "is_archived")
    cast.request(at=NOON)
    send(NOON)
    cast.request(at=NOON + MINUTE)
    send(NOON + MINUTE)
    found = of("slack", NOON + 2 * MINUTE)
    assert found.state(NOON) == "Working"
    assert found.failing == ()
    assert found.last_failure is not None
    assert found.last_failure.mended
    assert found.dead == 1


def test_each_address_that_fails_is_named_once(slack: FakeSlack) -> None:
    for number in range(3):
        slack.will("chat.postMessage", "is_archived")
        cast.request(at=NOON + number * MINUTE)
        send(NOON + number * MINUTE)
    assert [(each.to, each.why) for each in of("slack").failing] == [
        ("C1", "Slack said is_archived.")
    ]


def test_one_address_may_fail_while_the_channel_works(slack: FakeSlack, settings: Any) -> None:
    slack.will("chat.postMessage", "is_archived")
    cast.request(at=NOON)
    send(NOON)
    settings.SLACK_CHANNEL = "C2"
    cast.request(at=NOON + MINUTE, target="another")
    send(NOON + MINUTE)
    found = of("slack", NOON + 2 * MINUTE)
    assert found.state(NOON) == "Working"
    assert [each.to for each in found.failing] == ["C1"]
    assert of("slack", NOON + timedelta(hours=25)).failing == ()


def test_a_receiver_that_rests_says_until_when(hooks: Webhooks) -> None:
    robo = cast.agent()[0]
    for number in range(7):
        cast.request(robo, at=NOON, callback_url=f"{AWAY}/{number}", target=f"t{number}")
    send(NOON)
    assert state("webhook", NOON + timedelta(seconds=1)).startswith("Resting until 12:0")
    [receiver] = health.endpoints()
    assert receiver.state(NOON).startswith("Resting until 12:0")
    assert (receiver.prefix, receiver.waiting, receiver.last_error) == (AWAY, 7, "no answer")


def test_receivers_stand_apart(hooks: Webhooks) -> None:
    robo = cast.agent()[0]
    cast.request(robo, at=NOON, callback_url=f"{WELL}/a?token=s3cret", target="a")
    cast.request(robo, at=NOON, callback_url=f"{AWAY}/b", target="b")
    send(NOON)
    assert [(each.prefix, each.state(NOON)) for each in health.endpoints()] == [
        (AWAY, "Failing"), (WELL, "Working"),
    ]  # fmt: skip


def test_a_vendor_that_asks_to_wait_is_no_failure(slack: FakeSlack) -> None:
    slack.will("chat.postMessage", limited(40))
    cast.request(at=NOON)
    send(NOON)
    assert state("slack", NOON + timedelta(seconds=1)) == "Resting until 12:00 UTC"
    assert of("slack", NOON + timedelta(seconds=1)).failing == ()


def test_the_last_click_and_the_people_it_does_not_know(slack: FakeSlack) -> None:
    linked("lin")
    row = cast.request()
    before = of("slack")
    assert before.last_click is None
    assert before.unlinked == Person.objects.filter(is_active=True).count() - 1
    knock(slack.click(shown(slack, row), "approve"))
    assert of("slack").last_click is not None


# --- the service itself --------------------------------------------------------------------------


def part(name: str, at: datetime) -> health.Part:
    return next(each for each in health.parts(at=at) if each.name == name)


def test_a_worker_is_alive_silent_or_never_heard() -> None:
    now = clock.now()
    assert (part("worker", now).state, part("worker", now).is_well) == ("No data yet", None)
    pulse.beat(at=now)
    pulse.beat(at=now)
    assert part("worker", now).words.startswith("1 process,")
    later = part("worker", now + 2 * MINUTE)
    assert later.state.startswith("Silent since ")
    assert "worker" in later.fix


def test_promises_that_are_late_say_by_how_much(slack: FakeSlack) -> None:
    row = cast.request(at=NOON)
    late = part("deliveries", NOON + 5 * MINUTE)
    assert (late.state, late.words) == ("Late", "The oldest due is 300 s late.")
    Delivery.objects.filter(request=row).delete()
    assert part("deliveries", NOON + 5 * MINUTE).words == "None is late."


def test_every_part_has_a_word() -> None:
    assert [each.name for each in health.parts(at=clock.now())] == [
        "database", "clock", "worker", "timers", "deliveries", "sign_in",
    ]  # fmt: skip


# --- cost ----------------------------------------------------------------------------------------


def test_more_messages_cost_no_more_statements(slack: FakeSlack) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as seen:
            health.channels(at=clock.now())
            health.endpoints()
        return len(seen)

    few = statements()
    for number in range(12):
        slack.will("chat.postMessage", "is_archived" if number % 2 else "internal_error")
        cast.request(target=f"t{number}")
    deliveries.send_due()
    Replay.objects.create(provider="look", key="well:servicenow", seen_at=clock.now())
    assert statements() == few


# --- on the request itself -----------------------------------------------------------------------


def words(row: ApprovalRequest, at: datetime) -> list[str]:
    return [trouble.words for trouble in troubles.of(row, now=at)]


def test_a_request_says_what_was_given_up_and_by_which_number(slack: FakeSlack) -> None:
    slack.will("chat.postMessage", "is_archived")
    row = cast.request(at=NOON)
    send(NOON)
    [trouble] = troubles.of(row, now=NOON + MINUTE)
    assert trouble.words == "Given up: Slack C1 was tried once. Slack said is_archived."
    assert "archived" in trouble.fix
    assert trouble.number == Delivery.objects.get().pk
    assert trouble.label == "Send again to Slack"


def test_a_request_says_when_the_next_try_comes(slack: FakeSlack) -> None:
    slack.will("chat.postMessage", "internal_error")
    row = cast.request(at=NOON)
    send(NOON)
    [said] = words(row, NOON)
    assert said.startswith("Not delivered to Slack C1 since 12:00 UTC: Slack failed with ")
    assert "Next try 12:00 UTC." in said
    assert "It is tried again now." in words(row, NOON + 10 * MINUTE)[0]


def test_a_request_nobody_carries_says_so(slack: FakeSlack) -> None:
    row = cast.request(at=NOON)
    assert words(row, NOON + timedelta(seconds=5)) == []
    assert words(row, NOON + MINUTE) == [
        "Not delivered to Slack C1 since 12:00 UTC: no worker has taken it yet."
    ]


def test_a_later_card_that_arrived_ends_the_trouble(slack: FakeSlack) -> None:
    slack.will("chat.postMessage", "is_archived")
    row = cast.request(at=NOON)
    send(NOON)
    dead = Delivery.objects.get()
    dead_letters.resend(number=dead.pk, by=cast.OPERATOR, at=NOON + MINUTE)
    send(NOON + MINUTE)
    assert words(row, NOON + 2 * MINUTE) == []


def test_the_next_card_that_arrives_ends_it_too(slack: FakeSlack) -> None:
    slack.will("chat.postMessage", "is_archived")
    row = cast.request(at=NOON)
    send(NOON)
    cast.decide(row, cast.person("lin"), at=NOON + MINUTE)
    send(NOON + MINUTE)
    assert Delivery.objects.filter(request=row, state="dead").exists()
    assert words(row, NOON + 2 * MINUTE) == []


def test_a_hostile_address_is_drawn_harmless(slack: FakeSlack) -> None:
    row = cast.request(at=NOON)
    Delivery.objects.update(
        address="#ops\u202egnp\n<b>x", state="dead", last_error="no\u202e\x1b[2J\nBearer abc.def"
    )
    [said] = words(row, NOON)
    assert not {"\u202e", "\x1b", "\n"} & set(said)
    assert "abc.def" not in said


def test_slack_stands_once_with_its_threads_in_it(slack: FakeSlack, settings: Any) -> None:
    settings.ADAPTERS = [
        "integrations.slack.adapter.SlackAdapter",
        "integrations.slack.questions.QuestionsAdapter",
    ]
    row = cast.request()
    linked("lin")
    knock(slack.click(shown(slack, row), "investigate"))
    knock(slack.submit(slack.views[-1], "Which pool?"))
    slack.will("chat.postMessage", "not_in_channel")
    send(clock.now())
    assert Delivery.objects.get(state="dead").adapter == "slack_thread"
    listed = [each for each in health.channels(at=clock.now()) if "Slack" in each.title]
    assert [(each.name, each.title, each.dead) for each in listed] == [("slack", "Slack", 1)]
    assert [each.adapter for each in dead_letters.matching(adapter="slack", states=["dead"])] == [
        "slack_thread"
    ]
    assert channels.fix("slack_thread", "Slack said not_in_channel.", "C1").startswith("The bot")
    assert [way.adapter for way in trials.ways(cast.person("lin"))] == ["slack"]
