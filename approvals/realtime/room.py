"""The open pages of this process: told together what changed, and checked together who may look.

What everybody sees alike is drawn once and sent to all; only what differs by reader is left for each
page to ask. Drawing is plugged in from outside, so that this room knows no page.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Collection, Mapping
from typing import Protocol

import structlog
from channels.db import database_sync_to_async
from django.db import Error as DatabaseError

from approvals.realtime import hub, sessions
from approvals.services import clock

logger = structlog.get_logger(__name__)
BEAT_SECONDS = 3.0
GATHER_SECONDS = 0.15
# After each drawing the room rests for a multiple of what it took: a busy machine draws less often.
REST_FACTOR = 1.0
LONGEST_REST = 0.5
MOST_IDS = 200
MOST_REMEMBERED = 4_096
# Pages that must ask hear over how many seconds to spread: some milliseconds of work each.
SPREAD_EACH, LONGEST_SPREAD = 0.01, 2.0
SIGNED_OUT, COULD_NOT_CHECK = 4401, 1011


class News(Protocol):
    """What became of some requests, as pages may be told: `closed` are drawn rows, alike for everybody,
    and `open` those each person sees in their own way, the newest asked at `newest`; `rest` says that
    something else changed. `tallies` are counts by person, `read` when they were counted, and `marks`
    what to give back next time so that the same news are not told twice."""

    @property
    def closed(self) -> str: ...
    @property
    def open(self) -> Mapping[int, str]: ...
    @property
    def newest(self) -> float: ...
    @property
    def rest(self) -> bool: ...
    @property
    def tallies(self) -> Mapping[int, Mapping[str, str]]: ...
    @property
    def read(self) -> float: ...
    @property
    def marks(self) -> Mapping[str, str]: ...


class Draw(Protocol):
    def __call__(
        self,
        ids: Collection[str],
        *,
        heard: float,
        people: Collection[int],
        told: Mapping[str, str],
    ) -> News: ...


class Page(Protocol):
    """One open page; `key` is its session's, `person` whoever is behind it."""

    key: str
    person: int
    frames: int

    def tell(self, text: str) -> None: ...
    async def end(self, code: int) -> None: ...


class Room:
    """The pages of one event loop; its tasks live as long as anybody is in it."""

    def __init__(self, draw: Draw | None) -> None:
        self.pages: set[Page] = set()
        self._draw = draw
        self._waiting: dict[str, None] = {}
        self._rung = asyncio.Event()
        self._heard = self._opened = time.time()
        self._told: dict[str, str] = {}
        self._tasks = [asyncio.create_task(self._beat()), asyncio.create_task(self._tell())]
        hub.the_hub.listen_with(self.hear)

    def close(self) -> None:
        hub.the_hub.stop_listening(self.hear)
        for task in self._tasks:
            task.cancel()

    def hear(self, ids: tuple[str, ...]) -> None:
        """These requests changed; runs in the room's own loop."""
        self._waiting |= dict.fromkeys(ids)
        self._heard = time.time()
        self._rung.set()

    async def alive(self) -> str:
        """Proof that the line lives, with the moment since when nothing has changed."""
        now = await database_sync_to_async(clock.now)()
        return json.dumps(
            {"type": "alive", "now": now.isoformat(), "changed": round(self._heard, 3)}
        )

    # --- what changed ---------------------------------------------------------------------------

    async def _tell(self) -> None:
        while True:
            await self._rung.wait()
            await asyncio.sleep(GATHER_SECONDS)
            ids = list(self._waiting)[:MOST_IDS]
            for one in ids:
                del self._waiting[one]
            if not self._waiting:
                self._rung.clear()
            began, heard = time.monotonic(), self._heard
            news = await self._look(ids)
            await self._check()
            self._spread_word(ids, heard, news)
            await asyncio.sleep(min((time.monotonic() - began) * REST_FACTOR, LONGEST_REST))

    async def _look(self, ids: list[str]) -> News | None:
        """The news of these; None where they cannot be drawn, so that every page asks for itself."""
        if self._draw is None:
            return None
        people = {page.person for page in self.pages}
        try:
            news: News = await database_sync_to_async(self._draw)(
                ids, heard=self._heard, people=people, told=self._told
            )
        except Exception as error:
            logger.warning("could not draw what changed", error=repr(error))
            return None
        if len(self._told) > MOST_REMEMBERED:
            self._told.clear()
        self._told.update(news.marks)
        return news

    def _spread_word(self, ids: list[str], heard: float, news: News | None) -> None:
        count = len(self.pages)
        told: dict[str, object] = {
            "type": "changed",
            "ids": ids,
            "heard": round(heard, 3),
            "spread": round(min(count * SPREAD_EACH, LONGEST_SPREAD), 2),
        }
        if news is None:
            text = json.dumps(told, separators=(",", ":"))
            for page in list(self.pages):
                page.tell(text)
            return
        told |= {
            "closed": news.closed,
            "rest": news.rest,
            "read": round(news.read, 3),
            "newest": round(news.newest, 3),
        }
        common = json.dumps(told, separators=(",", ":"))[:-1]
        texts: dict[tuple[object, ...], str] = {}
        for page in list(self.pages):
            mine, counts = news.open.get(page.person, ""), news.tallies.get(page.person, {})
            key = (mine, *counts.items())
            if key not in texts:
                own = json.dumps({"open": mine, "counts": counts}, separators=(",", ":"))
                texts[key] = f"{common},{own[1:]}"
            page.tell(texts[key])

    # --- who may look ---------------------------------------------------------------------------

    async def _beat(self) -> None:
        """Prove that every line lives, and end those soon whose person may no longer look."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            asked = await self._check()
            try:
                text = await self.alive()
            except DatabaseError as error:
                await self._end_unchecked(asked, error)
                continue
            for page in self.pages.intersection(asked):
                page.frames = 0
                page.tell(text)

    async def _check(self) -> list[Page]:
        """End the pages whose person may no longer look, and give those that were asked about: nothing is
        told to a page before its session and its person were looked up anew."""
        asked = list(self.pages)
        try:
            inside = await sessions.people_behind({page.key for page in asked})
        except DatabaseError as error:
            await self._end_unchecked(asked, error)
            return []
        await self._end([page for page in asked if page.key not in inside], SIGNED_OUT)
        return asked

    async def _end_unchecked(self, pages: list[Page], error: DatabaseError) -> None:
        logger.warning("cannot tell who is looking", error=str(error))
        await self._end(pages, COULD_NOT_CHECK)

    async def _end(self, pages: list[Page], code: int) -> None:
        self.pages.difference_update(pages)
        await asyncio.gather(*(page.end(code) for page in pages), return_exceptions=True)


_rooms: dict[asyncio.AbstractEventLoop, Room] = {}
_drawers: list[Draw] = []


def draw_with(draw: Draw) -> None:
    """From now on rooms send what this draws."""
    _drawers[:] = [draw]


def enter(page: Page) -> Room:
    """The room of the running loop, with this page in it."""
    loop = asyncio.get_running_loop()
    if loop not in _rooms:
        _rooms[loop] = Room(_drawers[0] if _drawers else None)
    _rooms[loop].pages.add(page)
    return _rooms[loop]


def leave(page: Page) -> None:
    """The last one out closes the room."""
    loop = asyncio.get_running_loop()
    room = _rooms.get(loop)
    if room is None:
        return
    room.pages.discard(page)
    if not room.pages:
        room.close()
        del _rooms[loop]
