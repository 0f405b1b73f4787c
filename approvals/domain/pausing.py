"""Questions and the clock: while one is open it stands still, within what the policy allows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from approvals.domain import errors
from approvals.domain.state import Change, Click, RequestState, clock
from approvals.domain.terms import AskedOf, EventKind, Status

# Whom a question can be for, where an agent has an owner.
WHOM = {
    AskedOf.BOTH.value: "The agent or its owner, whoever answers first",
    AskedOf.OWNER.value: "Only its owner",
    AskedOf.AGENT.value: "Only the agent",
}


def whom(code: str) -> AskedOf:
    """Whom somebody picked; either where nothing could be picked. Raises Invalid for what is not offered."""
    if code and code not in WHOM:
        raise errors.Invalid("Pick who shall answer. Nothing was asked.", field="asked_of")
    return AskedOf(code or AskedOf.BOTH)


def ask(state: RequestState, click: Click, *, at: datetime) -> Change:
    """Open a question, which stops the clock. Raises Conflict or PauseUsedUp."""
    if state.status is Status.INVESTIGATING:
        raise errors.Conflict("A question is already open. Add to it as a message, or decide.")
    if state.pause_open <= timedelta(0):
        raise errors.PauseUsedUp(
            f"The time for questions is used up and the clock runs: decide by {clock(state.decide_by)}."
        )
    asked = replace(
        state,
        status=Status.INVESTIGATING,
        version=state.version + 1,
        paused_at=at,
        investigator=click.approver.id,
        pause_left=state.pause_open,
        decide_by=state.decide_by + state.pause_open,
    )
    detail = {"question": click.comment}
    if click.asked_of is not AskedOf.BOTH:
        detail["asked_of"] = click.asked_of.value
    return Change(EventKind.INVESTIGATING, asked, click, detail)


def clock_on(state: RequestState, *, at: datetime) -> RequestState:
    """End a pause: give back the part of it that was not used."""
    if state.paused_at is None:
        return replace(state, status=Status.PENDING)
    used = max(at - state.paused_at, timedelta(0))  # a click may have been read before the question
    unused = max(state.pause_left - used, timedelta(0))
    return replace(
        state,
        status=Status.PENDING,
        paused_at=None,
        investigator=None,
        pause_left=unused,
        decide_by=state.decide_by - unused,
    )


def resume(state: RequestState, *, at: datetime, why: str) -> Change:
    """Let the clock run again. Raises NotInvestigating when it already does."""
    if state.status is not Status.INVESTIGATING:
        raise errors.NotInvestigating("No question is open, so there is nothing to resume.")
    running = replace(clock_on(state, at=at), version=state.version + 1)
    return Change(EventKind.RESUMED, running, detail={"why": why})
