"""Promises to tell: kept in order, retried, and never lost quietly."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from approvals import queries
from approvals.domain import errors
from approvals.models import ApprovalRequest, AuditEvent, Delivery, Receipt
from approvals.ports import DeliveryError, Message, MessageKind
from approvals.services import adapters, bell, deliveries, timers
from approvals.services.deliveries import BACK_OFF, LEASE
from tests.domain.scene import NOON, SECOND, minutes
from tests.fakes.adapter import FakeAdapter
from tests.support import cast

CALLBACK = "https://agent.example.com/callback"


class Clock:
    """A clock that a slow channel can move."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def lose(self, span: timedelta) -> Callable[[Message], None]:
        def slowly(_: Message) -> None:
            self.at += span

        return slowly


def send(at: datetime = NOON, limit: int = 50) -> int:
    return deliveries.send_due(limit=limit, now=lambda: at)


def of(row: ApprovalRequest) -> list[tuple[str, str]]:
    return [(delivery.kind, delivery.state) for delivery in queries.deliveries_of(row)]


def test_a_card_shows_the_present_and_is_edited_by_its_receipt(channel: FakeAdapter) -> None:
    row = cast.request(at=NOON)
    assert send() == 1
    cast.decide(row, cast.person("lin"), at=minutes(1))
    assert send(minutes(1)) == 1
    first, second = channel.told
    assert first.card is not None
    assert second.card is not None
    assert (first.card.status, first.receipt, first.attempt) == ("pending", {}, 1)
    assert (second.card.status, second.receipt) == ("approved", {"card": 1})
    [receipt] = Receipt.objects.all()
    assert (receipt.handle, receipt.shown_sha256) == ({"card": 2}, row.action_sha256)


def test_a_card_drawn_late_makes_the_older_ones_needless(channel: FakeAdapter) -> None:
    row = cast.request(at=NOON, **cast.HIGH)
    cast.decide(row, cast.person("ada"), at=minutes(1))
    cast.decide(row, cast.person("grace"), at=minutes(2))
    assert send(minutes(3)) == 1
    [message] = channel.told
    assert message.card is not None
    assert message.card.status == "approved"
    assert of(row) == [("card", "sent"), ("card", "superseded"), ("card", "superseded")]


def test_a_card_that_changed_while_it_was_sent_is_drawn_again(channel: FakeAdapter) -> None:
    row = cast.request(at=NOON)
    lin = cast.person("lin")

    def lin_is_quick(_: Message) -> None:
        cast.decide(row, lin, at=minutes(1))

    channel.will(lin_is_quick)
    assert send(minutes(1)) == 2
    assert [message.card.status for message in channel.told if message.card] == [
        "pending",
        "approved",
    ]


def test_events_tell_the_past_one_by_one_and_in_order(channel: FakeAdapter) -> None:
    row = cast.request(at=NOON, callback_url=CALLBACK)
    cast.decide(row, cast.person("lin"), at=minutes(1))
    send(minutes(5))
    events = [message.event for message in channel.told if message.kind is MessageKind.EVENT]
    assert [event["type"] for event in events] == ["request.submitted", "request.approved"]
    assert [event["data"]["position"] for event in events] == [0, 1]
    assert events[0]["data"]["status"] == "pending"
    assert events[1]["data"]["status"] == "approved"
    assert all(message.secrets == (row.agent.webhook_secret,) for message in channel.told)


def test_a_note_carries_its_words_beside_the_card(channel: FakeAdapter) -> None:
    row = cast.request(at=NOON)
    timers.fire_due(at=minutes(3))
    send(minutes(3))
    [note] = [message for message in channel.told if message.kind is MessageKind.NOTE]
    assert note.words.startswith(f"Still waiting: {row.ref}")
    assert note.card is not None


def test_a_failure_is_tried_again_later_and_holds_up_only_its_own_lane(
    channel: FakeAdapter,
) -> None:
    row = cast.request(at=NOON, callback_url=CALLBACK)
    cast.decide(row, cast.person("lin"), at=NOON)
    channel.will(DeliveryError("Slack said 500"))
    send()
    assert [message.address for message in channel.told] == ["#approvals", CALLBACK, CALLBACK]
    failed = Delivery.objects.get(kind="card", attempts=1, state="waiting")
    assert failed.last_error == "Slack said 500"
    wait = failed.due_at - NOON
    assert BACK_OFF[0] * 0.8 <= wait <= BACK_OFF[0] * 1.2
    assert send(NOON + 2 * SECOND) == 1
    assert channel.told[-1].attempt == 2
    assert channel.told[-1].id == channel.told[0].id


def test_a_receiver_that_names_a_time_is_obeyed(channel: FakeAdapter) -> None:
    cast.request(at=NOON)
    channel.will(DeliveryError("slow down", retry_after=timedelta(seconds=42)))
    send()
    assert Delivery.objects.get().due_at == NOON + timedelta(seconds=42)


def test_a_bug_in_an_adapter_is_a_failure_like_another(channel: FakeAdapter) -> None:
    cast.request(at=NOON)
    channel.will(KeyError("ts"))
    send()
    assert Delivery.objects.get().last_error == "KeyError: 'ts'"


def test_a_card_that_cannot_be_drawn_holds_up_no_other(channel: FakeAdapter) -> None:
    bad, good = cast.request(at=NOON), cast.request(at=NOON, target="another")
    ApprovalRequest.objects.filter(pk=bad.pk).update(plan={"nonsense": True})
    assert send() == 2
    assert of(good) == [("card", "sent")]
    assert bad.deliveries.get().last_error.startswith("KeyError")


