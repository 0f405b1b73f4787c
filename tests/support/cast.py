"""The people and programs of the tests, made by the real services.

Lin leads a team, Ada manages, Grace does security, Chen and Dana sit on the change board, Sam owns
the agent Robo, and Mallory should get nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from approvals.domain import canonical
from approvals.domain.terms import Verdict
from approvals.models import Agent, AgentKey, ApprovalRequest, Person
from approvals.models.people import Role
from approvals.services import actors, agents, asking, clock, lifecycle, people, policies

POLICIES = Path(__file__).resolve().parents[2] / "policies"
OPERATOR = actors.operator("the tests")
PASSWORD = "correct-horse-battery"  # of whoever signs in with a browser
TEAMS: dict[str, tuple[str, ...]] = {
    "lin": ("team-leads",),
    "ada": ("managers",),
    "grace": ("security",),
    "chen": ("change-board",),
    "dana": ("change-board",),
    "sam": ("team-leads", "managers"),
    "mallory": (),
}
ROLES = {"ada": Role.MANAGER, "grace": Role.AUDITOR}


def frame() -> dict[str, str]:
    """The teams and the matrix of the default policies, without their rules and limits."""
    shipped = (POLICIES / "default.yaml").read_text().split("\n---\n")
    return {"frame.yaml": "\n---\n".join(p for p in shipped if "kind: AgentPolicy" not in p)}


@cache
def _shipped() -> tuple[dict[str, str], str]:
    """The default policies and their hash: read once a process, for nobody writes them meanwhile."""
    files = policies.read_directory(POLICIES)
    return files, canonical.digest(dict(files))


def policy() -> int:
    """Put the default policies in force where they are not; the number of the version."""
    files, sha256 = _shipped()
    newest = policies.newest()
    if newest is not None and newest.sha256 == sha256:
        return newest.number  # reading them all again would be most of what a test costs
    version, _ = policies.apply(files=files, author="tests", actor=OPERATOR, at=clock.now())
    return version.number


def person(
    name: str = "lin",
    *,
    teams: Sequence[str] | None = None,
    role: Role | None = None,
    password: str | None = None,
) -> Person:
    """Somebody of the cast by first name, or anybody else; made once, then found."""
    policy()
    return people.add(
        email=f"{name.lower()}@example.com",
        name=name.capitalize(),
        teams=TEAMS.get(name.lower(), ()) if teams is None else teams,
        role=role or ROLES.get(name.lower()),
        password=password,
        actor=OPERATOR,
        at=clock.now(),
    )


def token(someone: Person, *scopes: str, days: int | None = None) -> str:
    """A personal token; every scope unless some are named."""
    return people.issue_token(
        person=someone, scopes=scopes or people.SCOPES, days=days, actor=OPERATOR, at=clock.now()
    )


def agent(name: str = "robo", *, owner: Person | None = None) -> tuple[Agent, str]:
    """An agent of Sam's, and its raw key; found again by name, then with one more key."""
    policy()
    known = Agent.objects.filter(name=name).first()
    if known is not None:
        return known, agents.issue_key(
            agent=known, name="another", by=None, actor=OPERATOR, at=clock.now()
        )
    return agents.add(name=name, owner=owner or person("sam"), actor=OPERATOR, at=clock.now())


def submission(**changes: Any) -> dict[str, Any]:
    """The scaling request of a deployment bot: medium risk. A change to None leaves a field out."""
    body: dict[str, Any] = {
        "action": "scale_deployment",
        "target": "production-api",
        "parameters": {"from_replicas": 5, "to_replicas": 8},
        "reasoning": "CPU utilization exceeded threshold (85% > 80%) for 15 minutes",
        "impact": {"summary": "Three more replicas", "cost_per_hour_usd": 45, "pods": 3},
        "session": "sess_abc123",
        "context": {
            "triggered_by": "monitoring_alert_12345",
            "related_incidents": ["INC-2026-0219"],
        },
        "rollback": {"available": True, "how": "Scale back to 5", "state_before": {"replicas": 5}},
    }
    return {name: value for name, value in (body | changes).items() if value is not None}


LOW: dict[str, Any] = {
    "action": "create_ticket",
    "target": "tickets/ops",
    "parameters": {"title": "Disk is filling"},
}
HIGH: dict[str, Any] = {
    "action": "config_change",
    "target": "production-api",
    "parameters": {"timeout": 30},
}
CRITICAL: dict[str, Any] = {
    "action": "database_migration",
    "target": "orders",
    "parameters": {"version": 42},
}
FORBIDDEN: dict[str, Any] = {"action": "drop_database", "target": "orders", "parameters": {}}


def request(
    by: Agent | None = None,
    *,
    at: datetime | None = None,
    idempotency_key: str | None = None,
    **changes: Any,
) -> ApprovalRequest:
    """A submitted request; Robo's medium-risk scaling unless changed."""
    robo = by or agent()[0]
    row, _ = asking.submit(
        agent=robo,
        key=AgentKey.objects.filter(agent=robo).first(),
        submission=submission(**changes),
        idempotency_key=idempotency_key,
        at=at or clock.now(),
    )
    return row


def approved(by: Agent | None = None, **changes: Any) -> ApprovalRequest:
    """A medium-risk request that Lin approved."""
    row = request(by, **changes)
    return decide(row, person("lin"))


def decide(
    row: ApprovalRequest,
    someone: Person,
    verdict: Verdict = Verdict.APPROVE,
    comment: str = "",
    at: datetime | None = None,
) -> ApprovalRequest:
    return lifecycle.decide(
        ref=row.ref,
        person=someone,
        verdict=verdict,
        comment=comment,
        at=at or clock.now(),
        channel="test",
    )


def fresh_sign_ins() -> None:
    """Let approvals above low risk take a fresh sign-in; make whoever is needed before."""
    files = policies.read_directory(POLICIES)
    files["default.yaml"] = files["default.yaml"].replace(
        "    approval: required\n", "    approval: required\n    step_up: true\n"
    )
    policies.apply(files=files, author="tests", actor=OPERATOR, at=clock.now())
