"""Keep one channel that hangs from holding every sender, so that the others are told meanwhile.

Counted in each process by itself: a process has a few senders, and each is with one channel at a time.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Lock

MOST = 3  # of the four senders a process has
MOST_SLOW = 1
SLOW = 2.0  # seconds; a channel that answers at all answers sooner
Clock = Callable[[], float]


class Berths:
    """How many senders are with each channel now, and which channels kept one waiting lately."""

    def __init__(self, *, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._there: dict[str, list[float]] = defaultdict(list)
        self._slow: set[str] = set()

    @contextmanager
    def choosing(self, channels: Iterable[str]) -> Iterator[list[str]]:
        """The channels that may have one sender more; nobody else chooses until the block ends."""
        with self._lock:
            yield [channel for channel in channels if self._has_room(channel)]

    def take(self, channel: str) -> float:
        """A sender goes to this channel; called while choosing. Returns what to leave it by."""
        began = self._clock()
        self._there[channel].append(began)
        return began

    def leave(self, channel: str, began: float) -> None:
        """The sender is back; how long it was there decides how many may go next."""
        with self._lock:
            self._there[channel].remove(began)
            if self._clock() - began >= SLOW:
                self._slow.add(channel)
            else:
                self._slow.discard(channel)

    def _has_room(self, channel: str) -> bool:
        there = self._there[channel]
        is_slow = channel in self._slow or any(self._clock() - began >= SLOW for began in there)
        return len(there) < (MOST_SLOW if is_slow else MOST)
