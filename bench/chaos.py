"""`python -m bench.chaos`: the long form of the faults, and their figures in full.

COUNTERSIGN_CHAOS_SCALE multiplies the number of requests; 1 is two hundred.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable

from bench import acks, faults, storms
from bench.faults import Figures
from bench.line import Line
from bench.world import World, a_world

SCALE = float(os.environ.get("COUNTERSIGN_CHAOS_SCALE", "1"))
Fault = Callable[[World, int], Figures]


def race(world: World, _: int) -> Figures:
    return faults.race(world, requests=round(200 * SCALE))


def kills(world: World, seed: int) -> Figures:
    return faults.kills(world, requests=round(200 * SCALE), seed=seed)


def redis(world: World, _: int) -> Figures:
    return faults.redis_gone(world, seconds=60 * SCALE)


def audit(world: World, _: int) -> Figures:
    return faults.audit_unwritable(world, attempts=round(200 * SCALE))


def slack_storm(world: World, seed: int) -> Figures:
    return storms.slack(world, requests=round(500 * SCALE), seconds=120 * SCALE, seed=seed)


def slow_commits(world: World, _: int) -> Figures:
    return _acks(world, commit=0.2)


def near_database(world: World, _: int) -> Figures:
    return _acks(world, round_trip=0.02)


def far_database(world: World, _: int) -> Figures:
    return _acks(world, round_trip=0.2)


def _acks(world: World, *, round_trip: float = 0.0, commit: float = 0.0) -> Figures:
    assert world.line is not None
    seconds = 60 * SCALE
    return acks.measure(
        world, world.line, rate=20, seconds=seconds, round_trip=round_trip, commit=commit
    )


FAULTS: dict[str, Fault] = {
    "race": race, "kills": kills, "redis": redis, "audit": audit, "slack-storm": slack_storm,
    "acks-slow-commits": slow_commits, "acks-20-ms": near_database, "acks-200-ms": far_database,
}  # fmt: skip
PROMISES = ("broken", "lost", "doubled", "not shown", "shows no present", "out of order")
FAR_AWAY = frozenset({"acks-slow-commits", "acks-20-ms", "acks-200-ms"})


def wrong(name: str, figures: Figures) -> list[str]:
    """What of a fault's figures is not as it must be; empty when all held."""
    found = [f"{each}: {figures[each]}" for each in PROMISES if figures.get(each)]
    return found + (acks.wrong(figures) if name in FAR_AWAY else [])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("faults", nargs="*", choices=[[], *FAULTS], help="which; all unless named")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    wanted = parser.parse_args()
    failed = 0
    for name in wanted.faults or FAULTS:
        began = time.monotonic()
        with a_world(through=Line() if name in FAR_AWAY else None) as world:
            figures = FAULTS[name](world, wanted.seed)
        amiss = wrong(name, figures)
        failed += bool(amiss)
        print(f"\n== {name} ({time.monotonic() - began:.0f} s)")
        print(json.dumps(figures, indent=2, default=str), flush=True)
        for words in amiss:
            print(f"FAILED {name}: {words}", flush=True)
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
