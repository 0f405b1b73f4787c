"""One open page of the queue without a browser: a socket read as bytes, and what it asks for."""

from __future__ import annotations

import asyncio
import base64
import os
import random
import re
import time
from dataclasses import dataclass, field
from urllib.parse import quote

from bench.pages import Page
from bench.wire import Wire, connect
from tests.support.processes import HOST

LEAST_REST = 1.0
# A browser's first wait before it connects again: static/live/line.js.
RECONNECT_SECONDS = 2.0
POLL_SECONDS = 30.0
MOST_FRAME = 1 << 22
TEXT, CLOSE, PING = 0x81, 0x88, 0x89
READ = re.compile(rb'(?:"read":|data-read=")([\d.]+)')
ROW = re.compile(
    rb'data-ref=\\?"(REQ-\d+)\\?" data-id=\\?"[^"\\]*\\?" data-mark=\\?"(\w+)\\?"( data-closed)?'
)


@dataclass(slots=True)
class Board:
    """When each decision was answered, how long after it each page showed it, and how long a page
    that lost its line was wrong."""

    answered: dict[bytes, float] = field(default_factory=dict)
    first_answered: dict[bytes, float] = field(default_factory=dict)
    shown: list[float] = field(default_factory=list)
    recovered: list[float] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    refused: int = 0
    failed: int = 0

    def note(self, ref: bytes, at: float) -> None:
        """A page shows the decision that closed a request."""
        self.shown.append(max(at - self.answered.get(ref, at), 0.0))

    def note_first(self, ref: bytes, at: float) -> None:
        """A page shows the first of two decisions."""
        self.shown.append(max(at - self.first_answered.get(ref, at), 0.0))


class Dashboard:
    """One open page, somewhere in the list of all that waits."""

    def __init__(self, port: int, cookie: str, path: str, board: Board) -> None:
        self.port, self.cookie, self.path, self.board = port, cookie, path, board
        self.rows: dict[bytes, bytes] = {}
        self.read_of: dict[bytes, float] = {}
        self.heard = self.newest = self.spread = self.cut_at = 0.0
        self.is_back = False
        self.wanted, self.is_live = asyncio.Event(), asyncio.Event()
        self._read_at = 0.0
        self._wire: Wire | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        """Load the page, and take its rows with their marks."""
        self._take(await self._get(self.path), opening=True)

    def cut(self) -> None:
        """Lose the line, as when a laptop leaves its network."""
        if self._writer is not None:
            self.cut_at = time.perf_counter()
            self._writer.transport.abort()

    # --- the socket -------------------------------------------------------------------------------

    async def listen(self) -> None:
        while True:
            try:
                await self._hear()
            except (OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(RECONNECT_SECONDS)
            finally:
                if self._writer is not None:
                    self._writer.close()

    def close(self) -> None:
        """Hang up, once `listen` and `follow` have ended."""
        for held in (self._wire, self._writer):
            if held is not None:
                held.close()

    async def _hear(self) -> None:
        reader, self._writer = await asyncio.open_connection(HOST, self.port, limit=MOST_FRAME)
        key = base64.b64encode(os.urandom(16)).decode()
        self._writer.write(
            f"GET /ws/live HTTP/1.1\r\nHost: {HOST}:{self.port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Extensions: permessage-deflate\r\n"
            f"Origin: http://{HOST}:{self.port}\r\nCookie: session={self.cookie}\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n", 1)[0] or b"permessage-deflate" in head:
            raise RuntimeError(f"Not the line this generator reads: {head[:200]!r}")
        if self.is_live.is_set():  # it missed something meanwhile, and wants a fresh reading
            self.heard = self.spread = 0.0
            self.is_back = True
            self.wanted.set()
        self.is_live.set()
        while True:
            self._word(*await self._frame(reader))

    async def _frame(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        kind, size = await reader.readexactly(2)
        if size >= 126:
            size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
        return kind, await reader.readexactly(size)

    def _word(self, kind: int, said: bytes) -> None:
        if kind == CLOSE:
            raise ConnectionResetError(repr(said))
        if kind == PING and self._writer is not None:
            self._writer.write(bytes([0x8A, 0x80 | len(said), 0, 0, 0, 0]) + said)
        if kind != TEXT or b'"changed","ids"' not in said[:40]:
            return
        found = re.search(rb'"heard":([\d.]+),"spread":([\d.]+)', said)
        assert found is not None
        self.heard = self.newest = float(found[1])
        self.spread = float(found[2])
        is_known = self._take(said)
        newest = re.search(rb'"newest":([\d.]+)', said)
        is_new = newest is not None and float(newest[1]) > self._read_at - 2
        if b'"rest":false' not in said or (is_new and not is_known):
            self.wanted.set()

    async def poll(self) -> None:
        """What a live page asks by itself, however little it heard; static/live/line.js."""
        await asyncio.sleep(random.random() * POLL_SECONDS)  # no secret
        while True:
            if not self.wanted.is_set():
                self.heard, self.spread = max(self.newest, self._read_at), 0.0
                self.wanted.set()
            await asyncio.sleep(POLL_SECONDS)

    # --- asking -----------------------------------------------------------------------------------

    async def follow(self) -> None:
        """Ask again for as long as news come, with a rest between."""
        while True:
            await self.wanted.wait()
            await asyncio.sleep(random.random() * self.spread)  # no secret
            while self.wanted.is_set():
                self.wanted.clear()
                began, is_back = time.perf_counter(), self.is_back
                known = ",".join(
                    f"{ref.decode()}~{mark.decode()}" for ref, mark in self.rows.items()
                )
                query = self.path.partition("?")[2]
                path = f"/queue/rows?{query}&known={quote(known)}&closed=&heard={self.heard}"
                self._take(await self._get(path))
                taken = time.perf_counter() - began
                self.board.asked.append(taken)
                if is_back:
                    self._note_recovery()
                await asyncio.sleep(max(LEAST_REST, self.spread - taken))

    def _note_recovery(self) -> None:
        self.board.recovered.append(time.perf_counter() - self.cut_at)
        self.cut_at, self.is_back = 0.0, False

    async def _get(self, path: str) -> bytes:
        if self._wire is None or not self._wire.is_open:
            self._wire = await connect(self.port)
        asked = Page(self.port, "GET", path, 200, cookie=self.cookie, plain=True).next()
        began = time.time()
        try:
            answer = await self._wire.ask(asked)
        except OSError:  # an idle connection that the service closed just then
            self._wire = await connect(self.port)
            answer = await self._wire.ask(asked)
        self.board.refused += answer.status != 200
        self._read_at = began
        return answer.body

    def _take(self, drawn: bytes, *, opening: bool = False) -> bool:
        """Put rows in place, and note once each that shows a decision; False where an open one is not of
        this page."""
        now = time.perf_counter()
        found = READ.search(drawn)
        read = float(found[1]) if found else 0.0
        is_known = True
        for ref, mark, is_closed in ROW.findall(drawn):
            if opening:
                self.rows[ref] = mark
            elif is_closed:
                if self.rows.pop(ref, None) is not None and not self.cut_at:
                    self.board.note(ref, now)
            elif ref in self.rows:
                if read < self.read_of.get(ref, 0.0):
                    continue  # older than what the page shows: static/live/queue.js
                self.read_of[ref] = read
                if self.rows[ref] != mark and not self.cut_at:
                    self.board.note_first(ref, now)
                self.rows[ref] = mark
            else:
                is_known = False
        return is_known
