"""What a note beside a card says, for the changes that ask for somebody's attention."""

from __future__ import annotations

from approvals.domain.policy import seats
from approvals.domain.state import Change, RequestState, clock
from approvals.domain.terms import EventKind, OutcomeStatus
from approvals.models import ApprovalRequest

# Once the request is closed, these would call people to something that is over.
MOOT_ONCE_CLOSED = frozenset(
    {
        EventKind.REMINDED,
        EventKind.ESCALATED,
        EventKind.SEAT_FILLED,
        EventKind.STAGE_PASSED,
        EventKind.INVESTIGATING,
    }
)
_WENT_WRONG = {
    OutcomeStatus.FAILURE.value: "it failed",
    OutcomeStatus.ROLLED_BACK.value: "it was rolled back",
}


def of(row: ApprovalRequest, change: Change) -> str:
    """The sentence or two of the note; empty where nobody need be called."""
    state = change.after
    match change.kind:
        case EventKind.REMINDED:
            return f"Still waiting: {row.ref} must be decided by {clock(state.decide_by)}."
        case EventKind.ESCALATED:
            also = " and ".join(map(seats.spoken, state.current.rungs[state.rung].also))
            by = clock(state.decide_by)
            return f"No decision in time: {row.ref} now also waits for {also}, by {by}."
        case EventKind.SEAT_FILLED:
            return _one_more(row, change)
        case EventKind.STAGE_PASSED:
            return _next_step(row, state)
        case EventKind.EXPIRED:
            return f"Nobody decided {row.ref} in time. Nothing ran. The agent can ask again."
        case EventKind.OUTCOME_REPORTED:
            return _went_wrong(row, state)
    return ""


def _one_more(row: ApprovalRequest, change: Change) -> str:
    state = change.after
    who = change.click.approver.name if change.click else "Somebody"
    left = state.current.seats - state.filled
    more = "One more person is" if left == 1 else f"{left} more people are"
    return (
        f"{who} approved {row.ref}: {state.filled} of {state.current.seats}. "
        f"{more} needed, by {clock(state.decide_by)}. Nothing has run."
    )


def _next_step(row: ApprovalRequest, state: RequestState) -> str:
    asked = " and ".join(map(seats.spoken, state.teams_asked))
    return (
        f"Step {state.stage} of {len(state.plan.stages)} of {row.ref} is approved. It now waits for "
        f"{asked}, by {clock(state.decide_by)}. Nothing has run."
    )


def _went_wrong(row: ApprovalRequest, state: RequestState) -> str:
    what = _WENT_WRONG.get(str((state.outcome or {}).get("status")), "")
    return f"{row.ref} was approved, and the agent reports that {what}." if what else ""
