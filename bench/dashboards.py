"""200 open dashboards while people decide: how soon each page shows what was decided.

A page here does what the one in a browser does: it listens on the socket, and on each change asks for
`/queue/rows` with the rows it shows, spread over the time the service names, one question at a time.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import time
from dataclasses import dataclass, field
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket

from bench.figures import Against, Chapter, Series
from bench.ground import Ground
from bench.machine import Meter, seconds_of
from bench.pages import Page
from bench.plan import Plan
from bench.wire import Wire, connect, question
from tests.support.processes import HOST

DASHBOARDS = int(os.environ.get("BENCH_DASHBOARDS", "200"))
PER_SECOND = 20
SECONDS = int(os.environ.get("BENCH_SECONDS", "60"))
TOGETHER = 8
PER_PAGE = 50
LEAST_REST = 0.25
LAST_WAIT = 15.0
PATIENCE = 60.0
ROW = re.compile(rb'data-ref="(REQ-\d+)" data-id="[^"]*" data-mark="(\w+)"( data-closed)?')


@dataclass(slots=True)
class Board:
    """When each decision was answered, and how long after it each page showed it."""

    answered: dict[str, float] = field(default_factory=dict)
    shown: list[float] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    failed: int = 0

    def note(self, ref: str, at: float) -> None:
        self.shown.append(max(at - self.answered.get(ref, at), 0.0))


class Dashboard:
    """One open page of the queue, somewhere in the list of all that waits."""

    def __init__(self, ground: Ground, cookie: str, board: Board) -> None:
        self.port, self.cookie, self.board = ground.port, cookie, board
        self.rows: dict[str, str] = {}
        self.closed: list[str] = []
        self.heard, self.spread = 0.0, 0.0
        self.wanted, self.is_live = asyncio.Event(), asyncio.Event()
        self.wire: Wire | None = None

    async def open(self, path: str) -> None:
        """Load the page, and take its rows with their marks."""
        self.wire = await connect(self.port)
        answer = await self.wire.ask(
            Page(self.port, "GET", path, 200, cookie=self.cookie, plain=True).next()
        )
        for ref, mark, _ in ROW.findall(answer.body):
            self.rows[ref.decode()] = mark.decode()

    async def listen(self) -> None:
        headers = {"Cookie": f"session={self.cookie}", "Origin": f"http://{HOST}:{self.port}"}
        address = f"ws://{HOST}:{self.port}/ws/live"
        async with open_socket(
            address,
            additional_headers=headers,
            proxy=None,
            open_timeout=PATIENCE,
            ping_interval=None,
        ) as line:
            self.is_live.set()
            await self._hear(line)

    async def _hear(self, line: ClientConnection) -> None:
        async for text in line:
            said = json.loads(text)
            if said["type"] == "changed":
                self.heard, self.spread = said["heard"], said["spread"]
                self.wanted.set()

    async def follow(self) -> None:
        """Ask again for as long as news come, with a rest between."""
        while True:
            await self.wanted.wait()
            await asyncio.sleep(random.random() * self.spread)  # no secret
            while self.wanted.is_set():
                self.wanted.clear()
                began = time.perf_counter()
                await self._ask()
                taken = time.perf_counter() - began
                self.board.asked.append(taken)
                await asyncio.sleep(max(LEAST_REST, self.spread - taken))

    async def _ask(self) -> None:
        known = ",".join(f"{ref}~{mark}" for ref, mark in self.rows.items())
        path = f"/queue/rows?tab=all&known={quote(known)}&closed={','.join(self.closed)}&heard={self.heard}"
        if self.wire is None or not self.wire.is_open:
            self.wire = await connect(self.port)
        answer = await self.wire.ask(
            Page(self.port, "GET", path, 200, cookie=self.cookie, plain=True).next()
        )
        self.board.failed += answer.status != 200
        now = time.perf_counter()
        for ref, mark, is_closed in ROW.findall(answer.body):
            name = ref.decode()
            if is_closed and self.rows.pop(name, None):
                self.closed.append(name)
                self.board.note(name, now)
            elif name in self.rows:
                self.rows[name] = mark.decode()


def measure(ground: Ground, plan: Plan) -> Chapter:
    """Decisions at an even pace over the API; lateness counts from a decision's own answer."""
    del plan
    decisions = PER_SECOND * SECONDS
    first, last = ground.inside("medium", decisions)
    cookies = ground.inside("browse", DASHBOARDS)
    chapter = Chapter(
        f"{DASHBOARDS} open dashboards, {PER_SECOND} decisions a second for {SECONDS} s"
    )
    meter = Meter()
    board = Board()
    with ground.running("web"):
        used = seconds_of(ground.pids["web"])
        meter.start()
        rate, clicks = asyncio.run(_run(ground, cookies, list(range(first, last + 1)), board))
        chapter.note_noise(meter.stop())
        used = seconds_of(ground.pids["web"]) - used
    shown, asked, clicked = (
        Series("page shows the decision"),
        Series("page asks what changed"),
        Series("the decision's own answer"),
    )
    shown.add(len(board.shown) / SECONDS, board.shown, _late(board, decisions))
    asked.add(len(board.asked) / SECONDS, board.asked, board.failed)
    asked.note_processor(used, len(board.asked))
    clicked.add(rate, clicks)
    chapter.series = [shown, asked, clicked]
    chapter.beside = [Against(shown, clicked, by="time")]
    return chapter


