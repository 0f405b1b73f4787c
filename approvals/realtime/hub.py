"""Wake whoever waits in this process: one ear at the bell, any number of waiters.

A ring can be lost, so while anybody waits the hub also looks at history itself every two seconds.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import structlog
from django.db import Error as DatabaseError
from django.db import connection

from approvals.models import AuditEvent
from approvals.services import bell

logger = structlog.get_logger(__name__)
LOOK_EVERY = 2.0
# Events may become visible out of order: a later number can be committed before an earlier one.
LOOK_BACK = 100
MOST_PER_LOOK = 1_000
Ear = Callable[[tuple[str, ...]], None]


class Watch:
    """One waiter for one request; it hears every change since it was made."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()

    async def wait(self, timeout: float) -> bool:
        """True as soon as the request changed since the last wait, False after `timeout` seconds."""
        try:
            await asyncio.wait_for(self._changed.wait(), timeout)
        except TimeoutError:
            return False
        self._changed.clear()
        return True

    def wake(self) -> None:
        _call(self._loop, self._changed.set)


class Look:
    """What history gained since the last look, by its numbers alone."""

    def __init__(self) -> None:
        self._seen: set[int] | None = None

    def changed(self) -> set[str]:
        if self._seen is None:
            newest = AuditEvent.objects.order_by("-id").values_list("id", flat=True)
            self._seen = set(newest[:LOOK_BACK])
            return set()
        low = max(self._seen, default=LOOK_BACK) - LOOK_BACK
        fresh = AuditEvent.objects.filter(id__gt=low, request__isnull=False).order_by("id")
        rows = fresh.values_list("id", "request__public_id")[:MOST_PER_LOOK]
        found = {number: public_id for number, public_id in rows if number not in self._seen}
        self._seen = {number for number in self._seen | found.keys() if number > low}
        return {str(public_id) for public_id in found.values()}


class Hub:
    """The waiters of this process, and the thread that listens on their behalf."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watches: dict[str, set[Watch]] = defaultdict(set)
        self._ears: dict[Ear, asyncio.AbstractEventLoop] = {}
        self._listener: threading.Thread | None = None
        self._stop = threading.Event()

    @contextmanager
    def watching(self, public_id: str) -> Iterator[Watch]:
        """A watch for one request; make it before reading the state, so that nothing falls between."""
        watch = Watch()
        with self._lock:
            self._watches[public_id].add(watch)
        self._listen()
        try:
            yield watch
        finally:
            with self._lock:
                self._watches[public_id].discard(watch)
                if not self._watches[public_id]:
                    del self._watches[public_id]

    def listen_with(self, ear: Ear) -> None:
        """From now on call this in the running loop with the ids of every change."""
        with self._lock:
            self._ears[ear] = asyncio.get_running_loop()
        self._listen()

    def stop_listening(self, ear: Ear) -> None:
        with self._lock:
            self._ears.pop(ear, None)

    def tell(self, public_ids: Iterable[str]) -> None:
        """Wake the watches of these requests and tell every ear. From any thread."""
        ids = tuple(public_ids)
        if not ids:
            return
        with self._lock:
            watches = [watch for one in ids for watch in self._watches.get(one, ())]
            ears = list(self._ears.items())
        for watch in watches:
            watch.wake()
        for ear, loop in ears:
            _call(loop, ear, ids)

    def stop(self) -> None:
        """End the listener; the next waiter starts another."""
        with self._lock:
            listener, self._listener = self._listener, None
            self._stop.set()
            self._stop = threading.Event()
        if listener is not None:
            listener.join()

    def _listen(self) -> None:
        with self._lock:
            if self._listener is not None and self._listener.is_alive():
                return
            self._listener = threading.Thread(
                target=self._run, args=(self._stop,), name="bell-listener", daemon=True
            )
            self._listener.start()

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self._hear(stop)
            except OSError as error:
                logger.warning("bell cannot be heard", error=str(error))
                stop.wait(LOOK_EVERY)

    def _hear(self, stop: threading.Event) -> None:
        look, look_at = Look(), 0.0
        for ids in bell.bell().listen(stop):
            if ids:
                self.tell(ids)
            if self._is_awaited() and time.monotonic() >= look_at:
                look_at = time.monotonic() + LOOK_EVERY
                self.tell(_look(look))

    def _is_awaited(self) -> bool:
        with self._lock:
            return bool(self._watches or self._ears)


def _look(look: Look) -> set[str]:
    try:
        return look.changed()
    except DatabaseError as error:
        logger.warning("could not look at history", error=str(error))
        return set()
    finally:
        connection.close()


def _call(loop: asyncio.AbstractEventLoop, call: object, *arguments: object) -> None:
    try:
        loop.call_soon_threadsafe(call, *arguments)  # type: ignore[arg-type]  # any callable will do
    except RuntimeError:
        logger.debug("a waiter's loop has ended")


the_hub = Hub()


async def changed(public_id: str, timeout: float) -> bool:
    """Wait for a change of one request; True when something rang.

    A change made just before the call is not heard, so whoever waits long reads again at least
    every `LOOK_EVERY` seconds: this returns False by then, whatever `timeout` says.
    """
    with the_hub.watching(public_id) as watch:
        return await watch.wait(min(timeout, LOOK_EVERY))
