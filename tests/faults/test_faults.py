"""Faults in their short form: kills, a lost Redis, an unwritable history, clicks through two doors.

`make chaos` runs the same at full length. COUNTERSIGN_CHAOS_SCALE multiplies both: 1 is two hundred.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from bench import faults
from bench.faults import Figures
from bench.world import World, a_world

pytestmark = [pytest.mark.faults, pytest.mark.postgres, pytest.mark.timeout(600)]
SCALE = float(os.environ.get("COUNTERSIGN_CHAOS_SCALE", "0.1"))
MANY = max(10, round(200 * SCALE))


@pytest.fixture
def world() -> Iterator[World]:
    with a_world() as made:
        yield made


def told(figures: Figures) -> Figures:
    """The figures, said aloud, after the check that every invariant holds."""
    print(figures)
    assert figures["broken"] == []
    return figures


def test_clicks_through_both_doors_at_once_make_one_decision_each(world: World) -> None:
    figures = told(faults.race(world, requests=MANY))
    assert figures["final decisions"] == MANY
    assert figures["clicks"] == MANY * 20
    assert figures["refusals in history"] == MANY * 19
    assert figures["losers by API told who won"] == figures["losers by API"]
    losers = figures["losers by API"] + figures["losers by Slack told who won"]
    assert losers == MANY * 19
    assert figures["answers 5xx"] == 0
    assert not figures["other answers"]


def test_killed_processes_lose_nothing_and_double_nothing(world: World) -> None:
    figures = told(faults.kills(world, requests=MANY, seed=7))
    assert sum(figures["killed"].values()) >= 5
    assert (figures["lost"], figures["doubled"]) == (0, 0)
    assert set(figures["statuses"]) == {"approved", "expired"}
    assert set(figures["answers 5xx"]) <= {503}


def test_without_redis_all_goes_on(world: World) -> None:
    figures = told(faults.redis_gone(world, seconds=max(15, 60 * SCALE)))
    assert figures["decided"] == figures["expired"] == figures["requests"] // 2
    assert figures["events"]["request.escalated"] == figures["expired"]
    assert figures["lateness p50/p99/max s"][-1] < 15


def test_without_history_nothing_is_decided(world: World) -> None:
    figures = told(faults.audit_unwritable(world, attempts=MANY))
    assert figures["answers"] == {503: MANY}
    assert figures["with Retry-After"] == MANY
    assert figures["unchanged"]
    assert figures["recovered without a restart"]
