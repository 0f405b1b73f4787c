"""More time for the people asked, taken from the pause their plan allows: the hard end never moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from approvals.domain import errors, workflow
from approvals.domain.state import Approver, Change, RequestState, clock
from approvals.domain.terms import EventKind, Status

STEP = timedelta(minutes=30)
LEAST = timedelta(minutes=1)  # less helps nobody


def room(state: RequestState) -> timedelta:
    """How much one person may add now; nothing where the plan has none left, or while the clock stands."""
    if state.status is not Status.PENDING:
        return timedelta(0)
    most = min(STEP, state.pause_open)
    return most if most >= LEAST else timedelta(0)


def add(state: RequestState, approver: Approver, *, at: datetime) -> Change:
    """Move the current deadline. Reminders still to come move with it, and later ones asked lose nothing.

    Raises AlreadyDecided, Expired, OwnAgent, NotAnApprover, or Conflict when there is nothing to add.
    """
    workflow.refuse_closed(state, at=at)
    workflow.refuse_stranger(state, approver, at=at)
    if state.status is Status.INVESTIGATING:
        raise errors.Conflict("The clock stands while a question is open. Nothing was added.")
    added = room(state)
    if not added:
        raise errors.Conflict(
            f"There is no time left to add: decide by {clock(state.decide_by)}. Nothing was changed."
        )
    later = replace(state, decide_by=state.decide_by + added, pause_left=state.pause_left - added)
    detail = {"seconds": int(added.total_seconds()), "decide_by": later.decide_by.isoformat()}
    return Change(EventKind.TIME_ADDED, later, detail=detail)
