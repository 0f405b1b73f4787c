"""The infinite loop: an agent that reacts to its own effect, stopped by a rate or by a breaker.

It scales up because an alert rings; the new replicas open more connections, so the alert rings again.
Each step is small and reasonable. Through the real service, as an agent and people would.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.stories.world import World
from tests.support.service import StartService

pytestmark = pytest.mark.faults
RATES = """
rate_limits:
  scaling_events: {max_per_hour: 10, max_increase_per_event: 50%}
"""
ROLLBACKS = """
circuit_breakers:
  rollback_count: {threshold: 3, window: 1h, action: require_human_review}
"""
QUICK = """
circuit_breakers:
  error_rate: {threshold: 10%, window: 5m, minimum: 2, action: pause_and_alert, rest: 3s}
"""
MANY = 30


class Loop:
    """The agent and what it does to the world: every scaling up rings the alert that made it scale."""

    def __init__(self, world: World, *, ends: str = "success") -> None:
        self.world = world
        self.ends = ends
        self.replicas = 4
        self.alerts = 1

    def react(self) -> dict[str, Any]:
        """Answer one alert: ask, and when allowed run and report. What the service said first."""
        body = {
            "action": "scale_up",
            "target": "production-api",
            "parameters": {"from_replicas": self.replicas, "to_replicas": self.replicas + 1},
            "reasoning": "Too many connections for each replica",
            "context": {"triggered_by": f"monitoring_alert_{self.alerts}"},
        }
        row = self.world.call(self.world.robo, "POST", "/requests", body)
        if row["status"] == "approved":
            self.run(row["ref"])
        return row

    def run(self, ref: str) -> None:
        self.world.call(self.world.robo, "POST", f"/requests/{ref}/consume")
        self.replicas += self.ends == "success"
        self.alerts += 1
        outcome = {"status": self.ends, "cost": 15}
        self.world.call(self.world.robo, "POST", f"/requests/{ref}/outcome", outcome)

    def react_until_stopped(self) -> dict[str, Any]:
        """As long as it is allowed; nothing in the agent itself would ever stop it."""
        for _ in range(MANY):
            row = self.react()
            if row["status"] != "approved":
                return row
        raise AssertionError(f"{MANY} times round, and nobody stopped it")


def with_limits(start_service: StartService, limits: str) -> World:
    service = start_service()
    world = World(service)
    code = f"from tests.services.limits import in_force; in_force({limits!r})"
    seeded = service.run("shell", "-v", "0", "-c", code)
    assert seeded.returncode == 0, seeded.stderr
    return world


def breakers(world: World, phase: str) -> list[dict[str, Any]]:
    found = world.call(world.people["lin"], "GET", f"/breakers?agent=robo&phase={phase}")
    items: list[dict[str, Any]] = found["items"]
    return items


def step(row: dict[str, Any], check: str) -> dict[str, Any]:
    """The step of this name that stood against it."""
    return next(
        each for each in row["evaluation"] if each["check"] == check and each["leads_to"] != "auto"
    )


def test_a_rate_stops_the_loop_however_reasonable_each_step(start_service: StartService) -> None:
    loop = Loop(world := with_limits(start_service, RATES))
    stopped = loop.react_until_stopped()

    assert (stopped["status"], stopped["reason_code"]) == ("denied", "rate_limited")
    assert (loop.replicas, loop.alerts) == (14, 11)
    said = step(stopped, "rate_limit")
    assert "10 scaling events an hour: 10 were let through since" in said["words"]
    assert (said["values"]["limit"], said["values"]["used"]) == (10, 10)
    assert {loop.react()["status"] for _ in range(5)} == {"denied"}
    seen = world.call(world.people["ada"], "GET", "/requests?agent=robo&status=denied")["items"]
    assert len(seen) == 6
    told = world.call(world.people["lin"], "GET", "/alerts?kind=rate_limit_approaches")["items"]
    assert [alert["agent"] for alert in told] == ["robo"]


def test_a_breaker_stops_the_loop_and_a_person_looks(start_service: StartService) -> None:
    loop = Loop(world := with_limits(start_service, ROLLBACKS), ends="rolled_back")
    asked = loop.react_until_stopped()

    assert (asked["status"], loop.alerts) == ("pending", 4)
    assert "3 rollbacks were reported within 1 h" in step(asked, "circuit_breaker")["words"]
    [breaker] = breakers(world, "open")
    assert (breaker["kind"], breaker["does"]) == ("rollback_count", "require_human_review")
    [alert] = world.call(world.people["lin"], "GET", "/alerts?kind=circuit_breaker_activations")[
        "items"
    ]
    assert "3 rollbacks" in alert["words"]

    world.decide("lin", asked["ref"], "deny", "It answers its own alert. The pool is too small.")
    assert loop.react()["status"] == "pending", "a no to one is no leave for the next"
    reset = f"/breakers/{breaker['id']}/reset"
    closed = world.call(world.people["ada"], "POST", reset, {"reason": "The pool is larger now."})
    assert closed["phase"] == "closed"
    loop.ends = "success"
    assert loop.react()["status"] == "approved"
    events = world.call(world.people["ada"], "GET", "/audit-events?type=breaker.closed")["items"]
    assert [event["actor"] for event in events] == ["person:ada@example.com"]


def test_after_its_rest_the_loop_gets_one_try_at_a_time(start_service: StartService) -> None:
    loop = Loop(world := with_limits(start_service, QUICK), ends="failure")
    assert loop.react_until_stopped()["reason_code"] == "breaker_open"
    assert loop.alerts == 3

    half_open(world)
    assert loop.react()["status"] == "approved"
    assert loop.react()["reason_code"] == "breaker_open", "the trial failed: a new rest"
    loop.ends = "success"
    half_open(world)
    assert [loop.react()["status"] for _ in range(3)] == ["approved"] * 3
    [closed] = breakers(world, "closed")
    assert closed["close_reason"].endswith("succeeded.")


def half_open(world: World) -> None:
    """Wait until the list shows it so; nothing but time has to happen."""
    give_up = time.monotonic() + 60
    while not breakers(world, "half_open"):
        assert time.monotonic() < give_up, "its rest never ended"
        time.sleep(0.2)