def test_a_hopeless_delivery_becomes_a_dead_letter_that_history_knows(channel: FakeAdapter) -> None:
    row = cast.request(at=NOON)
    channel.will(DeliveryError("channel_not_found", permanent=True))
    send()
    [dead] = queries.dead_deliveries()
    assert (dead.state, dead.last_error) == ("dead", "channel_not_found")
    event = AuditEvent.objects.get(type="delivery.dead")
    assert event.entry["detail"]["error"] == "channel_not_found"
    assert queries.request(row.ref).position == 2


def test_patience_ends_after_the_last_back_off(channel: FakeAdapter) -> None:
    cast.request(at=NOON)
    at = NOON
    for _ in range(len(BACK_OFF) + 1):
        channel.will(DeliveryError("down"))
        assert send(at) == 1
        at += timedelta(days=2)
    assert Delivery.objects.get().state == "dead"
    assert send(at) == 0


def test_a_dead_letter_can_be_sent_again_and_only_a_dead_one(channel: FakeAdapter) -> None:
    cast.request(at=NOON)
    channel.will(DeliveryError("gone", permanent=True))
    send()
    letter = Delivery.objects.get()
    deliveries.resend(letter.pk, at=minutes(1))
    assert send(minutes(1)) == 1
    letter.refresh_from_db()
    assert letter.state == "sent"
    with pytest.raises(errors.NotFound):
        deliveries.resend(letter.pk, at=minutes(2))


def test_a_worker_that_died_while_sending_leaves_a_lease_that_ends(channel: FakeAdapter) -> None:
    cast.request(at=NOON)
    channel.will(SystemError("killed"))
    Delivery.objects.update(attempts=1, leased_until=NOON + LEASE)
    assert send(NOON + LEASE) == 0
    assert send(NOON + LEASE + SECOND) == 1


def test_a_worker_that_woke_too_late_does_not_undo_what_another_did(channel: FakeAdapter) -> None:
    """The first holds the message past its lease; a second sends it; the first's failure is void."""
    cast.request(at=NOON)
    late = NOON + LEASE + SECOND

    def another_takes_over(_: Message) -> None:
        assert send(late) == 1
        raise DeliveryError("the first one's connection broke", permanent=True)

    channel.will(another_takes_over)
    send()
    assert [message.attempt for message in channel.told] == [1, 2]
    assert Delivery.objects.get().state == "sent"
    assert not AuditEvent.objects.filter(type="delivery.dead").exists()


def test_a_success_after_the_lease_is_not_counted_twice(channel: FakeAdapter) -> None:
    cast.request(at=NOON)
    late = NOON + LEASE + SECOND

    def another_sends_it(_: Message) -> None:
        send(late)

    channel.will(another_sends_it)
    send()
    assert Receipt.objects.get().handle == {"card": 2}


def test_a_slow_batch_leases_each_message_from_its_own_beginning(channel: FakeAdapter) -> None:
    """Otherwise the last of a slow batch is leased in the past, and everybody sends it again."""
    first, second = cast.request(at=NOON), cast.request(at=NOON, target="another")
    clock = Clock()
    taken_twice: list[int] = []
    channel.will(
        clock.lose(LEASE * 2),
        lambda _: taken_twice.append(deliveries.send_due(now=clock)),
    )
    assert deliveries.send_due(now=clock) == 2
    assert taken_twice == [0]
    assert of(first) == of(second) == [("card", "sent")]


def test_at_most_so_many_are_sent_at_once(channel: FakeAdapter) -> None:
    for number in range(3):
        cast.request(at=NOON, target=f"service-{number}")
    assert send(limit=2) == 2
    assert send() == 1


def test_the_oldest_waiting_delivery_has_an_age(channel: FakeAdapter) -> None:
    assert deliveries.oldest_due(at=NOON) == 0.0
    cast.request(at=NOON)
    assert deliveries.oldest_due(at=minutes(1)) == 60.0
    send()
    assert deliveries.oldest_due(at=minutes(1)) == 0.0


def test_a_delivery_of_an_adapter_that_is_off_waits_for_it(settings: Settings) -> None:
    settings.ADAPTERS = ["tests.fakes.adapter.FakeAdapter", "tests.fakes.adapter.SecondAdapter"]
    row = cast.request(at=NOON)
    assert sorted(row.deliveries.values_list("adapter", flat=True)) == ["fake", "second"]
    settings.ADAPTERS = ["tests.fakes.adapter.FakeAdapter"]
    assert send() == 1
    assert Delivery.objects.get(adapter="second").state == "waiting"
    assert list(adapters.enabled()) == ["fake"]


def test_only_agents_with_a_callback_are_told_of_what_concerns_them(channel: FakeAdapter) -> None:
    row = cast.request(at=NOON, callback_url=CALLBACK)
    with pytest.raises(errors.NotAnApprover):
        cast.decide(row, cast.person("mallory"), at=minutes(1))
    timers.fire_due(at=minutes(3))
    told: list[Any] = [
        delivery.event.type
        for delivery in queries.deliveries_of(row)
        if delivery.event and delivery.kind == "event"
    ]
    assert told == ["request.submitted"]
    assert bell.bell() is bell.bell()
