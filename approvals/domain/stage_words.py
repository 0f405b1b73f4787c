"""What each stage allows, in words that every page and message shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from approvals.domain.policy.checks import Layer
from approvals.domain.terms import Stage

MEANS = {
    Stage.SHADOW: "Suggests; nothing runs",
    Stage.SUPERVISED: "Only low risk runs by itself",
    Stage.AUTONOMOUS: "Rules and the risk matrix decide",
    Stage.FULL: "Runs listed actions by itself up to medium risk",
}


def with_stage(agent: str, checks: Sequence[Mapping[str, Any]]) -> str:
    """The agent with the stage its request was judged at, which stays true whatever its stage is now;
    the name alone where no stage was set or nothing of the kind was checked."""
    judged = (check for check in checks if check.get("check") == Layer.AUTONOMY)
    named = next((dict(check.get("values") or {}).get("stage") for check in judged), None)
    if named not in list(Stage):
        return agent
    means = MEANS[Stage(str(named))]
    return f"{agent} ({named} when it asked: {means[0].lower()}{means[1:]})"
