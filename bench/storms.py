"""A vendor in a storm: limits and broken connections for minutes, while people go on deciding."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.faults import Figures
from bench.world import World, wait_for
from tests.fakes.slack import Fault, done_and_gone, limited
from tests.fakes.slack_faults import gone

STORMY = ("chat.postMessage", "chat.update", "conversations.history")
CARD = "approval_request"
VERSION = re.compile(r"-v(\d+)-")
DRIVERS = 8
CARRIED_OUT = (
    10.0  # how much later than its moment a held decision may be given out on a busy machine
)
FOUND_AGAIN = 150.0  # a post that broke several times is tried again after up to a minute
CALM_AFTER = 720.0  # the longest pause between two attempts is ten minutes by then


class Weather:
    """What happens to each call: a third of them fails, each way in its share."""

    def __init__(self, seed: int) -> None:
        self.blown: Counter[str] = Counter()
        self.is_over = False
        self._chance = random.Random(seed)
        self._lock = threading.Lock()

    def __call__(self, method: str) -> Fault | None:
        if self.is_over or method not in STORMY:
            return None
        with self._lock:
            kind = self._chance.choices(
                ("calm", "limited", "dropped before", "dropped after"), (65, 15, 10, 10)
            )[0]
            seconds = self._chance.randint(1, 3)
            self.blown[kind] += 1
        return {
            "calm": None,
            "limited": limited(seconds),
            "dropped before": gone(),
            "dropped after": done_and_gone(),
        }[kind]


def slack(world: World, *, requests: int, seconds: float, seed: int) -> Figures:
    """So many requests to one channel, submitted and decided while the storm lasts."""
    weather = Weather(seed)
    world.slack.weather = weather
    decided: dict[str, tuple[str, str]] = {}
    gap = 0.8 * seconds / requests
    began = time.monotonic()

    def live(number: int) -> None:
        time.sleep(max(0.0, began + number * gap - time.monotonic()))
        ref = str(world.submit("contest_scale", f"storm-{number}")["ref"])
        decided[ref] = _decide(world, ref, number)

    with ThreadPoolExecutor(DRIVERS) as pool:
        ending = threading.Timer(seconds, lambda: setattr(weather, "is_over", True))
        ending.start()
        list(pool.map(live, range(requests)))
    ending.join()
    calm = time.monotonic()
    found = wait_for(lambda: _all_sent(world), CALM_AFTER, every=5.0)
    caught_up = time.monotonic() - calm
    return _figures(world, weather, decided, found) | {
        "seed": seed,
        "seconds of storm": round(calm - began, 1),
        "seconds to catch up": round(caught_up, 1),
    }


def _decide(world: World, ref: str, number: int) -> tuple[str, str]:
    """One decision each: by the API, or by a click once the message is there; `(by, verdict)`."""
    lead = world.people["leads"][number % 20]
    time.sleep(0.3 * (number % 5))
    if number % 4 == 0:
        message = world.message(ref, seconds=FOUND_AGAIN)
        answer = world.knock(world.slack.click(message, "approve", user=lead["slack"]))
        if answer.status_code == 200 and _is_carried_out(world, ref):
            return "click", "approved"
    if number % 4 == 1:
        asked = world.decide(ref, lead["token"], "investigate", "Why now?")
        assert asked.status_code == 200, asked.text
    verdict = "deny" if number % 4 == 2 else "approve"
    answer = world.decide(ref, lead["token"], verdict)
    assert answer.status_code == 200, answer.text
    return "api", {"deny": "denied", "approve": "approved"}[verdict]


def _is_carried_out(world: World, ref: str) -> bool:
    """Whether a click counted, once it could no longer be undone."""
    ending = time.monotonic() + world.undo + (CARRIED_OUT if world.undo else 0.0)
    while (status := world.read(ref)["status"]) != "approved" and time.monotonic() < ending:
        time.sleep(0.2)
    return bool(status == "approved")


def _all_sent(world: World) -> Figures | None:
    found: Figures = world.within("verify")
    return None if found["deliveries"].get("waiting") else found


def _figures(
    world: World, weather: Weather, decided: dict[str, tuple[str, str]], found: Figures
) -> Figures:
    shown = _shown(world)
    copies = _copies(world)
    stale = [
        ref
        for ref, (_, verdict) in decided.items()
        if not any(_shows(message, verdict) for message in copies.get(ref, ()))
    ]
    lost = [ref for ref, (_, verdict) in decided.items() if world.read(ref)["status"] != verdict]
    events = found["events"]
    return {
        "requests": len(decided),
        "calls": len(world.slack.calls),
        "weather": dict(weather.blown),
        "deliveries": found["deliveries"],
        "decided by a click": sum(by == "click" for by, _ in decided.values()),
        "decided by the API": sum(by == "api" for by, _ in decided.values()),
        "endings in history": events.get("request.approved", 0) + events.get("request.denied", 0),
        "lost": len(lost),
        "doubled": sum(text.startswith("decided twice") for text in found["broken"]),
        "not shown": len(set(decided) - set(copies)),
        "shows no present": len(stale),
        "out of order": sum(_went_back(states) for states in shown.values()),
        "messages doubled": sum(len(each) - 1 for each in copies.values()),
        "clickable after the end": sum(
            message.button("approve") is not None for each in copies.values() for message in each
        ),
        "broken": found["broken"],
    }


def _shown(world: World) -> dict[str, list[tuple[int, bool]]]:
    """For each request, in order, the version that Slack was made to show and whether it was closed."""
    found: dict[str, list[tuple[int, bool]]] = defaultdict(list)
    for call in list(world.slack.calls):
        ref = _ref(call.body)
        if ref and call.answer.get("ok") and call.method in STORMY:
            found[ref].append((_version(call.body), "approve" not in _actions(call.body)))
    return found


def _version(body: dict[str, Any]) -> int:
    """The version a card was drawn at; every block of ours is named by it."""
    named = VERSION.search(str(body["blocks"][0]["block_id"]))
    if named is None:
        raise ValueError("A card does not say which version it shows.")
    return int(named[1])


def _went_back(states: list[tuple[int, bool]]) -> bool:
    """Whether an older version of a request was shown after a newer one, or an open one after its end."""
    return states != sorted(states)


def _copies(world: World) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for message in world.slack.posted:
        if ref := _ref(message.content):
            found[ref].append(message)
    return found


def _shows(message: Any, verdict: str) -> bool:
    return message.button("approve") is None and verdict in str(message.content).lower()


def _ref(body: dict[str, Any]) -> str:
    """The request whose card this is; a note or a list beside it is none."""
    metadata = body.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("event_type") != CARD:
        return ""
    return str(metadata["event_payload"]["ref"])


def _actions(body: dict[str, Any]) -> set[str]:
    elements = [each for block in body.get("blocks") or () for each in block.get("elements", ())]
    return {str(each.get("action_id")) for each in elements}
