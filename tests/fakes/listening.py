"""A server that listens on loopback for the length of a `with` block."""

from __future__ import annotations

from socketserver import BaseServer
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self


class Listening(BaseServer):
    """Mixed into a server: started on entering, ended with its thread on leaving."""

    closing: Event

    def __enter__(self) -> Self:
        self._serving = Thread(target=self.serve_forever, args=(0.01,))
        self._serving.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        self.shutdown()
        self._serving.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: callers that leave in the middle are what these tests are about."""
