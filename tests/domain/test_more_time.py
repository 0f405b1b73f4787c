"""People may move a deadline by the time their plan sets aside for questions, and no further."""

from __future__ import annotations

from dataclasses import replace

import pytest

from approvals.domain import errors, more_time, workflow
from approvals.domain.terms import EventKind, Status
from tests.domain.scene import (
    ADA,
    GRACE,
    HIGH,
    LIN,
    MALLORY,
    MEDIUM,
    MINUTE,
    SAM,
    a_request,
    approve,
    deny,
    investigate,
    minutes,
)


def test_thirty_minutes_at_most_and_never_past_the_hard_end() -> None:
    asked = a_request(replace(MEDIUM, pause=40 * MINUTE))
    change = more_time.add(asked, LIN, at=minutes(1))
    assert change.kind is EventKind.TIME_ADDED
    assert change.after.decide_by == minutes(35)
    assert change.after.expires_at == asked.expires_at
    assert change.after.version == asked.version
    again = more_time.add(change.after, SAM, at=minutes(2)).after
    assert again.decide_by == minutes(45)
    with pytest.raises(errors.Conflict, match="no time left to add"):
        more_time.add(again, LIN, at=minutes(3))


def test_those_asked_later_lose_nothing() -> None:
    asked = more_time.add(a_request(), LIN, at=minutes(1)).after
    higher = workflow.overdue(asked, at=asked.decide_by)
    assert higher is not None
    assert higher.kind is EventKind.ESCALATED
    assert higher.after.decide_by == asked.decide_by + 5 * MINUTE == asked.expires_at


def test_time_that_was_added_is_not_there_for_questions() -> None:
    asked = more_time.add(a_request(replace(MEDIUM, pause=40 * MINUTE)), LIN, at=minutes(1)).after
    open_question = investigate(asked, LIN, minutes(2))
    assert open_question.decide_by == minutes(45)
    assert open_question.decide_by <= open_question.expires_at - 5 * MINUTE


def test_who_may_not_decide_adds_nothing() -> None:
    for who in (MALLORY, ADA):
        with pytest.raises(errors.NotAnApprover):
            more_time.add(a_request(), who, at=minutes(1))
    with pytest.raises(errors.OwnAgent):
        more_time.add(a_request(conflicted=frozenset({SAM.id})), SAM, at=minutes(1))


def test_nothing_is_added_to_a_clock_that_stands_or_has_run_out() -> None:
    with pytest.raises(errors.Conflict, match="question is open"):
        more_time.add(investigate(a_request(), LIN), LIN, at=minutes(1))
    with pytest.raises(errors.Expired):
        more_time.add(a_request(HIGH), ADA, at=minutes(6))
    with pytest.raises(errors.AlreadyDecided):
        more_time.add(deny(a_request(), LIN), LIN, at=minutes(1))
    assert not more_time.room(investigate(a_request(), LIN))
    assert not more_time.room(a_request(replace(MEDIUM, pause=0 * MINUTE)))


def test_an_approval_given_before_still_counts() -> None:
    half = approve(a_request(HIGH), ADA)
    assert approve(more_time.add(half, ADA, at=minutes(1)).after, GRACE).status is Status.APPROVED
