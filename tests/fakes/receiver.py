"""A receiver of webhooks that keeps all it was sent, and misbehaves on command.

A real server on a real socket. It accepts what it gets with 204, unless it was told what it `will`
do next.
"""

import ssl
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import create_connection, socket
from threading import Event
from time import sleep
from typing import Any

from tests.fakes.listening import Listening


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Receiver(Listening, ThreadingHTTPServer):
    """Listen on loopback for the length of a `with` block."""

    daemon_threads = False

    def __init__(
        self, address: tuple[str, int] = ("127.0.0.1", 0), *, tls: ssl.SSLContext | None = None
    ) -> None:
        self.received: list[Received] = []
        self.callers: list[int] = []
        self.names_asked_for: list[str | None] = []
        self.closing = Event()
        self._next: deque[Answer] = deque()
        self._tls = tls
        if tls is not None:
            tls.sni_callback = self._note_name
        super().__init__(address, _Conversation)

    @property
    def url(self) -> str:
        """Return where to call it by address."""
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}/callback"

    @property
    def host(self) -> str:
        return str(self.server_address[0])

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def will(self, *answers: "Answer") -> None:
        """Give these answers to the next requests, one each."""
        self._next.extend(answers)

    def nobody_called(self) -> bool:
        """Say whether no connection has arrived, by being the first one: they come in order."""
        with create_connection((self.host, self.port)) as witness:
            port = witness.getsockname()[1]
            while port not in self.callers:
                sleep(0.001)
        return self.callers == [port]

    def answer(self) -> "Answer":
        return self._next.popleft() if self._next else status(204)

    def get_request(self) -> tuple[socket, Any]:
        accepted = super().get_request()
        self.callers.append(accepted[1][1])
        return accepted

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self._tls is None:
            super().finish_request(request, client_address)
            return
        with self._tls.wrap_socket(request, server_side=True) as secure:
            super().finish_request(secure, client_address)

    def _note_name(self, _: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        self.names_asked_for.append(name)


class _Conversation(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        self.server.received.append(
            Received(
                method=self.command,
                path=self.path,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(length),
            )
        )
        self.server.answer()(self)

    do_GET = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """Keep the output of the tests quiet."""


Answer = Callable[[_Conversation], None]


def status(code: int, *, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
    """Answer in good order."""

    def answer(to: _Conversation) -> None:
        to.send_response(code)
        for name, value in (headers or {}).items():
            to.send_header(name, value)
        if code not in (204, 304):
            to.send_header("Content-Length", str(len(body)))
        to.end_headers()
        to.wfile.write(body)

    return answer


def garbage(raw: bytes = b"\x16\x03\x01 this is not HTTP\r\n\r\n") -> Answer:
    """Answer with bytes of no meaning."""

    def answer(to: _Conversation) -> None:
        to.wfile.write(raw)

    return answer


def hang_up() -> Answer:
    """Take the request and close without a word."""

    def answer(to: _Conversation) -> None:
        to.close_connection = True

    return answer


def silence() -> Answer:
    """Take the request and say nothing until the receiver closes."""

    def answer(to: _Conversation) -> None:
        to.server.closing.wait(30)
        to.close_connection = True

    return answer


def drip(*, every: float = 0.02) -> Answer:
    """Send a body that never ends, a byte at a time: no single read is ever late."""

    def answer(to: _Conversation) -> None:
        to.send_response(200)
        to.send_header("Content-Length", "1000000")
        to.end_headers()
        while not to.server.closing.wait(every):
            to.wfile.write(b".")

    return answer
