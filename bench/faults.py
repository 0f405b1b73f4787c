"""Faults, each against the real service under load, and the figures of what they did.

Loss is what was acknowledged and is not there; doubling is what happened twice. Both are counted
from the driver's own journal and from the database and its chains, never from memory alone.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx

from bench.world import World, wait_for
from tests.fakes.knocks import Knock

Figures = dict[str, Any]
BEFORE = "Your click changed nothing."  # what Slack says to whom another was faster than
KILL_EVERY = 1.2
PACE = 1.5
WINDOWS = 12.0
VICTIMS = ("worker", "timers", "web", "worker", "web", "everything")


def race(world: World, *, requests: int) -> Figures:
    """Twenty people at once on each request: ten by the API, ten by Slack, approving and denying."""
    leads = world.people["leads"]
    refs = [world.submit("contest_deploy", f"race-{n}")["ref"] for n in range(requests)]
    heard: list[tuple[str, str, int, dict[str, Any]]] = []
    together = threading.Barrier(len(leads))
    knocks = {ref: _slack_knocks(world, ref, leads[10:]) for ref in refs}
    before = len(world.slack.views)

    def clicks(number: int) -> None:
        for ref in refs:
            together.wait(60)
            if number < 10:
                verdict = "deny" if number % 2 else "approve"
                answer = world.decide(ref, leads[number]["token"], verdict)
                heard.append((ref, "api", answer.status_code, answer.json()))
            else:
                answer = world.knock(knocks[ref][number - 10])
                told = answer.json() if answer.content else {}
                heard.append((ref, "slack", answer.status_code, told))

    threads = [threading.Thread(target=clicks, args=(number,)) for number in range(len(leads))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60 + requests * 5)
    found = world.settle()
    return _race_figures(world, refs, heard, found, before)


def _slack_knocks(world: World, ref: str, leads: list[dict[str, str]]) -> list[Knock]:
    """A click on Approve for most, a filled window for the last two, who deny."""
    message = world.message(ref)
    knocks = [world.slack.click(message, "approve", user=lead["slack"]) for lead in leads[:-2]]
    for lead in leads[-2:]:
        seen = len(world.slack.views)
        world.knock(world.slack.click(message, "deny", user=lead["slack"]))
        view = wait_for(lambda seen=seen: world.slack.views[seen:], 10)[0]
        knocks.append(world.slack.submit(view, "as they were told", user=lead["slack"]))
    return knocks


def _race_figures(
    world: World,
    refs: list[str],
    heard: list[tuple[str, str, int, dict[str, Any]]],
    found: Figures,
    before: int,
) -> Figures:
    by_api = [(ref, status, body) for ref, door, status, body in heard if door == "api"]
    losers = [body for _, status, body in by_api if status == 409]
    told_in_slack = sum(BEFORE in str(view) for view in world.slack.views[before:])
    told_in_slack += sum(BEFORE in str(told) for _, door, _, told in heard if door == "slack")
    events = found["events"]
    return {
        "requests": len(refs),
        "clicks": len(heard),
        "final decisions": events.get("request.approved", 0) + events.get("request.denied", 0),
        "winners by API": sum(status == 200 for _, status, _ in by_api),
        "losers by API": len(losers),
        "losers by API told who won": sum(
            body["code"] == "already_decided" and bool(body["facts"]["by"]) for body in losers
        ),
        "losers by Slack told who won": told_in_slack,
        "refusals in history": events.get("decision.refused", 0),
        "answers 5xx": sum(status >= 500 for _, _, status, _ in heard),
        "other answers": Counter(status for _, status, _ in by_api if status not in {200, 409}),
        "broken": found["broken"],
    }


def kills(world: World, *, requests: int, seed: int) -> Figures:
    """`kill -9` of the parts, and of the whole service, while requests are made, decided, left alone."""
    lives: list[Callable[[World, str], str]] = [_left_alone, _approved_and_run, _asked_and_answered]
    acked: dict[str, str] = {}

    def live(number: int) -> None:
        time.sleep(PACE * (number * 7 % 10) / 10)  # so that all die in the middle of something
        acked[f"kill-{number}"] = lives[number % 3](world, f"kill-{number}")

    with ThreadPoolExecutor(8) as pool:
        living = [pool.submit(live, number) for number in range(requests)]
        killed = _kill_until(world, living, random.Random(seed))
    for life in living:
        life.result()
    world.service.wait_until_ready()
    world.wait_until_decided(seconds=90)
    found = world.settle()
    ids = set(found["ids"])
    return {
        "seed": seed,
        "requests": requests,
        "killed": dict(killed),
        "unknown outcomes tried again": len(world.journal.of(said="unknown")),
        "lost": len(set(acked.values()) - ids),
        "doubled": len(ids) - len(set(acked.values())),
        "statuses": found["statuses"],
        "timers fired": found["timers_fired"],
        "lateness p50/p99/max s": _spread(found["lateness"]),
        "answers 5xx": Counter(line["status"] for line in world.journal.of(said="fault")),
        "broken": found["broken"],
    }


def _kill_until(
    world: World, living: Sequence[Future[None]], chance: random.Random
) -> Counter[str]:
    """Kill until all have lived, and while the timers of the last ones fall due.

    In the main thread: what it starts again ends with the thread that started it.
    """
    killed: Counter[str] = Counter()
    until = float("inf")
    while time.monotonic() < until:
        time.sleep(KILL_EVERY * chance.uniform(0.5, 1.5))
        victim = chance.choice(VICTIMS)
        if victim == "everything":
            world.service.kill()
            world.service.start(seconds=150)
        else:
            with suppress(FileNotFoundError):
                world.service.kill_part(victim)
        killed[victim] += 1
        if until == float("inf") and all(life.done() for life in living):
            until = time.monotonic() + WINDOWS
    return killed


def _left_alone(world: World, key: str) -> str:
    """Nobody clicks: it reminds, escalates, reminds again and expires by itself."""
    return str(world.submit("hurry_restart", key)["id"])


def _approved_and_run(world: World, key: str) -> str:
    """Approved by a person, consumed once, its outcome reported."""
    row = world.submit("contest_scale", key)
    here, agent = f"/requests/{row['ref']}", world.people["agent"]
    lead = world.people["leads"][len(key) % 10]
    body = {"verdict": "approve", "comment": ""}
    decided = world.surely("decide", "POST", f"{here}/decisions", lead["token"], body)
    assert decided.status_code == 200 or decided.json()["code"] == "already_decided", decided.text
    parameters = {"parameters": {"replicas": 8}}
    used = world.surely(
        "consume", "POST", f"{here}/consume", agent, parameters, **{"Idempotency-Key": key}
    )
    assert used.status_code == 200, used.text
    again = world.surely(
        "consume", "POST", f"{here}/consume", agent, parameters, **{"Idempotency-Key": "other"}
    )
    assert again.json()["code"] == "already_consumed", again.text
    told = world.surely("outcome", "POST", f"{here}/outcome", agent, {"status": "success"})
    assert told.status_code == 200, told.text
    return str(row["id"])


def _asked_and_answered(world: World, key: str) -> str:
    """A question that is never answered: the pause ends by itself, then time runs out."""
    row = world.submit("hurry_scale", key)
    lead = world.people["leads"][0]
    body = {"verdict": "investigate", "comment": "Why now?"}
    asked = world.surely("ask", "POST", f"/requests/{row['ref']}/decisions", lead["token"], body)
    assert asked.status_code in {200, 409, 410}, asked.text
    return str(row["id"])


def redis_gone(world: World, *, seconds: float) -> Figures:
    """Redis is stopped; submit, decide, time out and escalate must go on."""
    world.redis.stop()
    began, rounds = time.monotonic(), 0
    quiet: list[str] = []
    decided = 0
    slowest = 0.0
    try:
        while time.monotonic() - began < seconds:
            at = time.monotonic()
            row = world.submit("contest_scale", f"redis-{rounds}")
            answer = world.decide(
                row["ref"], world.people["leads"][rounds % 20]["token"], "approve"
            )
            decided += answer.status_code == 200
            quiet.append(world.submit("hurry_restart", f"quiet-{rounds}")["ref"])
            slowest = max(slowest, time.monotonic() - at)
            rounds += 1
            time.sleep(0.5)
        ended = wait_for(lambda: _all_expired(world, quiet), 30)
    finally:
        world.redis.start()
    found = world.settle()
    return {
        "seconds without Redis": round(time.monotonic() - began, 1),
        "requests": rounds * 2,
        "decided": decided,
        "expired": ended,
        "slowest submit and decide s": round(slowest, 2),
        "events": {
            kind: found["events"].get(kind, 0) for kind in ("request.escalated", "request.expired")
        },
        "lateness p50/p99/max s": _spread(found["lateness"]),
        "broken": found["broken"],
    }


def _all_expired(world: World, refs: list[str]) -> int:
    expired = sum(world.read(ref)["status"] == "expired" for ref in refs)
    return expired if expired == len(refs) else 0


def audit_unwritable(world: World, *, attempts: int) -> Figures:
    """No event can be written: nothing changes, everybody is told to come back, and then it works."""
    ref = world.submit("contest_scale", "audit-0")["ref"]
    before = world.read(ref)
    world.within("break_audit")
    statuses: Counter[int] = Counter()
    retry_after = 0
    try:
        for number in range(attempts):
            answer = _attempt(world, ref, number)
            statuses[answer.status_code] += 1
            retry_after += "retry-after" in answer.headers
        unchanged = world.read(ref) == before
    finally:
        world.within("mend_audit")
    recovered = world.decide(ref, world.people["leads"][0]["token"], "approve").status_code == 200
    found = world.settle()
    return {
        "attempts": attempts,
        "answers": dict(statuses),
        "with Retry-After": retry_after,
        "unchanged": unchanged,
        "recovered without a restart": recovered,
        "broken": found["broken"],
    }


def _attempt(world: World, ref: str, number: int) -> httpx.Response:
    lead = world.people["leads"][number % 20]
    if number % 4 == 0:
        body = {"action": "contest_scale", "target": "x", "parameters": {}}
        return world.call("POST", "/requests", world.people["agent"], body)
    if number % 4 == 1:
        return world.call("POST", f"/requests/{ref}/cancel", world.people["agent"], {})
    return world.decide(ref, lead["token"], "deny" if number % 4 == 2 else "approve")


def _spread(values: list[float]) -> list[float]:
    if not values:
        return []
    return [values[len(values) // 2], values[int(len(values) * 0.99)], values[-1]]
