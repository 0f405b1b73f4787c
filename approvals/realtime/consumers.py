"""Tell open dashboards which requests changed: ids only, the page fetches the rest itself.

`heard` is when this process heard of it, in seconds of its clock: what was read since then will do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any
from urllib.parse import urlsplit

import structlog
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings
from django.db import Error as DatabaseError

from approvals.realtime import hub, sessions
from approvals.services import clock

logger = structlog.get_logger(__name__)
LARGEST_FRAME = 4_096
MOST_FRAMES_PER_BEAT = 20
BEAT_SECONDS = 3.0
GATHER_SECONDS = 0.15
MOST_IDS = 200
# Pages that hear the same news ask for the rest spread over so many seconds: some milliseconds each.
SPREAD_EACH = 0.006
LONGEST_SPREAD = 1.2
SIGNED_OUT, NOT_OURS, TOO_MUCH, TOO_BIG, COULD_NOT_CHECK = 4401, 4403, 1008, 1009, 1011
NOT_HERE = 4404


class Live(AsyncJsonWebsocketConsumer):
    """One open page. It only listens: nothing sent over this socket changes anything."""

    groups = [hub.DASHBOARDS]

    async def connect(self) -> None:
        self.key = sessions.session_key(self.scope["headers"])
        self.waiting: set[str] = set()
        self.heard = 0.0
        self.frames = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self.is_open = False
        if not _same_origin(self.scope["headers"]):
            await self.close(code=NOT_OURS)
        elif await sessions.person_of(self.key) is None:
            await self.close(code=SIGNED_OUT)
        else:
            await self.accept()
            self.is_open = True
            hub.the_hub.dashboard_opened()
            self._start(self._beat())

    async def disconnect(self, code: int) -> None:
        del code
        for task in self.tasks:
            task.cancel()
        if self.is_open:
            self.is_open = False
            hub.the_hub.dashboard_closed()

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **_: Any
    ) -> None:
        """Pages have nothing to say here; whoever talks much is cut off."""
        self.frames += 1
        if len(text_data or "") > LARGEST_FRAME or len(bytes_data or b"") > LARGEST_FRAME:
            await self.close(code=TOO_BIG)
        elif self.frames > MOST_FRAMES_PER_BEAT:
            await self.close(code=TOO_MUCH)

    async def requests_changed(self, event: dict[str, Any]) -> None:
        """Gather what changes within a moment into one message."""
        if not self.waiting:
            self._start(self._send_soon())
        self.waiting |= set(event["ids"])
        self.heard = max(self.heard, float(event.get("heard", 0.0)))

    async def _send_soon(self) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        ids, self.waiting = sorted(self.waiting)[:MOST_IDS], set()
        spread = round(min(hub.the_hub.dashboards * SPREAD_EACH, LONGEST_SPREAD), 2)
        told = {"type": "changed", "ids": ids, "heard": round(self.heard, 3), "spread": spread}
        await self.send_json(told)

    async def _beat(self) -> None:
        """Prove that the line lives, and end it soon after the person may no longer look."""
        try:
            while await sessions.person_of(self.key) is not None:
                self.frames = 0
                now = await database_sync_to_async(clock.now)()
                await self.send_json({"type": "alive", "now": now.isoformat()})
                await asyncio.sleep(BEAT_SECONDS)
        except DatabaseError as error:
            logger.warning("cannot tell who is looking", error=str(error))
            await self.close(code=COULD_NOT_CHECK)
        else:
            await self.close(code=SIGNED_OUT)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


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
