"""One socket for each open page: it hears what changed, and says nothing itself."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings

from approvals.realtime import room, sessions
from approvals.realtime.room import SIGNED_OUT

LARGEST_FRAME = 4_096
MOST_FRAMES_PER_BEAT = 20
# A page that takes nothing for so many messages is cut off, and asks anew when it comes back.
MOST_UNSENT = 50
NOT_OURS, TOO_MUCH, TOO_BIG, TOO_SLOW, NOT_HERE = 4403, 1008, 1009, 1013, 4404


class Live(AsyncJsonWebsocketConsumer):
    """One open page. It only listens: nothing sent over this socket changes anything."""

    async def connect(self) -> None:
        self.key = sessions.session_key(self.scope["headers"])
        self.frames = 0
        self.unsent: deque[str] = deque()
        self.sending: asyncio.Task[None] | None = None
        self.is_ended = False
        if not _same_origin(self.scope["headers"]):
            await self.close(code=NOT_OURS)
            return
        inside = await sessions.people_behind([self.key])
        if self.key not in inside:
            await self.close(code=SIGNED_OUT)
            return
        self.person = inside[self.key]
        await self.accept()
        entered = room.enter(self)
        self.tell(await entered.alive())

    async def disconnect(self, code: int) -> None:
        del code
        room.leave(self)
        if self.sending is not None:
            self.sending.cancel()

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **_: Any
    ) -> None:
        """Pages have nothing to say here; whoever talks much, or may no longer look, is cut off."""
        self.frames += 1
        if len(text_data or "") > LARGEST_FRAME or len(bytes_data or b"") > LARGEST_FRAME:
            await self.end(TOO_BIG)
        elif self.frames > MOST_FRAMES_PER_BEAT:
            await self.end(TOO_MUCH)
        elif self.key not in await sessions.people_behind([self.key]):
            await self.end(SIGNED_OUT)

    def tell(self, text: str) -> None:
        """Send when the line is free; nobody else waits for a slow one."""
        if self.is_ended:
            return
        self.unsent.append(text)
        if self.sending is None or self.sending.done():
            self.sending = asyncio.create_task(self._send())
        elif len(self.unsent) > MOST_UNSENT:
            self.sending.cancel()
            self.sending = asyncio.create_task(self.end(TOO_SLOW))

    async def end(self, code: int) -> None:
        """Say no more, and why."""
        self.is_ended = True
        self.unsent.clear()
        await self.close(code=code)

    async def _send(self) -> None:
        while self.unsent:
            await self.send(text_data=self.unsent.popleft())


class Nowhere(AsyncJsonWebsocketConsumer):
    """Every other address: refused in one line, where the router alone would log a fault."""

    async def connect(self) -> None:
        await self.close(code=NOT_HERE)


def _same_origin(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Browsers always say which site opened a socket; only our own pages may."""
    said = {name: value.decode("latin-1") for name, value in headers}
    origin = urlsplit(said.get(b"origin", ""))
    ours = {said.get(b"host", ""), urlsplit(settings.PUBLIC_URL).netloc}
    return origin.scheme in {"http", "https"} and origin.netloc in ours
