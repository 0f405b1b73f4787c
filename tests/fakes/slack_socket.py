"""The other end of Slack's Socket Mode: one connection, envelopes out, acknowledgements in."""

from __future__ import annotations

import json
from queue import Queue
from threading import Thread
from types import TracebackType
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve


class FakeSocket:
    """Sends each envelope it is given and collects the answers; for the length of a `with`."""

    def __init__(self) -> None:
        self.envelopes: Queue[dict[str, Any] | None] = Queue()
        self.answers: Queue[dict[str, Any]] = Queue()
        self._server: Server = serve(self._converse, "127.0.0.1", 0)
        self._serving = Thread(target=self._server.serve_forever)

    @property
    def url(self) -> str:
        """What apps.connections.open answers."""
        return f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}/link"

    def ask(self, payload: Any, *, envelope: str = "E1", seconds: float = 10) -> dict[str, Any]:
        """Send one interaction; the acknowledgement it got."""
        self.envelopes.put(
            {
                "type": "interactive",
                "envelope_id": envelope,
                "accepts_response_payload": True,
                "payload": payload,
            }
        )
        return self.answers.get(timeout=seconds)

    def _converse(self, connection: ServerConnection) -> None:
        connection.send(json.dumps({"type": "hello", "num_connections": 1}))
        try:
            while (envelope := self.envelopes.get()) is not None:
                connection.send(json.dumps(envelope))
                self.answers.put(json.loads(connection.recv(timeout=10)))
        except ConnectionClosed:
            return

    def __enter__(self) -> Self:
        self._serving.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.envelopes.put(None)
        self._server.shutdown()
        self._serving.join()
