"""A vendor that asks us to wait is obeyed for its whole address, and decisions go before reminders."""

from __future__ import annotations

from datetime import timedelta

from approvals.models import ApprovalRequest, Delivery
from approvals.ports import DeliveryError, Message, MessageKind
from approvals.services import deliveries, timers
from approvals.services.deliveries import BACK_OFF
from approvals.services.limits import PATIENCE
from tests.domain.scene import NOON, SECOND, minutes
from tests.fakes.adapter import FakeAdapter
from tests.support import cast

WAIT = timedelta(seconds=30)


def limited() -> DeliveryError:
    return DeliveryError("Slack asks us to wait.", retry_after=WAIT)


def send(at: object) -> int:
    return deliveries.send_due(now=lambda: at)  # type: ignore[arg-type, return-value]


def is_of(message: Message, row: ApprovalRequest) -> bool:
    return message.card is not None and message.card.ref == row.ref


def test_one_answer_puts_back_everything_due_for_the_address(channel: FakeAdapter) -> None:
    for number in range(5):
        cast.request(at=NOON, target=f"service-{number}")
    channel.will(limited())
    assert send(NOON) == 1
    assert set(Delivery.objects.values_list("due_at", flat=True)) == {NOON + WAIT}
    assert send(NOON + WAIT - SECOND) == 0
    assert send(NOON + WAIT) == 5


def test_another_address_does_not_wait(channel: FakeAdapter) -> None:
    cast.request(at=NOON)
    cast.request(at=NOON, target="another", callback_url="https://agent.example.com/callback")
    channel.will(limited())
    assert send(NOON) == 2
    assert channel.kinds() == ["card", "event"]


def test_waiting_is_no_failure_however_often(channel: FakeAdapter) -> None:
    cast.request(at=NOON)
    at = NOON
    for _ in range(len(BACK_OFF) * 2):
        channel.will(limited())
        assert send(at) == 1
        at += WAIT
    assert send(at) == 1
    assert Delivery.objects.get().state == "sent"
    assert {message.attempt for message in channel.told} == {1}


def test_a_vendor_that_only_ever_asks_to_wait_is_given_up_some_day(channel: FakeAdapter) -> None:
    cast.request(at=NOON)
    for number in range(len(BACK_OFF) + 1):
        channel.will(limited())
        send(NOON + PATIENCE + WAIT * number)
    assert Delivery.objects.get().state == "dead"


def test_what_may_have_arrived_stays_a_second_attempt_through_a_limit(channel: FakeAdapter) -> None:
    cast.request(at=NOON)
    channel.will(DeliveryError("The connection broke.", unknown=True), limited())
    send(NOON)
    send(minutes(1))
    send(minutes(3))
    assert [message.attempt for message in channel.told] == [1, 2, 2]


def test_a_decision_goes_before_the_reminders_that_wait(channel: FakeAdapter) -> None:
    rows = [cast.request(at=NOON, target=f"service-{number}") for number in range(3)]
    send(NOON)
    channel.told.clear()
    timers.fire_due(at=minutes(3))
    cast.decide(rows[2], cast.person("lin"), at=minutes(3) + SECOND)
    send(minutes(3) + SECOND)
    notes = [at for at, message in enumerate(channel.told) if message.kind is MessageKind.NOTE]
    [decision] = [at for at, message in enumerate(channel.told) if is_of(message, rows[2])]
    assert len(notes) == 2
    assert decision < min(notes)


def test_a_reminder_is_not_overtaken_for_ever(channel: FakeAdapter) -> None:
    first = cast.request(at=NOON)
    send(NOON)
    channel.told.clear()
    timers.fire_due(at=minutes(3))
    cast.request(at=minutes(4), target="another")
    send(minutes(6))
    told = [message.kind for message in channel.told if is_of(message, first)]
    assert told == [MessageKind.CARD, MessageKind.NOTE]
    assert is_of(channel.told[1], first)
