"""Slack in a storm, and Slack's answers when the database is slow, each in its short form.

`make chaos ARGS=slack-storm`, `acks-slow-commits`, `acks-20-ms` and `acks-200-ms` are the long ones.
"""

from __future__ import annotations

import pytest

from bench import acks, storms
from bench.faults import Figures
from bench.line import Line
from bench.world import a_world

pytestmark = [
    pytest.mark.faults, pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(900),
]  # fmt: skip


@pytest.mark.parametrize("undo", [0, 2], ids=["at once", "held"])
def test_a_storm_delays_and_loses_nothing(undo: int) -> None:
    """Also while decisions made by a click are held, and every message is edited twice for them."""
    with a_world(undo=undo) as world:
        figures = storms.slack(world, requests=40, seconds=10, seed=7)
    print(figures)
    assert figures["decided by a click"] > 0
    assert figures["broken"] == []
    assert sum(figures["weather"].values()) > figures["weather"]["calm"]
    for promise in ("lost", "doubled", "not shown", "shows no present", "out of order"):
        assert figures[promise] == 0, promise
    assert figures["endings in history"] == figures["requests"] == 40
    assert set(figures["deliveries"]) <= {"sent", "superseded"}


def test_slack_is_answered_when_commits_are_slow() -> None:
    """Every click in time, and each counts once."""
    line = Line()
    with a_world(through=line) as world:
        figures = acks.measure(world, line, rate=20, seconds=5, commit=0.2)
    print(figures)
    assert_each_counts_once_and_in_time(figures)


def test_slack_is_answered_when_every_statement_is_slow() -> None:
    """A click is written down, answered, and decided when its turn comes: see docs/benchmarks.md."""
    line = Line()
    with a_world(through=line) as world:
        figures = acks.measure(world, line, rate=20, seconds=5, round_trip=0.2)
    print(figures)
    assert_each_counts_once_and_in_time(figures)


def assert_each_counts_once_and_in_time(figures: Figures) -> None:
    """`broken` would name a request that was decided twice."""
    assert acks.wrong(figures) == []
    assert figures["decided"] == figures["clicks"] + len(figures["one click alone s"]) == 100
