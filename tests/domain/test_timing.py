"""Spans as people write them, and the promises about time a request makes now."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from approvals.domain import pausing, running, timing
from approvals.domain.terms import TimerKind
from approvals.domain.timing import Due
from tests.domain.scene import (
    LIN,
    MINUTE,
    a_request,
    an_approved_request,
    deny,
    investigate,
    minutes,
    time_passes,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("5m", 300), ("4 h", 14400), ("1d", 86400), (90, 90), ("30d", 2592000)],
)
def test_a_span_is_read_as_people_write_it(text: object, seconds: int) -> None:
    assert timing.span(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "5 minutes", "-5m", "1.5h", "m", "٥m", True, 2.5, None, "5m5s"]
)
def test_anything_else_is_refused_in_words(text: object) -> None:
    with pytest.raises(ValueError, match="such as 30s, 5m, 4h or 1d"):
        timing.span(text)


@pytest.mark.parametrize("text", ["0s", 0, "31d", "9999999d"])
def test_a_span_is_more_than_nothing_and_at_most_a_month(text: object) -> None:
    with pytest.raises(ValueError, match="at most 30d"):
        timing.span(text)


def test_a_waiting_request_promises_a_reminder_and_a_deadline() -> None:
    assert timing.timers(a_request()) == (
        Due(TimerKind.REMIND, minutes(2.5)),
        Due(TimerKind.DEADLINE, minutes(5)),
    )


def test_reminders_follow_one_another_and_end() -> None:
    assert timing.timers(a_request(reminded=1))[0] == Due(TimerKind.REMIND, minutes(4.5))
    assert timing.timers(a_request(reminded=2)) == (Due(TimerKind.DEADLINE, minutes(5)),)


def test_those_asked_later_are_reminded_within_their_own_window() -> None:
    higher = time_passes(a_request(reminded=2), minutes(5))
    assert timing.timers(higher) == (
        Due(TimerKind.REMIND, minutes(7.5)),
        Due(TimerKind.DEADLINE, minutes(10)),
    )


def test_an_open_question_promises_only_the_end_of_its_pause() -> None:
    asked = investigate(a_request(), LIN, minutes(1))
    assert timing.timers(asked) == (Due(TimerKind.RESUME, minutes(16)),)


def test_after_a_question_reminders_count_the_longer_window() -> None:
    asked = investigate(a_request(), LIN, minutes(1))
    going_on = pausing.resume(asked, at=minutes(3), why="answered").after
    assert timing.timers(going_on) == (
        Due(TimerKind.REMIND, minutes(3.5)),
        Due(TimerKind.DEADLINE, minutes(7)),
    )


def test_an_unused_grant_promises_its_end_and_a_used_one_nothing() -> None:
    approved = an_approved_request()
    assert timing.timers(approved) == (Due(TimerKind.GRANT_EXPIRY, minutes(15)),)
    used = running.consume(approved, key="k", shown=None, expected="x", at=minutes(1))
    assert used is not None
    assert timing.timers(used.after) == ()
    assert timing.timers(time_passes(approved, minutes(15))) == ()
    assert timing.timers(replace(approved, grant=None)) == ()


def test_the_end_promises_nothing() -> None:
    assert timing.timers(deny(a_request(), LIN)) == ()


def test_a_deadline_of_a_hurried_agent_is_its_own() -> None:
    assert timing.timers(a_request(limit=2 * MINUTE))[1] == Due(TimerKind.DEADLINE, minutes(2))
