"""200 open dashboards while people decide: how soon each page shows what was decided.

A page here does what the one in a browser does, on the same words: rows that closed or changed come
over the socket, what else changed is asked for at `/queue/rows`, spread over the time the service names,
and every half minute it asks by itself. Every fourth request takes two decisions, the first of which
leaves it waiting.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import time
from typing import NamedTuple

from bench.dashboards_page import Board, Dashboard
from bench.figures import Against, Chapter, Series
from bench.ground import Ground
from bench.machine import Meter, seconds_of
from bench.pages import Page
from bench.plan import Plan
from bench.wire import connect, question

DASHBOARDS = int(os.environ.get("BENCH_DASHBOARDS", "200"))
PER_SECOND = int(os.environ.get("BENCH_DECISIONS", "20"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "60"))
WEBS = int(os.environ.get("BENCH_WEBS", "1"))
CUT = min(20, DASHBOARDS)
CUT_AFTER = SECONDS / 2
TOGETHER = 8
PER_PAGE = 50
LAST_WAIT = 15.0
APART = 10.0
PATIENCE = 60.0
OPENING = 8


class Step(NamedTuple):
    """One decision: of which request, whose, and what it says."""

    number: int
    who: str
    verdict: str


def measure(ground: Ground, plan: Plan) -> Chapter:
    """Decisions at an even pace over the API; lateness counts from a decision's own answer."""
    del plan
    decisions = PER_SECOND * SECONDS
    numbers, twice = ground.inside("mixed", decisions)
    cookies = ground.inside("browse", DASHBOARDS)
    board = Board()
    meter = Meter()
    with ground.running_webs(WEBS):
        pages = asyncio.run(_addresses(ground, cookies[0], len(numbers)))
        meter.start()
        steps = _steps(numbers, frozenset(twice))
        rate, clicks, used = asyncio.run(_run(ground, cookies, pages, steps, board))
        noise = meter.stop()
    chapter = Chapter(
        f"{DASHBOARDS} open dashboards, {PER_SECOND} decisions a second for {SECONDS} s; "
        f"cores used: {WEBS} web {used['web']:.2f}, the load generator {used['load']:.2f}; "
        f"{CUT} lines cut on the way"
    )
    chapter.note_noise(noise)
    shown = Series("page shows the decision")
    shown.add(len(board.shown) / SECONDS, board.shown, board.failed)
    again = Series("page that lost its line is correct again")
    again.add(len(board.recovered) / SECONDS, board.recovered, CUT - len(board.recovered))
    asked = Series("page asks what changed")
    asked.add(len(board.asked) / SECONDS, board.asked, board.refused)
    clicked = Series("the decision's own answer")
    clicked.add(rate, clicks)
    chapter.series = [shown, again, asked, clicked]
    chapter.beside = [Against(shown, clicked, by="time")]
    return chapter


async def _run(
    ground: Ground, cookies: list[str], pages: list[str], steps: list[Step], board: Board
) -> tuple[float, list[float], dict[str, float]]:
    dashboards = [
        Dashboard(ground.ports[number % WEBS], cookie, pages[number % len(pages)], board)
        for number, cookie in enumerate(cookies)
    ]
    for start in range(0, len(dashboards), OPENING):
        await asyncio.gather(*(each.open() for each in dashboards[start : start + OPENING]))
    tasks = [asyncio.create_task(each.follow()) for each in dashboards]
    tasks += [asyncio.create_task(each.listen()) for each in dashboards]
    tasks += [asyncio.create_task(each.poll()) for each in dashboards]
    live = asyncio.gather(*(each.is_live.wait() for each in dashboards))
    await asyncio.wait_for(live, PATIENCE)
    web, load, began = _of_webs(ground), time.process_time(), time.perf_counter()
    cutting = asyncio.create_task(_cut(dashboards[:CUT]))
    rate, clicks = await _decide(ground, steps, board)
    taken = time.perf_counter() - began
    used = {
        "web": (_of_webs(ground) - web) / taken,
        "load": (time.process_time() - load) / taken,
    }
    give_up = time.perf_counter() + LAST_WAIT
    while any(each.rows for each in dashboards) and time.perf_counter() < give_up:
        await asyncio.sleep(0.2)
    await cutting
    board.failed += sum(len(each.rows) for each in dashboards)
    for broken in [task for task in tasks if task.done()]:
        print(f"A page broke off: {broken.exception()!r}")
        board.failed += 1
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for each in dashboards:
        each.close()
    return rate, clicks, used


def _of_webs(ground: Ground) -> float:
    return sum(seconds_of(pid) for name, pid in ground.pids.items() if name.startswith("web"))


async def _cut(dashboards: list[Dashboard]) -> None:
    await asyncio.sleep(CUT_AFTER)
    for each in dashboards:
        each.cut()


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


def _steps(numbers: list[int], twice: frozenset[int]) -> list[Step]:
    """Who says what to which request, in an order of chance; the second of two comes well after the
    first, so that they never cross."""
    steps = []
    for number in numbers:
        at = random.random()
        if number in twice:
            again = at + APART / SECONDS + random.random()
            steps.append((at, Step(number, "first", "approve")))
            steps.append((again, Step(number, "second", "deny")))
        else:
            steps.append((at, Step(number, "approver", "deny")))
    return [step for _, step in sorted(steps)]


async def _decide(ground: Ground, steps: list[Step], board: Board) -> tuple[float, list[float]]:
    """Decide one after the other at an even pace, some at the same time where answers take longer."""
    waiting = asyncio.Queue[tuple[Step, float]]()
    started = time.perf_counter()
    for place, step in enumerate(steps):
        waiting.put_nowait((step, started + place / PER_SECOND))
    clicks: list[float] = []

    async def keep_deciding(port: int) -> None:
        wire = await connect(port)
        while not waiting.empty():
            step, due = waiting.get_nowait()
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            body = {"verdict": step.verdict, "comment": "Not during the freeze."}
            path = f"/api/v1/requests/REQ-{step.number}/decisions"
            if not wire.is_open:
                wire = await connect(port)
            began = time.perf_counter()
            answer = await wire.ask(question("POST", path, key=ground.keys[step.who], body=body))
            clicks.append(time.perf_counter() - began)
            board.refused += answer.status != 200
            noted = board.first_answered if step.who == "first" else board.answered
            noted[b"REQ-%d" % step.number] = time.perf_counter()
        wire.close()

    ports = [ground.ports[number % WEBS] for number in range(TOGETHER)]
    await asyncio.gather(*map(keep_deciding, ports))
    return len(clicks) / (time.perf_counter() - started), clicks
