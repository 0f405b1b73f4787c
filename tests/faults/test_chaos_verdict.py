"""`make chaos` fails when a figure is not as it must be."""

from __future__ import annotations

from typing import Any

import pytest

from bench import chaos

GOOD: dict[str, Any] = {
    "broken": [],
    "clicks": 97,
    "answers": {200: 97},
    "later than 3 s": 0,
    "one click alone s": [0.5, 0.5, 0.5],
    "decided": 100,
}
BAD: dict[str, dict[str, Any]] = {
    "all refused": {"answers": {503: 97}, "decided": 3},
    "one refused": {"answers": {200: 96, 503: 1}},
    "one without an answer": {"answers": {200: 96, 0: 1}},
    "one too late": {"later than 3 s": 1},
    "alone too late": {"one click alone s": [0.5, 3.1, 0.5]},
    "one not decided": {"decided": 99},
    "one decided twice": {"decided": 101},
    "broken": {"broken": ["REQ-1 has 2 final decisions"]},
}


def test_clicks_that_were_all_answered_in_time_pass() -> None:
    assert chaos.wrong("acks-200-ms", GOOD) == []


@pytest.mark.parametrize("changes", BAD.values(), ids=BAD)
def test_what_is_late_wrong_or_lost_fails(changes: dict[str, Any]) -> None:
    assert len(chaos.wrong("acks-200-ms", GOOD | changes)) >= 1


@pytest.mark.parametrize("promise", ["lost", "doubled", "not shown", "out of order"])
def test_a_storm_that_loses_something_fails(promise: str) -> None:
    assert chaos.wrong("slack-storm", {"broken": [], promise: 0}) == []
    assert chaos.wrong("slack-storm", {"broken": [], promise: 1}) == [f"{promise}: 1"]
