"""What pages cost with a million past requests, beside an empty answer: every list, search and figure."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from bench import asked, past
from bench.figures import Against, Chapter, Series, table
from bench.ground import Ground
from bench.machine import Meter, seconds_of
from bench.plan import Plan
from bench.wire import Load, Slice, connect, hammer
from tests.support.processes import HOST

WAITING, LARGE = 200, 75
HEAD = ("page", "kB", "statements", "p50 ms", "p95 ms", "max ms", "CPU ms", "of /healthz", "failed")


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


@dataclass(slots=True)
class Pages(Chapter):
    """A chapter whose table says of each page what it weighs and how many statements it takes."""

    sizes: dict[str, int] = field(default_factory=dict)
    statements: dict[str, int] = field(default_factory=dict)

    def lines(self) -> list[str]:
        noise = f"{median(self.foreign):.2f}" if self.foreign else "unknown"
        told = [f"### {self.title}", "", f"Others used {noise} cores meanwhile (median slice).", ""]
        return [*told, *table(HEAD, [self._row(each) for each in self.series]), ""]

    def _row(self, page: Series) -> tuple[str, ...]:
        against = next((pair for pair in self.beside if pair.measured is page), None)
        return (
            page.name,
            f"{self.sizes.get(page.name, 0) / 1000:.1f}",
            str(self.statements.get(page.name, "")),
            *(f"{page.at(percent) * 1000:,.1f}" for percent in (50, 95, 100)),
            f"{page.cost * 1000:.1f}",
            f"{against.ratio:.0f} x" if against else "",
            str(page.failed),
        )

    def to_json(self) -> dict[str, Any]:
        # Named in full: a class with slots is another one than its body was written in.
        return Chapter.to_json(self) | {"bytes": self.sizes, "statements": self.statements}


def measure(ground: Ground, plan: Plan) -> Chapter:
    """One connection, each page in turn with `/healthz` of the same process."""
    past.make(ground)
    return take(ground, plan)


def take(ground: Ground, plan: Plan) -> Pages:
    """Measure on a ground that has its past."""
    closed = ground.inside("closed")
    numbers = ground.inside("wait", WAITING, LARGE)
    (cookie,) = ground.inside("browse", 1)
    paths = asked.pages(waiting=(numbers[0], numbers[-1]), past=closed)
    counts = ground.inside("count", *paths.values())
    chapter = Pages(
        f"Pages with {past.PAST:,} past and {WAITING} waiting requests",
        statements=dict(zip(paths, counts, strict=True)),
    )
    with ground.running("web"):
        loads: dict[str, Load] = {
            name: Page(ground.port, "GET", path, 200, cookie=cookie) for name, path in paths.items()
        }
        _run(
            ground, plan, chapter, {**loads, "/healthz": Load(ground.port, "GET", "/healthz", 200)}
        )
    return chapter


def _run(ground: Ground, plan: Plan, chapter: Pages, loads: dict[str, Load]) -> None:
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
    chapter.sizes = {name: _bytes(load) for name, load in loads.items()}
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
