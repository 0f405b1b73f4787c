"""The laws of a request's life once more, for every order of five operations on a small plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from approvals.domain import running, workflow
from approvals.domain.errors import Refusal
from approvals.domain.plan import Plan, Requirement, Rung, Stage
from approvals.domain.state import Approver, Click, RequestState
from approvals.domain.terms import Approval, EventKind, RiskLevel, Status, Verdict
from tests.domain.laws import NOTHING, can_fill, check_edge
from tests.domain.scene import DIGEST, MINUTE, NOON

ADA, GRACE = Approver(1, "Ada", frozenset("A")), Approver(2, "Grace", frozenset("B"))
LIN, MALLORY = Approver(3, "Lin", frozenset("AB")), Approver(4, "Mallory", frozenset())
SMALL = Plan(
    RiskLevel.HIGH,
    Approval.REQUIRED,
    stages=(
        Stage((Requirement("A"), Requirement("B")), (Rung(4 * MINUTE), Rung(4 * MINUTE, ("C",)))),
    ),
    pause=3 * MINUTE,
    grant_life=5 * MINUTE,
)
IN_TURN = replace(
    SMALL,
    stages=(
        Stage((Requirement("A"),), (Rung(4 * MINUTE),)),
        Stage((Requirement("A"), Requirement("B")), (Rung(4 * MINUTE),)),
    ),
)
World = tuple[RequestState, datetime, int]
DEPTH = 5


def said(who: Approver, verdict: Verdict) -> Any:
    return lambda state, at: workflow.decide(state, Click(who, verdict, "words"), at=at)


OPERATIONS: dict[str, Any] = {
    **{
        f"{who.name} {verdict}": said(who, verdict)
        for who in (ADA, GRACE, LIN)
        for verdict in Verdict
    },
    "Mallory approves": said(MALLORY, Verdict.APPROVE),
    "the agent answers": lambda state, at: workflow.add_message(
        state, by_agent=True, go_on=False, at=at
    ),
    "the agent withdraws": lambda state, at: workflow.cancel(state, by="robo", at=at),
    "Ada revokes": lambda state, at: running.revoke(state, by="Ada", at=at),
    "consume k": lambda state, at: running.consume(state, key="k", shown=None, expected="x", at=at),
    "consume j": lambda state, at: running.consume(state, key="j", shown=None, expected="x", at=at),
    "two minutes": 2 * MINUTE,
    "four minutes": 4 * MINUTE,
}


def neighbours(world: World) -> list[World]:
    """Every world one operation away; time catches up before each, as in the ledger."""
    found = []
    for operation in OPERATIONS.values():
        state, now, used = world
        now += operation if isinstance(operation, timedelta) else NOTHING
        while (change := workflow.overdue(state, at=now)) is not None:
            check_edge(state, change, at=now)
            state = change.after
        if not isinstance(operation, timedelta):
            state, used = applied(operation, state, now, used)
        found.append((state, now, used))
    return found


def applied(
    operation: Any, state: RequestState, now: datetime, used: int
) -> tuple[RequestState, int]:
    try:
        change = operation(state, now)
    except Refusal:
        return state, used
    if change is None:
        return state, used
    check_edge(state, change, at=now)
    return change.after, used + (change.kind is EventKind.CONSUMED)


def check_world(world: World) -> None:
    state, _, used = world
    assert used <= 1
    assert state.expires_at == NOON + state.plan.longest
    assert MALLORY.id not in [seat.approver.id for seat in state.approvals]
    was_approved = state.status in {Status.APPROVED, Status.REVOKED}
    assert was_approved == all(is_filled(state, stage) for stage in range(len(state.plan.stages)))
    assert not (used and state.status is Status.REVOKED)


def is_filled(state: RequestState, number: int) -> bool:
    given = [seat.approver.teams for seat in state.approvals if seat.stage == number]
    return can_fill(state.plan.stages[number], state.rung if number == state.stage else 0, given)


@pytest.mark.parametrize("plan", [SMALL, IN_TURN], ids=["at once", "in turn"])
def test_every_order_of_five_operations_keeps_the_laws(plan: Plan) -> None:
    start: World = (workflow.opened(plan, action_sha256=DIGEST, at=NOON), NOON, 0)
    seen, edge = {start}, [start]
    for _ in range(DEPTH):
        nearby = dict.fromkeys(world for here in edge for world in neighbours(here))
        edge = [world for world in nearby if world not in seen]
        seen.update(edge)
        for world in edge:
            check_world(world)
    assert len(seen) > 1_000
    assert {state.status for state, _, _ in seen} == set(Status)
