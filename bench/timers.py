"""Timers: how late the last of a thousand deadlines is written when all fall due at once."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from bench.figures import Against, Chapter, Series
from bench.ground import Connection, Ground
from bench.machine import Meter
from bench.plan import Plan
from bench.raw import Sweep

AHEAD = timedelta(seconds=2)
AFAR = timedelta(days=1)  # the sweep leaves these alone; the loop is told it is later
LOOK_EVERY = 0.01
LATEST = 120.0


def measure(ground: Ground, plan: Plan) -> Chapter:
    """One worker and the timers process as `make run` starts them, in turn with both ceilings."""
    served = Series(f"{plan.timers} deadlines by worker and timers")
    looped = Series(f"{plan.timers} by a plain loop in one process")
    swept = Series(f"{plan.timers} bare rows in SKIP LOCKED batches")
    chapter = Chapter("Timers due at once", [served, looped, swept])
    meter = Meter()
    with ground.running("worker", "timers"):
        for _ in range(plan.slices):
            first, last = ground.inside("submit", 2 * plan.timers)
            middle = first + plan.timers
            meter.start()
            late = _served(ground, first, middle - 1)
            chapter.note_noise(meter.stop())
            served.add(len(late) / max(late), late, failed=plan.timers - len(late))
            _align(ground, middle, last, datetime.now(UTC) + AFAR)
            late = ground.inside("expire", middle, last)
            looped.add(len(late) / max(late), late)
            late = Sweep(ground, rows=plan.timers).fire()
            swept.add(len(late) / max(late), late)
    chapter.beside += [Against(served, looped), Against(served, swept)]
    return chapter


def _served(ground: Ground, first: int, last: int) -> list[float]:
    """How late each deadline was seen to have passed, to within a hundredth of a second."""
    connection = ground.connect()
    due_at = datetime.now(UTC) + AHEAD
    _align(ground, first, last, due_at)
    late: list[float] = []
    while len(late) <= last - first and time.time() < due_at.timestamp() + LATEST:
        left = _waiting(connection, ground, first, last)
        moment = time.time() - due_at.timestamp()
        late += [moment] * (last - first + 1 - left - len(late))
        time.sleep(LOOK_EVERY)
    connection.close()
    return late


def _waiting(connection: Connection, ground: Ground, first: int, last: int) -> int:
    between = f"number BETWEEN {ground.mark} AND {ground.mark}"
    count = f"SELECT count(*) FROM approvals_approvalrequest WHERE status = 'pending' AND {between}"
    return int(connection.execute(count, [first, last]).fetchone()[0])


def _align(ground: Ground, first: int, last: int, due_at: datetime) -> None:
    """Give these requests one deadline, as if every reminder had been sent."""
    at = due_at if ground.engine == "postgres" else f"{due_at:%Y-%m-%d %H:%M:%S.%f}"
    connection = ground.connect()
    mark = ground.mark
    these = f"BETWEEN {first} AND {last}"
    connection.execute(ground.begin)
    connection.execute(
        "UPDATE approvals_approvalrequest SET reminded = 2, "
        f"decide_by = {mark}, expires_at = {mark} WHERE number {these}",
        [at, at],
    )
    connection.execute(
        f"DELETE FROM approvals_timer WHERE kind = 'remind' AND request_id {these}",
    )
    connection.execute(
        f"UPDATE approvals_timer SET due_at = {mark} WHERE kind = 'deadline' AND request_id {these}",
        [at],
    )
    connection.execute("COMMIT")
    connection.close()
