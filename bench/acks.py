"""How soon Slack is answered when the database is far away: clicks at a steady rate, come what may."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx

from bench.faults import Figures
from bench.line import Line
from bench.world import World, wait_for
from tests.fakes.knocks import Knock

LIMIT = 3.0  # after which Slack shows people that it failed
DRIVERS = 8
PATIENCE = 60.0
SETTLING = 600.0
MOST_AT_ONCE = 500


def measure(
    world: World,
    line: Line,
    *,
    rate: float,
    seconds: float,
    round_trip: float = 0.0,
    commit: float = 0.0,
) -> Figures:
    """Prepare as many requests as there will be clicks, make the line slow, then click and time it."""
    refs = _asked(world, round(rate * seconds))
    messages = {ref: world.message(ref, seconds=120) for ref in refs}
    leads = world.people["leads"]
    line.round_trip, line.commit = round_trip, commit
    alone = [_alone(world, messages.pop(ref), leads[0]["slack"]) for ref in refs[:3]]
    knocks = [
        world.slack.click(messages[ref], "approve", user=leads[number % len(leads)]["slack"])
        for number, ref in enumerate(refs[3:])
    ]
    taken, statuses = _clicks(world, knocks, rate=rate)
    line.round_trip = line.commit = 0.0
    wanted = len(refs) if set(statuses) == {200} else 0
    wait_for(lambda: _decided(world, wanted), SETTLING, every=2.0)
    found = world.settle()  # what was read while clicks were still being decided fits nothing
    ordered = sorted(taken)
    return {
        "round trip to the database s": round_trip,
        "a commit takes s more": commit,
        "clicks a second": rate,
        "clicks": len(taken),
        "answers": dict(statuses),
        "one click alone s": [round(each, 2) for each in alone],
        "p50/p99/p99.9/max s": [round(_at(ordered, part), 2) for part in (0.5, 0.99, 0.999, 1.0)],
        "later than 3 s": sum(each > LIMIT for each in taken),
        "decided": found["events"].get("request.approved", 0),
        "broken": found["broken"],
    }


def wrong(figures: Figures) -> list[str]:
    """What of these figures is not as it must be: every click answered with 200, none later than Slack waits,
    each decided once."""
    answers, alone = figures["answers"], figures["one click alone s"]
    whole = figures["clicks"] + len(alone)
    told = {
        f"answers {answers}, not 200 alone": answers != {200: figures["clicks"]},
        f"{figures['later than 3 s']} answers later than 3 s": figures["later than 3 s"],
        f"alone answered after {alone} s": max(alone, default=0.0) > LIMIT,
        f"{figures['decided']} of {whole} clicks decided": figures["decided"] != whole,
        f"broken: {figures['broken']}": figures["broken"],
    }
    return [words for words, is_wrong in told.items() if is_wrong]


def _asked(world: World, many: int) -> list[str]:
    with ThreadPoolExecutor(DRIVERS) as pool:
        asked = pool.map(lambda n: world.submit("contest_scale", f"ack-{n}")["ref"], range(many))
        return list(asked)


def _alone(world: World, message: Any, user: str) -> float:
    """The same click with nothing beside it."""
    with httpx.Client(timeout=PATIENCE, trust_env=False) as http:
        return _click(world, http, world.slack.click(message, "approve", user=user))[0]


def _clicks(world: World, knocks: list[Knock], *, rate: float) -> tuple[list[float], Counter[int]]:
    """Each at its moment, whether or not those before were answered."""
    limits = httpx.Limits(max_connections=MOST_AT_ONCE, max_keepalive_connections=64)
    asked: list[Future[tuple[float, int]]] = []
    with (
        httpx.Client(timeout=PATIENCE, trust_env=False, limits=limits) as http,
        ThreadPoolExecutor(MOST_AT_ONCE) as pool,
    ):
        began = time.monotonic()
        for number, knock in enumerate(knocks):
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
            asked.append(pool.submit(_click, world, http, knock))
        answers = [each.result() for each in asked]
    return [took for took, _ in answers], Counter(status for _, status in answers)


def _click(world: World, http: httpx.Client, knock: Knock) -> tuple[float, int]:
    """How long the answer took, and its status; 0 where none came."""
    url = f"{world.service.url}/integrations/slack/events"
    began = time.monotonic()
    try:
        status = http.post(url, content=knock.body, headers=dict(knock.headers)).status_code
    except httpx.TransportError:
        status = 0
    return time.monotonic() - began, status


def _decided(world: World, wanted: int) -> Figures | None:
    found: Figures = world.within("verify")
    return found if found["events"].get("request.approved", 0) >= wanted else None


def _at(ordered: list[float], part: float) -> float:
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)]