def _late(board: Board, decisions: int) -> int:
    """Decisions that no page showed at all."""
    return 0 if board.shown else decisions


async def _run(
    ground: Ground, cookies: list[str], numbers: list[int], board: Board
) -> tuple[float, list[float]]:
    pages = await _addresses(ground, cookies[0], len(numbers))
    dashboards = [Dashboard(ground, cookie, board) for cookie in cookies]
    for number, dashboard in enumerate(dashboards):
        await dashboard.open(pages[number % len(pages)])
    tasks = [
        asyncio.create_task(work)
        for dashboard in dashboards
        for work in (dashboard.listen(), dashboard.follow())
    ]
    live = asyncio.gather(*(dashboard.is_live.wait() for dashboard in dashboards))
    await asyncio.wait_for(live, PATIENCE)
    rate, clicks = await _decide(ground, numbers, board)
    left = {ref for dashboard in dashboards for ref in dashboard.rows}
    give_up = time.perf_counter() + LAST_WAIT
    while left and time.perf_counter() < give_up:
        await asyncio.sleep(0.2)
        left = {ref for d in dashboards for ref in d.rows if ref in board.answered}
    broken = [task for task in tasks if task.done()]
    for task in broken:
        print(f"A page broke off: {task.exception()!r}")
    board.failed += len(broken) + len(left)
    for task in tasks:
        task.cancel()
    return rate, clicks


async def _addresses(ground: Ground, cookie: str, waiting: int) -> list[str]:
    """The pages of the whole list, as their links lead from one to the next."""
    wire = await connect(ground.port)
    found = ["/queue?tab=all"]
    while len(found) * PER_PAGE < waiting:
        asked = Page(ground.port, "GET", found[-1], 200, cookie=cookie, plain=True).next()
        answer = await wire.ask(asked)
        onward = re.search(rb'href="(/queue\?[^"]*after=[^"]*)">Next', answer.body)
        if onward is None:
            break
        found.append(onward[1].decode().replace("&amp;", "&"))
    wire.close()
    return found


async def _decide(ground: Ground, numbers: list[int], board: Board) -> tuple[float, list[float]]:
    """Deny one after the other at an even pace, some at the same time where answers take longer."""
    random.shuffle(numbers)
    waiting = asyncio.Queue[tuple[int, float]]()
    started = time.perf_counter()
    for place, number in enumerate(numbers):
        waiting.put_nowait((number, started + place / PER_SECOND))
    clicks: list[float] = []

    async def keep_deciding() -> None:
        wire = await connect(ground.port)
        while not waiting.empty():
            number, due = waiting.get_nowait()
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            body = {"verdict": "deny", "comment": "Not during the freeze."}
            path = f"/api/v1/requests/REQ-{number}/decisions"
            began = time.perf_counter()
            answer = await wire.ask(question("POST", path, key=ground.keys["approver"], body=body))
            clicks.append(time.perf_counter() - began)
            board.failed += answer.status != 200
            board.answered[f"REQ-{number}"] = time.perf_counter()
        wire.close()

    await asyncio.gather(*(keep_deciding() for _ in range(TOGETHER)))
    return len(clicks) / (time.perf_counter() - started), clicks
