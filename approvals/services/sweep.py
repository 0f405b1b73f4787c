"""The loops that keep promises: one for timers, a few for deliveries, in any process that asks for them.

They need neither a broker nor a leader. Every process that sweeps is redundancy for the others.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread

import structlog
from django.db import Error, close_old_connections, connections

from approvals.services import (
    bell,
    clock,
    deliveries,
    exports,
    knocks,
    looking,
    on_call,
    promotions,
    pulse,
    replays,
    superiors,
    timers,
    watch,
)

logger = structlog.get_logger(__name__)
TIMER_EVERY = 0.25
DELIVERY_EVERY = 1.0
HOUSEKEEPING_EVERY = 3600.0
WATCH_EVERY = 30.0
EXPORT_EVERY = 2.0
KNOCK_EVERY = 2.0
STAGES_EVERY = 2.0
LOOK_EVERY = 2.0  # how soon a look that was asked for begins
BATCH = 200


class Sweeper:
    """Sweeps in threads from `start` to `stop`."""

    def __init__(self, *, senders: int = 4) -> None:
        self.stopping = Event()
        self.rung = Event()
        self.threads = [
            Thread(target=self._loop, args=("timers", self._fire, None, TIMER_EVERY), daemon=True),
            Thread(
                target=self._loop,
                args=("housekeeping", _keep_house, None, HOUSEKEEPING_EVERY),
                daemon=True,
            ),
            Thread(target=self._loop, args=("watch", _watch, None, WATCH_EVERY), daemon=True),
            Thread(target=self._loop, args=("stages", _stages, None, STAGES_EVERY), daemon=True),
            Thread(target=self._loop, args=("looks", _look, None, LOOK_EVERY), daemon=True),
            Thread(
                target=self._loop,
                args=("exports", exports.write_due, None, EXPORT_EVERY),
                daemon=True,
            ),
            *(
                Thread(target=self._loop, args=("knocks", _knock, None, KNOCK_EVERY), daemon=True)
                for _ in range(senders)
            ),
            Thread(target=self._listen, daemon=True),
            *(
                Thread(
                    target=self._loop,
                    args=("deliveries", _send, self.rung, DELIVERY_EVERY),
                    daemon=True,
                )
                for _ in range(senders)
            ),
        ]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def stop(self, *, within: float = 15.0) -> None:
        """Finish what is being written and sent, then end."""
        self.stopping.set()
        self.rung.set()
        for thread in self.threads:
            thread.join(timeout=within)

    def _listen(self) -> None:
        for ids in bell.bell().listen(self.stopping):
            if ids:
                self.rung.set()

    def _fire(self) -> bool:
        return timers.fire_due(at=clock.now(), limit=BATCH) >= BATCH

    def _loop(self, name: str, step: Callable[[], bool], rung: Event | None, every: float) -> None:
        """Call `step` again at once while it says there is more, else when rung or after a while."""
        while not self.stopping.is_set():
            more = False
            try:
                close_old_connections()
                more = step()
            except Error as error:
                logger.error("sweep failed", loop=name, error=str(error))
            except Exception:
                # A bug met once must not end the loop that keeps everybody's promises.
                logger.exception("sweep met a bug", loop=name)
            if not more:
                connections.close_all()
                waiting = rung or self.stopping
                waiting.wait(every)
                if rung is not None:
                    rung.clear()
        connections.close_all()


def _send() -> bool:
    return deliveries.send_due(limit=20) >= 20


def _knock() -> bool:
    return knocks.do_due(limit=20) >= 20


def _keep_house() -> bool:
    replays.forget_old(at=clock.now())
    knocks.forget_old(at=clock.now())
    exports.forget_old(at=clock.now())
    return False


def _stages() -> bool:
    promotions.settle(at=clock.now())
    return False


def _look() -> bool:
    looking.look_due()
    on_call.settle(at=clock.now())  # shifts begin and end between looks
    superiors.settle()
    return False


def _watch() -> bool:
    pulse.beat(at=clock.now())
    watch.ping()
    return False
