"""A receiver that answers 410 is called no more, until somebody sends again by hand and it takes that."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from approvals.models import ApprovalRequest, Delivery
from approvals.models.people import Role
from approvals.queries import troubles
from approvals.services import adapters, dead_letters, deliveries, health
from tests.fakes.receiver import Receiver, status
from tests.support import cast
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    settings.ADAPTERS = ["integrations.webhook.WebhookAdapter"]
    with Receiver() as running:
        yield running


def send(at: datetime) -> None:
    deliveries.send_due(now=lambda: at)


def asked(address: str, at: datetime) -> ApprovalRequest:
    row = cast.request(at=at, callback_url=address, target=f"orders {at.isoformat()}")
    send(at)
    return row


def dead() -> list[Delivery]:
    return list(Delivery.objects.filter(state="dead").order_by("pk"))


@pytest.fixture
def gone(receiver: Receiver) -> Delivery:
    receiver.will(status(410))
    asked(receiver.url, NOON)
    [letter] = dead()
    assert len(receiver.received) == 1
    return letter


def test_what_comes_later_is_not_sent_and_says_so(gone: Delivery, receiver: Receiver) -> None:
    row = asked(receiver.url, NOON + HOUR)
    adapters.enabled.cache_clear()  # another process knows it too
    asked(receiver.url, NOON + 48 * HOUR)
    assert len(receiver.received) == 1
    assert len(dead()) == 3
    [trouble] = troubles.of(row, now=NOON + HOUR)
    assert "It was not called with this" in trouble.words
    assert "when it arrives, others are sent" in trouble.fix


def test_what_a_person_sends_again_opens_the_address_when_it_arrives(
    gone: Delivery, receiver: Receiver
) -> None:
    asked(receiver.url, NOON + HOUR)
    last = dead()[-1]
    for number in range(2):
        at = NOON + (2 + number) * HOUR
        receiver.will(*[status(410)] * (number == 0))
        dead_letters.resend(number=last.pk, by=cast.OPERATOR, at=at)
        send(at)
        asked(receiver.url, at + HOUR / 2)
    assert len(receiver.received) == 1 + 2 + 1  # both of them, and what came after the second
    assert gone.pk in [letter.pk for letter in dead()]


def test_another_address_of_the_same_host_is_called(gone: Delivery, receiver: Receiver) -> None:
    asked(f"{receiver.url}/new", NOON + HOUR)
    assert len(receiver.received) == 2


def test_settings_say_that_it_is_switched_off_and_how_that_ends(
    gone: Delivery, receiver: Receiver
) -> None:
    [owed] = health.endpoints()
    assert owed.state(NOON + HOUR) == "Switched off by its receiver"
    page = (
        Browser(cast.person("olga", role=Role.OPERATOR))
        .client.get("/settings/webhooks")
        .content.decode()
    )
    assert "Switched off by its receiver" in page
    assert "It answered 410, gone for good, and is called no more." in page
    dead_letters.resend(number=gone.pk, by=cast.OPERATOR, at=NOON + HOUR)
    send(NOON + HOUR)
    [owed] = health.endpoints()
    assert owed.state(NOON + HOUR) == "Working"
