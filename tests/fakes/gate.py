"""A gate before a stand-in, so that any vendor can be away: it refuses every caller, or hangs."""

from __future__ import annotations

import socket
from contextlib import suppress
from enum import StrEnum
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self


class Gate:
    """Listens on loopback for the length of a `with` block, and leads to another port of it."""

    class Is(StrEnum):
        """What happens to whoever comes, and to whoever is in conversation."""

        OPEN = "open"
        REFUSING = "refusing"
        HANGING = "hanging"

    def __init__(self, to: int) -> None:
        self.callers = 0
        self._to = to
        self._how = Gate.Is.OPEN
        self._lock = Lock()
        self._held: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._end_all()
        self._thread.join(5)

    def now(self, how: Gate.Is) -> None:
        """From now on; what is being said is cut off."""
        self._how = how
        self._end_all()

    def through(self, value: Any) -> Any:
        """A setting with every address of the stand-in led through here."""
        here, there = f":{self.port}", f":{self._to}"
        return value.replace(there, here) if isinstance(value, str) else value

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                self.callers += 1
                if self._how is Gate.Is.REFUSING:
                    caller.close()
                    continue
                self._hold(caller)
                if self._how is Gate.Is.OPEN:
                    self._lead(caller)

    def _lead(self, caller: socket.socket) -> None:
        there = socket.create_connection(("127.0.0.1", self._to))
        self._hold(there)
        for one, other in ((caller, there), (there, caller)):
            Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while content := one.recv(65_536):
                other.sendall(content)
        for each in (one, other):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _hold(self, each: socket.socket) -> None:
        with self._lock:
            self._held.add(each)

    def _end_all(self) -> None:
        with self._lock:
            held, self._held = self._held, set()
        for each in held:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
