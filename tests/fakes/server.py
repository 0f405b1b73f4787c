"""What the vendors' stand-ins share: a real server on a real socket that remembers and misbehaves.

A stand-in inherits `Vendor` and answers calls in `answer`; a test tells it what it `will` do to the
next ones.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.listening import Listening

Fault = Callable[["Conversation"], None]


@dataclass(slots=True)
class Call:
    """One call as it arrived: header names in lower case, the body read when it is JSON or a form."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes
    body: Any = None
    status: int = 0


@dataclass(slots=True)
class Answer:
    """What a stand-in says."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Vendor(Listening, ThreadingHTTPServer):
    """Listens on loopback for the length of a `with` block, and keeps every call."""

    daemon_threads = True

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.closing = Event()
        self.lock = Lock()
        self._next: deque[Fault] = deque()
        super().__init__(("127.0.0.1", 0), Conversation)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def will(self, *faults: Fault) -> None:
        """Do this to the next calls, one each."""
        self._next.extend(faults)

    def called(self, method: str, path: str) -> list[Call]:
        """The calls of a method whose path begins so."""
        return [call for call in self.calls if call.method == method and call.path.startswith(path)]

    def answer(self, call: Call) -> Answer:
        """What the vendor does and says; each stand-in has its own."""
        raise NotImplementedError

    def fault(self) -> Fault | None:
        return self._next.popleft() if self._next else None


class Conversation(BaseHTTPRequestHandler):
    """One exchange."""

    server: Vendor
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        parts = urlsplit(self.path)
        self.call = Call(self.command, parts.path, _query(parts.query), headers, raw)
        self.call.body = _read(raw, headers.get("content-type", ""))
        self.server.calls.append(self.call)
        fault = self.server.fault()
        if fault is not None:
            fault(self)
        else:
            self.say(self.act())

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def act(self) -> Answer:
        """Do what was asked, saying nothing yet."""
        with self.server.lock:
            answer = self.server.answer(self.call)
        self.call.status = answer.status
        return answer

    def say(self, answer: Answer) -> None:
        raw = b"" if answer.body is None else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        if answer.status not in (204, 304):
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the output of the tests quiet."""


def _read(raw: bytes, content_type: str) -> Any:
    if "json" in content_type:
        try:
            return json.loads(raw or b"null")
        except ValueError:
            return None
    if "form" in content_type:
        return dict(parse_qsl(raw.decode()))
    return None


def _query(text: str) -> dict[str, str]:
    """What was asked for; a name given several times has its values with commas between them."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(text):
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def says(status: int, body: Any = None, **headers: str) -> Fault:
    """Answer so, having done nothing; `Retry_After="5"` becomes a header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda to: to.say(Answer(status, body, named))


def done_and_gone(to: Conversation) -> None:
    """Do what was asked, and close without a word: the caller cannot know."""
    to.act()
    to.close_connection = True


def hangs_up(to: Conversation) -> None:
    """Close without doing anything."""
    to.close_connection = True


def silent(to: Conversation) -> None:
    """Take the call and say nothing until the test ends."""
    to.server.closing.wait(30)
    to.close_connection = True


def garbage(to: Conversation) -> None:
    """Answer with bytes of no meaning."""
    to.wfile.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
    to.close_connection = True


def half(to: Conversation) -> None:
    """Promise more than is sent."""
    to.send_response(200)
    to.send_header("Content-Type", "application/json")
    to.send_header("Content-Length", "100000")
    to.end_headers()
    to.wfile.write(b'{"id": ')
    to.close_connection = True


def nonsense(to: Conversation) -> None:
    """Answer with JSON that is none of the vendor's."""
    to.say(Answer(200, [None, {"id": []}, "x"]))
