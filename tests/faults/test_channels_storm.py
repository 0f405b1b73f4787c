"""Slack in a storm, and Slack's answers when the database is slow, each in its short form.

`make chaos ARGS=slack-storm`, `acks-slow-commits`, `acks-20-ms` and `acks-200-ms` are the long ones.
"""

from __future__ import annotations

import pytest

from bench import acks, storms
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
    """Alone in time; at twenty a second every click counts, however long a busy machine takes."""
    line = Line()
    with a_world(through=line) as world:
        figures = acks.measure(world, line, rate=20, seconds=5, commit=0.2)
    print(figures)
    assert figures["broken"] == []
    assert figures["answers"] == {200: figures["clicks"]}
    assert max(figures["one click alone s"]) < acks.LIMIT
    assert figures["decided"] == 100


def test_what_a_far_database_has_no_time_for_is_refused_honestly_and_never_lost() -> None:
    """200 ms for every statement is more than a click's statements can bear: see docs/benchmarks.md."""
    line = Line()
    with a_world(through=line) as world:
        figures = acks.measure(world, line, rate=20, seconds=5, round_trip=0.2)
    print(figures)
    assert figures["broken"] == []
    assert set(figures["answers"]) <= {200, 503}
    assert figures["decided"] >= figures["answers"].get(200, 0)
