"""Submit to decision: what policy approves by itself, over HTTP, written down for good."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from bench.figures import Against, Chapter, Series
from bench.ground import Ground
from bench.machine import Meter, seconds_of
from bench.plan import Plan
from bench.raw import Writer
from bench.wire import Load, Slice, hammer

MANY = 16
SERVED = ("submit", "/healthz")
BODY = {
    "action": "view_logs",
    "target": "production-api",
    "parameters": {"service": "checkout", "lines": 200, "since": "15m", "level": "error"},
    "reasoning": "Error rate is above its threshold. " * 18,
    "impact": {"summary": "Reads logs, changes nothing", "users": 0},
    "session": "sess_abc123",
    "context": {"triggered_by": "monitoring_alert_12345", "notes": "Seen on three nodes. " * 30},
    "rollback": {"available": True, "how": "Nothing to undo"},
}


SERVED = ("submit", "/healthz")


class Run(Protocol):
    """Something that can be done for so many seconds."""

    def __call__(self, *, seconds: float) -> Slice: ...


def measure(ground: Ground, plan: Plan) -> Chapter:
    """One web process, one connection and sixteen, in turn with what bounds them."""
    key = ground.keys["agent"]
    with ground.running("web"), ground.bare() as bare_port:
        post = Load(ground.port, "POST", "/api/v1/requests", 201, key, BODY)
        alive = Load(ground.port, "GET", "/healthz", 200)
        echo = Load(bare_port, "POST", "/", 201, key, BODY)
        hammer(post, connections=2, seconds=plan.warm_up)
        runs: dict[str, Run] = {}
        for several in (1, MANY):
            over = _over(several)
            runs[f"submit, {over}"] = partial(hammer, post, connections=several)
            runs[f"three bare inserts, {over}"] = partial(
                Writer(ground).hammer, connections=several
            )
            runs[f"/healthz, {over}"] = partial(hammer, alive, connections=several)
        runs["load generator on a bare server"] = partial(hammer, echo, connections=MANY)
        return _in_turn(ground, plan, runs)


def _in_turn(ground: Ground, plan: Plan, runs: dict[str, Run]) -> Chapter:
    """Everything once, then everything again: noise then falls on all of them alike."""
    series = {name: Series(name) for name in runs}
    chapter = Chapter("Submit to decision", list(series.values()))
    meter = Meter()
    for _ in range(plan.slices):
        for name, run in runs.items():
            used = seconds_of(ground.pids["web"])
            meter.start()
            done = run(seconds=plan.seconds)
            chapter.note_noise(meter.stop())
            series[name].add(done.rate, done.times, done.failed)
            if name.startswith(SERVED):
                used = seconds_of(ground.pids["web"]) - used
                series[name].note_processor(used, len(done.times))
    for over in (_over(1), _over(MANY)):
        for ceiling in ("three bare inserts", "/healthz"):
            beside = Against(series[f"submit, {over}"], series[f"{ceiling}, {over}"])
            chapter.beside.append(beside)
    return chapter


def _over(connections: int) -> str:
    return "1 connection" if connections == 1 else f"{connections} connections"
