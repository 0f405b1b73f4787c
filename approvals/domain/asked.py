"""Which teams a request came before, whether or not anybody of them answered."""

from __future__ import annotations

from approvals.domain.plan import Plan
from approvals.domain.policy import on_call, superiors


def teams(plan: Plan, *, stage: int, rung: int) -> frozenset[str]:
    """The teams asked up to this rung of this stage; who is on call for a team, and the managers of its
    people, are asked as that team."""
    before = (name for passed in plan.stages[:stage] for name in passed.teams(0))
    now = plan.stages[stage].teams(rung) if plan.stages else ()
    return frozenset(_team(name) for name in (*before, *now))


def _team(name: str) -> str:
    return superiors.team_of(name) or on_call.team_of(name) or name
