"""A few threads that go on with what was begun for a request after that was answered.

They are daemons: what they do must be safe to lose, because somebody else does it again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from queue import SimpleQueue
from threading import Lock, Thread

import structlog
from django.conf import settings
from django.db import connection, connections

logger = structlog.get_logger(__name__)

Act = Callable[[], None]
WITHOUT_POOL = 4


class Hands:
    """At most so many threads, started as they are needed; what finds none free waits its turn."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: SimpleQueue[Act] = SimpleQueue()
        self._lock = Lock()
        self._busy = 0
        self._threads = 0

    def begin(self, act: Act) -> None:
        """Do it in one of the threads; at once where the caller is within a transaction, since no
        other thread could see what it wrote."""
        if connection.in_atomic_block:
            act()
            return
        with self._lock:
            self._busy += 1
            if self._busy > self._threads and self._threads < self._most:
                self._threads += 1
                Thread(target=self._serve, daemon=True, name="hand").start()
        self._waiting.put(act)

    def _serve(self) -> None:
        while True:
            act = self._waiting.get()
            try:
                act()
            except Exception:
                # A bug met once must not leave the others without a hand.
                logger.exception("hand met a bug")
            finally:
                connections.close_all()
                with self._lock:
                    self._busy -= 1


@lru_cache(maxsize=1)
def hands() -> Hands:
    """Those of this process: as many as leave half of its connections to everybody else."""
    options = settings.DATABASES["default"].get("OPTIONS", {})
    pool = options.get("pool") or {}
    most = int(pool.get("max_size", 0)) // 2
    return Hands(max(2, most) if most else WITHOUT_POOL)
