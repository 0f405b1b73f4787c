"""A server that answers anything but what it should, for callers who must not believe it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event
from typing import Any

from tests.fakes.listening import Listening

Answer = Callable[["_Conversation"], None]


class Nonsense(Listening, ThreadingHTTPServer):
    """Listen on loopback for the length of a `with` block; `always` is the answer to every call."""

    daemon_threads = True

    def __init__(self) -> None:
        self.always: Answer = status(500)
        self.first: deque[Answer] = deque()
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.closing = Event()
        super().__init__(("127.0.0.1", 0), _Conversation)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Conversation(BaseHTTPRequestHandler):
    server: Nonsense
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.loads(raw) if raw else None
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.command, self.path, headers, body))
        answer = self.server.first.popleft() if self.server.first else self.server.always
        answer(self)

    do_POST = do_GET

    def reply(self, code: int, raw: bytes, kind: str = "application/json", **headers: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the output of the tests quiet."""


def status(code: int, body: object = None, **headers: str) -> Answer:
    """A status, with a JSON body that looks approved unless another is given."""
    raw = json.dumps(approved() if body is None else body).encode()
    return lambda to: to.reply(code, raw, **headers)


def says(raw: bytes, kind: str = "application/json", code: int = 200) -> Answer:
    """These very bytes."""
    return lambda to: to.reply(code, raw, kind)


def silent(to: _Conversation) -> None:
    """No answer until the end of the test."""
    to.server.closing.wait(30)
    to.close_connection = True


def hangs_up(to: _Conversation) -> None:
    """Close without a word."""
    to.close_connection = True
    to.connection.close()


def half(to: _Conversation) -> None:
    """Promise more than is sent."""
    to.send_response(200)
    to.send_header("Content-Type", "application/json")
    to.send_header("Content-Length", "100000")
    to.end_headers()
    to.wfile.write(json.dumps(approved()).encode())
    to.close_connection = True


def drips(to: _Conversation) -> None:
    """One byte now and then, so that no single read ever times out."""
    to.send_response(200)
    to.send_header("Content-Type", "application/json")
    to.end_headers()
    while not to.server.closing.wait(0.05):
        to.wfile.write(b" ")
        to.wfile.flush()


def approved(**changes: Any) -> dict[str, Any]:
    """What an approved request of Robo's looks like."""
    body: dict[str, Any] = {
        "id": "01890000-0000-7000-8000-000000000001",
        "ref": "REQ-1",
        "status": "approved",
        "basis": "person",
        "reason_code": None,
        "version": 2,
        "action": "restart_service",
        "target": "checkout",
        "parameters": {"replicas": 2},
        "risk": {"claimed": None, "computed": "medium", "effective": "medium", "because": []},
        "closed_by": "Lin",
        "consumed_at": "2026-02-20T14:23:45Z",
        "grant": None,
    }
    return body | changes
