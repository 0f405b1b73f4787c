"""What the tests of rates and breakers share: a policy with limits, and outcomes to report."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from approvals.models import Agent, ApprovalRequest, Person
from approvals.services import clock, grants, outcomes, policies
from tests.support import cast

ALLOWED = """
actions:
  allowed: [deploy_service, rollback, send_message, scale_up, restart_pod]
  requires_approval: [promote_release]
"""


def in_force(text: str, *, name: str = "limits") -> None:
    """Put the default policies in force with these limits beside them. Call it after the cast is made."""
    files = policies.read_directory(cast.POLICIES)
    files |= {"allowed.yaml": ALLOWED, f"{name}.yaml": text}
    policies.apply(files=files, author="tests", actor=cast.OPERATOR, at=clock.now())


def everybody() -> Agent:
    """The whole cast, made before a policy of the test's own is applied; Robo."""
    for name in cast.TEAMS:
        cast.person(name)
    return cast.agent()[0]


def somebody(name: str) -> Person:
    return Person.objects.get(email=f"{name}@example.com")


def ask(
    robo: Agent, action: str = "deploy_service", *, at: datetime, **changes: Any
) -> ApprovalRequest:
    """A request that policy lets through unless a limit says otherwise."""
    small = {"pods": 1, "replica_percent": 10}
    told = {"from_replicas": 10, "to_replicas": 11} if action.startswith("scale") else {}
    plain: dict[str, Any] = {"impact": small, "target": "shop", "parameters": told}
    return cast.request(robo, at=at, **(plain | {"action": action} | changes))


def use(row: ApprovalRequest, *, at: datetime) -> ApprovalRequest:
    return grants.consume(ref=row.ref, agent=row.agent, key="", parameters=None, at=at)


def report(
    row: ApprovalRequest, status: str = "success", *, at: datetime, **more: Any
) -> ApprovalRequest:
    """Use the approval, unless it was used before, and say how it went."""
    if row.consumed_at is None:
        row = use(row, at=at)
    outcome = {"status": status, **more}
    return outcomes.report(ref=row.ref, agent=row.agent, outcome=outcome, at=at)


def run(
    robo: Agent,
    status: str = "success",
    action: str = "deploy_service",
    *,
    at: datetime,
    **more: Any,
) -> ApprovalRequest:
    """Ask, use and report within one moment."""
    return report(ask(robo, action, at=at), status, at=at, **more)


def step_of(row: ApprovalRequest, check: str, ending: str = "") -> dict[str, Any]:
    """The step of this name in a request's evaluation, by how its rule ends."""
    return next(
        step for step in row.evaluation if step["check"] == check and step["rule"].endswith(ending)
    )
