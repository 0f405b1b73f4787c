"""What must hold of every change of a request, said a second time and simply.

Seats are filled when some order of distinct people fills them, tried one order after another.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations

from approvals.domain.plan import Stage
from approvals.domain.state import Change, RequestState
from approvals.domain.terms import Basis, EventKind, OnTimeout, Status, Verdict

NOTHING = timedelta(0)
EDGES = {
    (Status.PENDING, Status.PENDING),
    (Status.PENDING, Status.INVESTIGATING),
    (Status.INVESTIGATING, Status.INVESTIGATING),
    (Status.INVESTIGATING, Status.PENDING),
    (Status.APPROVED, Status.APPROVED),
    (Status.APPROVED, Status.REVOKED),
} | {
    (still_open, final)
    for still_open in (Status.PENDING, Status.INVESTIGATING)
    for final in (Status.APPROVED, Status.DENIED, Status.EXPIRED, Status.CANCELLED)
}


def can_fill(stage: Stage, rung: int, people: list[frozenset[str]]) -> bool:
    """Whether some order of distinct people fills every seat: tried one order after another."""
    asked = {team for step in stage.rungs[: rung + 1] for team in step.also}
    seats = [{want.team} | asked for want in stage.requirements for _ in range(want.quorum)]
    return any(
        all(seat & person for seat, person in zip(seats, order, strict=True))
        for order in permutations(people, len(seats))
    )


def all_teams_asked(state: RequestState) -> set[str]:
    stage = state.plan.stages[state.stage]
    later = {team for step in stage.rungs[: state.rung + 1] for team in step.also}
    return later | {want.team for want in stage.requirements}


def check_edge(before: RequestState, change: Change, *, at: datetime) -> None:
    """What must hold of every single change, whoever made it."""
    after = change.after
    assert (before.status, after.status) in EDGES
    assert after.expires_at == before.expires_at
    assert after.plan == before.plan
    assert after.version >= before.version
    assert NOTHING <= after.pause_left <= before.pause_left
    assert (after.stage, after.rung) >= (before.stage, before.rung)
    assert after.approvals[: len(before.approvals)] == before.approvals
    if not after.status.is_final:
        assert after.decide_by <= after.expires_at
        assert (after.paused_at is not None) == (after.status is Status.INVESTIGATING)
    else:
        assert after.closed_at is not None
        assert after.basis is not None
        assert after.paused_at is None
    if change.kind is EventKind.ESCALATED:
        assert at < before.expires_at
    if before.paused_at is not None and after.status is Status.PENDING:
        asked_for = min(at - before.paused_at, before.pause_left)
        assert after.pause_left == before.pause_left - asked_for
    if len(after.approvals) > len(before.approvals):
        people = [seat.approver.id for seat in after.approvals]
        assert len(people) == len(set(people))
    if after.status is Status.EXPIRED:
        assert (after.basis, after.reason_code) == (Basis.TIMEOUT, "no_decision_in_time")
        assert at >= before.decide_by
    if after.status is Status.DENIED:
        assert change.click is not None
        assert change.click.verdict is Verdict.DENY
    if after.status is Status.APPROVED and not before.status.is_final:
        check_approval(before, change)


def check_approval(before: RequestState, change: Change) -> None:
    assert change.after.grant is not None
    assert before.stage == len(before.plan.stages) - 1
    if change.click is None:
        assert change.after.basis is Basis.TIMEOUT
        assert before.current.on_timeout is OnTimeout.APPROVE
        assert (
            before.decide_by - before.window_opened_at >= before.current.rungs[before.rung].window
        )
        return
    assert change.click.verdict is Verdict.APPROVE
    assert change.after.basis is Basis.PERSON
