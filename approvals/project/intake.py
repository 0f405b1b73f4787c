"""Stop large bodies while they come in, before anything collects them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

# More than any door takes: the API refuses above 256 KiB by itself, Slack's door above 512 KiB.
LIMIT = 1024 * 1024

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Receive, Send], Awaitable[None]]


class TooLarge(Exception):
    """The body went over the limit while it was being received."""


class BodyLimit:
    """An ASGI application around another: 413 as soon as a body is known to be too large."""

    def __init__(self, inner: App, limit: int = LIMIT) -> None:
        self.inner = inner
        self.limit = limit

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if _announced(scope) > self.limit:
            await _refuse(send)
            return
        received, started = 0, False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.limit:
                raise TooLarge
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.inner(scope, counted, watched)
        except TooLarge:
            if not started:
                await _refuse(send)


def _announced(scope: Any) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"")
    return int(length) if length.isdigit() and len(length) < 20 else 0


async def _refuse(send: Send) -> None:
    body = json.dumps(
        {
            "type": "about:blank",
            "title": "Content Too Large",
            "status": 413,
            "code": "too_large",
            "detail": "The body is too large. Nothing was recorded.",
        }
    ).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
