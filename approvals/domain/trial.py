"""A test approval: a request of the service's own that goes round by one channel alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from approvals.domain.plan import Plan, Requirement, Rung, Stage
from approvals.domain.terms import Approval, RiskLevel

EFFECT = "channel_test"
ACTION = "channel.test"
LIFE = timedelta(minutes=10)
PREFIX = "trial:"
ONLY = "countersign/only"  # the label that names the one adapter that may hear of it


def seat(person: int) -> str:
    """The name by which a test asks one person alone; no team of a document bears such."""
    return f"{PREFIX}{person}"


def is_seat(name: str) -> bool:
    return name.startswith(PREFIX)


def only_adapter(effect: str, submission: Mapping[str, Any]) -> str | None:
    """The one adapter that may hear of this request; None where all of them may."""
    if effect != EFFECT:
        return None
    return str((submission.get("labels") or {}).get(ONLY, ""))


def plan(person: int, *, channel: str) -> Plan:
    """One person, one channel, ten minutes, no reminder and no question."""
    stage = Stage((Requirement(seat(person)),), (Rung(LIFE),))
    return Plan(
        risk=RiskLevel.LOW,
        approval=Approval.REQUIRED,
        stages=(stage,),
        remind_at=(),
        owner_may_decide=True,
        channels=(channel,),
    )
