"""The bell wakes whoever waits; without it everything still happens, a second later."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from django.db import DatabaseError
from pytest_django import Settings

from approvals.models import Delivery, Replay
from approvals.services import bell, clock, deliveries, sweep, timers, watch
from approvals.services.bell import ListeningBell, LocalBell, RedisBell
from tests.fakes.adapter import FakeAdapter
from tests.fakes.receiver import Receiver, hang_up
from tests.support import cast


class Listener:
    """Somebody who listens in a thread of their own."""

    def __init__(self, to: ListeningBell) -> None:
        self.heard: list[tuple[str, ...]] = []
        self.stop = Event()
        self.thread = Thread(target=self._listen, args=(to,))
        self.thread.start()

    def _listen(self, to: ListeningBell) -> None:
        for ids in to.listen(self.stop):
            self.heard.append(ids)

    def has(self, *wanted: str) -> bool:
        return wanted in self.heard

    def end(self) -> None:
        self.stop.set()
        self.thread.join(5)
        assert not self.thread.is_alive()


def until(look: Callable[[], object], seconds: float = 30) -> None:
    give_up = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < give_up, "it did not happen"
        time.sleep(0.02)


def made_at(settings: Settings, place: Path) -> Iterator[LocalBell]:
    settings.BELL_DIR = str(place)
    settings.BELL = "approvals.services.bell.LocalBell"
    made = bell.bell()
    assert isinstance(made, LocalBell)
    yield made
    made.sender.close()


@pytest.fixture
def local(settings: Settings, tmp_path: Path) -> Iterator[LocalBell]:
    yield from made_at(settings, tmp_path / "bell")


@pytest.mark.parametrize("listeners", [1, 3])
def test_every_listener_of_this_machine_hears_a_ring(local: LocalBell, listeners: int) -> None:
    everybody = [Listener(local) for _ in range(listeners)]
    until(lambda: len(list(local.directory.glob("*.sock"))) == listeners)
    local.ring(["a", "b"])
    until(lambda: all(listener.has("a", "b") for listener in everybody))
    for listener in everybody:
        listener.end()
    assert list(local.directory.glob("*.sock")) == []


def test_a_listener_looks_by_itself_each_second(local: LocalBell) -> None:
    listener = Listener(local)
    until(lambda: listener.has(), 3)
    listener.end()


def test_a_listener_that_died_is_forgotten(local: LocalBell) -> None:
    dead = local.directory / "1-dead.sock"
    left = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    left.bind(str(dead))
    left.close()
    local.ring(["a"])
    assert not dead.exists()


def test_a_listener_that_does_not_read_stops_nobody(local: LocalBell) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(local.directory / "1-deaf.sock"))
        for _ in range(2_000):
            local.ring(["a"])


def test_a_long_path_moves_the_sockets_elsewhere(settings: Settings, tmp_path: Path) -> None:
    for made in made_at(settings, tmp_path / ("x" * 120)):
        assert len(str(made.directory)) < 90
        Listener(made).end()


@pytest.mark.redis
def test_every_machine_hears_a_ring_through_redis() -> None:
    made = RedisBell()
    listener = Listener(made)

    def rung() -> bool:
        made.ring(["a"])
        return listener.has("a")

    until(rung)
    until(lambda: listener.has(), 4)
    listener.end()


@pytest.mark.redis
def test_a_service_on_another_database_of_the_same_redis_hears_nothing(settings: Settings) -> None:
    ours, listener = RedisBell(), Listener(RedisBell())
    server, _, number = settings.REDIS_URL.rpartition("/")
    settings.REDIS_URL = f"{server}/{int(number) + 1}"
    other = RedisBell()

    def rung() -> bool:
        other.ring(["theirs"])
        ours.ring(["ours"])
        return listener.has("ours")

    until(rung)
    assert not listener.has("theirs")
    listener.end()


def test_without_redis_the_bell_is_silent_quickly(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    made = RedisBell()
    listener = Listener(made)
    began = time.monotonic()
    for _ in range(50):
        made.ring(["a"])
    assert time.monotonic() - began < 2
    until(lambda: listener.has(), 4)
    listener.end()


def test_the_settings_name_the_bell(settings: Settings, local: LocalBell) -> None:
    assert bell.bell() is local
    settings.BELL = "approvals.services.bell.RedisBell"
    assert isinstance(bell.bell(), RedisBell)


def test_a_bell_that_cannot_listen_says_so() -> None:
    with pytest.raises(NotImplementedError):
        ListeningBell().listen(Event())  # type: ignore[abstract]


# --- the loops -------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_sweeper_keeps_promises_until_it_is_stopped(
    local: LocalBell, channel: FakeAdapter
) -> None:
    row = cast.request(expires_in="1s")
    sweeper = sweep.Sweeper(senders=1)
    sweeper.start()
    until(lambda: row.events.filter(type="request.expired").exists())
    until(lambda: not Delivery.objects.filter(state="waiting").exists())
    sweeper.stop()
    assert not any(thread.is_alive() for thread in sweeper.threads)
    assert channel.told[-1].card is not None
    assert channel.told[-1].card.status == "expired"


@pytest.mark.django_db(transaction=True)
def test_a_sweeper_outlives_a_bug_and_a_lost_database(local: LocalBell) -> None:
    sweeper = sweep.Sweeper(senders=1)
    tries: list[int] = []

    def step() -> bool:
        tries.append(1)
        if len(tries) == 1:
            raise KeyError("a bug")
        if len(tries) == 2:
            raise DatabaseError("connection lost")
        return len(tries) == 3

    thread = Thread(target=sweeper._loop, args=("test", step, None, 0.01))
    thread.start()
    until(lambda: len(tries) > 4)
    sweeper.stopping.set()
    thread.join(5)
    assert not thread.is_alive()


def test_housekeeping_forgets_old_callbacks() -> None:
    Replay.objects.create(provider="x", key="y", seen_at=clock.now().replace(year=2020))
    assert sweep._keep_house() is False
    assert Replay.objects.count() == 0


# --- the dead man's address ------------------------------------------------------------------


def test_somebody_outside_is_told_while_promises_are_kept(settings: Settings) -> None:
    assert not watch.ping()
    with Receiver() as receiver:
        settings.DEAD_MAN_URL = receiver.url
        assert watch.ping()
        receiver.will(hang_up())
        assert not watch.ping()
        assert len(receiver.received) == 2
        cast.request(at=clock.now().replace(year=2020))
        assert set(watch.late()) == {"oldest_due_timer"}
        assert not watch.ping()
        assert len(receiver.received) == 2
    assert timers.oldest_due(at=clock.now()) > watch.LATE > deliveries.LEASE.total_seconds()
    assert sweep._watch() is False
