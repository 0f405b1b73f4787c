"""Click to unblocked: from a person's click to the answer an agent's long-poll was waiting for."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from uuid import uuid4

from bench.figures import Against, Chapter, Series
from bench.ground import Ground
from bench.machine import Meter
from bench.plan import Plan
from bench.wire import Answer, Wire, connect, question

MANY = 50
WAIT = 30
REST = 0.02
BODY = {"action": "scale_deployment", "target": "production-api", "parameters": {"replicas": 8}}


@dataclass(slots=True)
class Waiter:
    """An agent whose request waits for a person, and its read that is being held."""

    wire: Wire
    ref: str
    held: asyncio.Task[tuple[Answer, float]]


def measure(ground: Ground, plan: Plan) -> Chapter:
    """One waiter and fifty, in turn; the clicks' own answers are the ceiling."""
    chapter = Chapter("Click to waiting agent unblocked")
    meter = Meter()
    pairs = {waiters: _pair(waiters) for waiters in (1, MANY)}
    with ground.running("web"):
        asyncio.run(_slice(ground, 1, 3, _pair(1)))
        for _ in range(plan.slices):
            for waiters, pair in pairs.items():
                meter.start()
                asyncio.run(_slice(ground, waiters, plan.clicks, pair))
                chapter.note_noise(meter.stop())
    for unblocked, clicked in pairs.values():
        chapter.series += [unblocked, clicked]
        chapter.beside.append(Against(unblocked, clicked, by="time"))
    return chapter


def _pair(waiters: int) -> tuple[Series, Series]:
    who = "1 waiter" if waiters == 1 else f"{waiters} waiters"
    return Series(f"agent unblocked, {who}"), Series(f"the click's own answer, {who}")


async def _slice(ground: Ground, waiters: int, clicks: int, pair: tuple[Series, Series]) -> None:
    """Keep so many agents waiting; decide for the one that waits longest, then let it ask anew."""
    person = await connect(ground.port)
    waiting = [await _ask(ground, await connect(ground.port)) for _ in range(waiters)]
    started, unblocked, clicked, failed = time.perf_counter(), [], [], 0
    for _ in range(clicks):
        await asyncio.sleep(REST)
        waiter = waiting.pop(0)
        at = time.perf_counter()
        answer = await person.ask(_click(ground, waiter.ref))
        clicked.append(time.perf_counter() - at)
        told, moment = await waiter.held
        unblocked.append(moment - at)
        failed += answer.status != 200 or told.json().get("status") != "approved"
        waiting.append(await _ask(ground, waiter.wire))
    rate = clicks / (time.perf_counter() - started)
    pair[0].add(rate, unblocked, failed)
    pair[1].add(rate, clicked)
    for waiter in waiting:
        waiter.held.cancel()
        waiter.wire.close()
    person.close()


async def _ask(ground: Ground, wire: Wire) -> Waiter:
    key = ground.keys["agent"]
    body = BODY | {"target": f"production-api-{uuid4().hex}"}  # or they would share a card
    asked = await wire.ask(question("POST", "/api/v1/requests", key=key, body=body))
    ref = str(asked.json()["ref"])
    read = question("GET", f"/api/v1/requests/{ref}?wait={WAIT}", key=key)
    held = asyncio.create_task(_held(wire, read))
    await asyncio.sleep(REST)  # the read is on its way before anybody clicks
    return Waiter(wire, ref, held)


async def _held(wire: Wire, read: bytes) -> tuple[Answer, float]:
    answer = await wire.ask(read)
    return answer, time.perf_counter()


def _click(ground: Ground, ref: str) -> bytes:
    verdict = {"verdict": "approve", "comment": "Looks right."}
    path = f"/api/v1/requests/{ref}/decisions"
    return question("POST", path, key=ground.keys["approver"], body=verdict)
