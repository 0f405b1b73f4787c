"""Adapters look once a minute, in one process at a time, and start again where the last good look began."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection

from approvals.models import Replay
from approvals.ports import DeliveryError
from approvals.services import adapters, looking
from tests.fakes.adapter import FakeAdapter

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Watcher(FakeAdapter):
    """An adapter that looks, and fails as it is told."""

    name = "watcher"

    def __init__(self) -> None:
        super().__init__()
        self.looks: list[datetime | None] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.failure: Exception | None = None

    def look(self, *, at: datetime, since: datetime | None) -> None:
        self.looks.append(since)
        self.meanwhile()
        if self.failure:
            raise self.failure


@pytest.fixture
def watcher(settings: Any) -> Watcher:
    settings.ADAPTERS = [f"{__name__}.Watcher"]
    one = adapters.enabled()["watcher"]
    assert isinstance(one, Watcher)
    return one


def busy(*, until: datetime) -> None:
    """As a process leaves it that was killed in the middle."""
    Replay.objects.filter(provider="look", key="busy:watcher").update(seen_at=until)


def look(at: datetime) -> int:
    return looking.look_due(now=lambda: at)


@pytest.mark.django_db
def test_it_looks_once_a_minute(watcher: Watcher) -> None:
    looks = [look(NOON + timedelta(seconds=second)) for second in (0, 1, 59, 60, 61)]
    assert looks == [1, 0, 0, 1, 0]


@pytest.mark.django_db
def test_it_is_told_when_the_last_good_look_began(watcher: Watcher) -> None:
    look(NOON)
    look(NOON + MINUTE)
    watcher.failure = DeliveryError("The vendor is down.")
    look(NOON + 2 * MINUTE)
    look(NOON + 3 * MINUTE)
    assert watcher.looks == [None, NOON, NOON + MINUTE, NOON + MINUTE]
    assert looking.last_well("watcher") == NOON + MINUTE


@pytest.mark.django_db
@pytest.mark.parametrize("failure", [DeliveryError("Down."), RuntimeError("A bug.")])
def test_a_look_that_failed_is_followed_by_another(watcher: Watcher, failure: Exception) -> None:
    watcher.failure = failure
    assert [look(NOON), look(NOON + MINUTE)] == [1, 1]


@pytest.mark.django_db
def test_it_waits_as_long_as_the_vendor_asks(watcher: Watcher) -> None:
    watcher.failure = DeliveryError("Wait.", retry_after=5 * MINUTE)
    assert [look(NOON), look(NOON + 4 * MINUTE), look(NOON + 5 * MINUTE)] == [1, 0, 1]


@pytest.mark.django_db
def test_it_looks_at_once_when_asked(watcher: Watcher) -> None:
    look(NOON)
    looking.soon("watcher", at=NOON + timedelta(seconds=5))
    assert look(NOON + timedelta(seconds=6)) == 1


@pytest.mark.django_db
def test_asked_while_it_looks_it_looks_again(watcher: Watcher) -> None:
    watcher.meanwhile = lambda: looking.soon("watcher", at=NOON)
    look(NOON)
    watcher.meanwhile = lambda: None
    assert [look(NOON + timedelta(seconds=1)), look(NOON + timedelta(seconds=2))] == [1, 0]


@pytest.mark.django_db
def test_nobody_else_looks_meanwhile(watcher: Watcher) -> None:
    def ask_and_try() -> None:
        looking.soon("watcher", at=NOON)
        others.append(look(NOON + MINUTE))

    others: list[int] = []
    watcher.meanwhile = ask_and_try
    look(NOON)
    assert others == [0]


@pytest.mark.django_db
def test_whoever_dies_looking_loses_the_lease(watcher: Watcher) -> None:
    look(NOON)
    busy(until=NOON + looking.LEASE)
    assert [look(NOON + MINUTE), look(NOON + looking.LEASE)] == [0, 1]


@pytest.mark.django_db(transaction=True)
def test_of_many_processes_one_looks(watcher: Watcher) -> None:
    together = Barrier(8)
    looked: list[int] = []

    def one_of_many() -> None:
        together.wait()
        looked.append(look(NOON))
        connection.close()

    threads = [Thread(target=one_of_many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(looked) == len(watcher.looks) == 1


@pytest.mark.django_db
def test_what_happened_during_a_look_is_before_the_next(watcher: Watcher) -> None:
    moments = iter([NOON, NOON + timedelta(seconds=50), NOON + timedelta(seconds=50)])
    looking.look_due(now=lambda: next(moments))
    assert looking.last_well("watcher") == NOON
