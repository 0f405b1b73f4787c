"""Ways in which the Slack of the tests misbehaves on command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Conversation(Protocol):
    """One call, not answered yet."""

    server: Any
    close_connection: bool
    wfile: Any

    def do(self) -> None:
        """Do what was asked, and say so."""
        ...

    def act(self) -> object:
        """Do what was asked, and say nothing."""
        ...

    def send_response(self, code: int) -> None: ...

    def send_header(self, keyword: str, value: str) -> None: ...

    def end_headers(self) -> None: ...

    def reply(self, body: dict[str, Any], *, status: int = 200, **headers: str) -> None: ...


Fault = Callable[[Conversation], None]


def limited(seconds: int) -> Fault:
    """Answer 429 and name a time."""

    def fault(to: Conversation) -> None:
        to.reply({"ok": False, "error": "ratelimited"}, status=429, Retry_After=str(seconds))

    return fault


def broken(status: int = 500) -> Fault:
    """Answer with a server error, having done nothing."""

    def fault(to: Conversation) -> None:
        to.reply({"ok": False, "error": "internal_error"}, status=status)

    return fault


def gone() -> Fault:
    """Close without a word, having done nothing."""

    def fault(to: Conversation) -> None:
        to.close_connection = True

    return fault


def done_and_gone() -> Fault:
    """Do what was asked, and close without a word: the caller cannot know."""

    def fault(to: Conversation) -> None:
        to.act()
        to.close_connection = True

    return fault


def slow(seconds: float) -> Fault:
    """Answer, but late."""

    def fault(to: Conversation) -> None:
        to.server.closing.wait(seconds)
        to.do()

    return fault


def garbage() -> Fault:
    """Answer with bytes of no meaning."""

    def fault(to: Conversation) -> None:
        to.wfile.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        to.close_connection = True

    return fault


def says(raw: str, *, status: int = 200, kind: str = "application/json") -> Fault:
    """Answer with just this, having done what was asked: somebody in between put it there."""

    def fault(to: Conversation) -> None:
        to.act()
        to.send_response(status)
        to.send_header("Content-Type", kind)
        to.end_headers()
        to.wfile.write(raw.encode())

    return fault
