"""What pages cost with a million past requests: queue, history, one request, beside an empty answer."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass

from bench.figures import Against, Chapter, Series
from bench.ground import Ground
from bench.machine import Meter, seconds_of
from bench.plan import Plan
from bench.wire import Load, Slice, connect, hammer
from tests.support.processes import HOST

WAITING, LARGE = 200, 75
PAST = int(os.environ.get("BENCH_PAST", "1000000"))
TARGETS = 5_000
CHUNK = 50_000
_TABLE = "approvals_approvalrequest"


@dataclass(frozen=True, slots=True)
class Page(Load):
    """A page as a signed-in browser asks for it."""

    cookie: str = ""
    plain: bool = False

    def next(self) -> bytes:
        head = (
            f"GET {self.path} HTTP/1.1", f"Host: {HOST}:{self.port}", "Content-Length: 0",
            f"Cookie: session={self.cookie}",
            f"Accept-Encoding: {'identity' if self.plain else 'gzip'}",
        )  # fmt: skip
        return "\r\n".join([*head, "", ""]).encode()


def measure(ground: Ground, plan: Plan) -> Chapter:
    """One connection, each page in turn with `/healthz` of the same process."""
    numbers = ground.inside("wait", WAITING, LARGE)
    closed = ground.inside("closed")
    _seed(ground, closed)
    (cookie,) = ground.inside("browse", 1)
    paths = {
        "queue, for you": "/queue",
        "queue, all waiting": "/queue?tab=all",
        "queue, what changed": f"/queue/rows?tab=all&known=REQ-{numbers[0]}~0",
        "history": "/history",
        "a waiting request": f"/r/REQ-{numbers[-1]}",
        "a past request": f"/r/REQ-{closed}",
    }
    chapter = Chapter(f"Pages with {PAST:,} past and {WAITING} waiting requests")
    with ground.running("web"):
        alive = Load(ground.port, "GET", "/healthz", 200)
        loads = {
            name: Page(ground.port, "GET", path, 200, cookie=cookie) for name, path in paths.items()
        }
        _run(ground, plan, chapter, {**loads, "/healthz": alive})
    return chapter


def _run(ground: Ground, plan: Plan, chapter: Chapter, loads: dict[str, Load]) -> None:
    series = {name: Series(name) for name in loads}
    for load in loads.values():
        hammer(load, connections=1, seconds=plan.warm_up / 4)
    meter = Meter()
    for _ in range(plan.slices):
        for name, load in loads.items():
            used = seconds_of(ground.pids["web"])
            meter.start()
            done: Slice = hammer(load, connections=1, seconds=plan.seconds)
            chapter.note_noise(meter.stop())
            series[name].add(done.rate, done.times, done.failed)
            series[name].note_processor(seconds_of(ground.pids["web"]) - used, len(done.times))
    for name, load in loads.items():
        size = _bytes(load)
        plain = series[name]
        plain.name = f"{name} ({size / 1000:.1f} kB, p95 {plain.at(95) * 1000:,.0f} ms)"
    chapter.series = list(series.values())
    chapter.beside = [
        Against(each, series["/healthz"], by="time")
        for name, each in series.items()
        if name != "/healthz"
    ]


def _bytes(load: Load) -> int:
    """How much one answer carries, as it was sent."""

    async def once() -> int:
        wire = await connect(load.port)
        answer = await wire.ask(load.next())
        wire.close()
        return len(answer.body)

    return asyncio.run(once())


def _seed(ground: Ground, like: int) -> None:
    """So many more of a request that is closed, in one statement a chunk, over some months."""
    line = ground.connect()
    line.execute("SET synchronous_commit = off")
    columns = [
        row[0]
        for row in line.execute(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_name = %s AND column_name <> 'number' ORDER BY ordinal_position",
            [_TABLE],
        ).fetchall()
    ]
    other = {
        "public_id": "gen_random_uuid()",
        "target": f"'service-' || (i %% {TARGETS})",
        "created_at": "t.created_at - i * interval '10 seconds'",
        "closed_at": "t.closed_at - i * interval '10 seconds'",
        "updated_at": "t.updated_at - i * interval '10 seconds'",
        "because": "'[]'",
        "evaluation": "'[]'",
        "idempotency_key": "NULL",
    }
    drawn = ", ".join(other.get(name, f"t.{name}") for name in columns)
    made = (
        f"INSERT INTO {_TABLE} ({', '.join(columns)}) SELECT {drawn} "  # names of ours
        f"FROM {_TABLE} t, generate_series(%s::int, %s::int) i WHERE t.number = %s"
    )
    for start in range(1, PAST + 1, CHUNK):
        line.execute(made, [start, min(start + CHUNK - 1, PAST), like])
    line.execute(f"VACUUM ANALYZE {_TABLE}")
    line.close()
