"""An endpoint that does not answer rests; others go on, and it catches up when it is back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings

from approvals.models import Delivery
from approvals.ports import DeliveryError, Message, MessageKind
from approvals.services import adapters, deliveries
from approvals.services.endpoints import ENOUGH, REST
from tests.fakes.adapter import FakeAdapter
from tests.support import cast

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
AWAY, WELL = "https://away.example", "https://well.example"

pytestmark = pytest.mark.django_db


class Callbacks(FakeAdapter):
    """Carries events only; `away` are hosts that do not answer."""

    def __init__(self) -> None:
        super().__init__()
        self.away = {AWAY}

    def addresses(self, notice: object) -> list[tuple[MessageKind, str]]:
        told = super().addresses(notice)  # type: ignore[arg-type]  # the port's own type
        return [(kind, to) for kind, to in told if kind is MessageKind.EVENT]

    def endpoint(self, address: str) -> str:
        return "/".join(address.split("/")[:3]).partition("?")[0]

    def deliver(self, message: Message) -> dict[str, int]:
        self.told.append(message)
        if self.endpoint(message.address) in self.away:
            raise DeliveryError("no answer")
        return {}

    def tried(self, host: str) -> int:
        return sum(self.endpoint(message.address) == host for message in self.told)


@pytest.fixture
def channel(settings: Settings) -> Callbacks:
    settings.ADAPTERS = ["tests.services.test_endpoints.Callbacks"]
    made = adapters.enabled()["fake"]
    assert isinstance(made, Callbacks)
    return made


@pytest.fixture
def ask(channel: Callbacks) -> Callable[..., None]:
    robo = cast.agent()[0]

    def ask(host: str, count: int, *, at: datetime = NOON) -> None:
        for number in range(count):
            url = f"{host}/{number}?x={at.timestamp()}"
            cast.request(robo, at=at, callback_url=url, target=f"{url} {number}")

    return ask


def send(at: datetime) -> int:
    return deliveries.send_due(now=lambda: at, limit=1000)


def test_after_five_failures_the_others_are_not_even_tried(
    channel: Callbacks, ask: Callable[..., None]
) -> None:
    ask(AWAY, 40)
    ask(WELL, 3)
    assert send(NOON) == ENOUGH + 3
    assert (channel.tried(AWAY), channel.tried(WELL)) == (ENOUGH, 3)
    assert send(NOON + REST / 2) == 0
    rested = Delivery.objects.filter(attempts=0)
    assert rested.count() == 40 - ENOUGH
    assert {row.due_at for row in rested} == {NOON + REST}


def test_one_by_one_it_is_tried_again_after_each_rest(
    channel: Callbacks, ask: Callable[..., None]
) -> None:
    ask(AWAY, 40)
    send(NOON)
    for minute in range(1, 11):
        assert send(NOON + minute * REST) == 1
        assert send(NOON + minute * REST + SECOND) == 0
    assert channel.tried(AWAY) == ENOUGH + 10


def test_what_is_promised_meanwhile_rests_too_and_others_do_not_notice(
    channel: Callbacks, ask: Callable[..., None]
) -> None:
    ask(AWAY, 10)
    send(NOON)
    ask(AWAY, 5, at=NOON + SECOND)
    ask(f"{AWAY}.evil", 2, at=NOON + SECOND)
    assert send(NOON + SECOND) == 2
    assert channel.tried(AWAY) == ENOUGH
    assert Delivery.objects.filter(state="sent").count() == 2


def test_when_it_is_back_everything_that_rested_is_sent(
    channel: Callbacks, ask: Callable[..., None]
) -> None:
    ask(AWAY, 40)
    at = NOON
    while at < NOON + timedelta(minutes=10):
        send(at)
        at += timedelta(seconds=20)
    tries = channel.tried(AWAY)
    assert tries < 20
    channel.away.clear()
    at += REST
    assert send(at) >= 40 - tries
    assert not Delivery.objects.filter(state="waiting", attempts=0).exists()
    for _ in range(30):
        send(at)
        at += timedelta(minutes=1)
    assert Delivery.objects.filter(state="sent").count() == 40
    assert channel.tried(AWAY) == tries + 40


def test_failures_with_successes_between_them_close_nothing(
    channel: Callbacks, ask: Callable[..., None]
) -> None:
    """One bad address on a host that others share."""
    for round_ in range(4):
        at = NOON + round_ * SECOND / 10
        channel.away = {WELL}
        ask(WELL, ENOUGH - 1, at=at)
        assert send(at) == ENOUGH - 1
        channel.away = set()
        ask(WELL, 1, at=at + SECOND / 20)
        assert send(at + SECOND / 20) == 1
    assert Delivery.objects.filter(state="waiting").count() == 4 * (ENOUGH - 1)


def test_one_delivery_alone_keeps_its_own_schedule(
    channel: Callbacks, ask: Callable[..., None]
) -> None:
    ask(AWAY, 1)
    at = NOON
    for wait in deliveries.BACK_OFF[:8]:
        assert send(at) == 1
        at += wait * 1.2


def test_no_attempt_is_counted_for_a_rest(channel: Callbacks, ask: Callable[..., None]) -> None:
    ask(AWAY, 8)
    send(NOON)
    before = sorted(Delivery.objects.values_list("attempts", flat=True))
    for second in range(1, 30):
        send(NOON + second * SECOND)
    assert sorted(Delivery.objects.values_list("attempts", flat=True)) == before
