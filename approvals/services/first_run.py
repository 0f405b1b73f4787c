"""What a service needs before its first request: a policy, a first manager, an agent to try it with."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import transaction

from approvals.models import Agent, Person, PolicyVersion
from approvals.models.people import Role
from approvals.services import actors, agents, people, policies

DEMO_AGENT = "demo-agent"
DEMO_OWNER = "agent.owner@example.com"
FIRST_MANAGER = "manager@example.com"
DEMO_KEY_FILE = "demo_agent_key"


@dataclass(frozen=True, slots=True)
class FirstRun:
    """What was made just now and is shown once; empty where it existed before."""

    policy_version: int
    manager: str = ""
    password: str = ""
    agent_key: str = ""


def prepare(
    *,
    policy_dir: Path,
    data_dir: Path,
    at: datetime,
    email: str = "",
    password: str = "",
    demo: bool = True,
) -> FirstRun:
    """Make what is missing; run twice, it makes nothing twice.

    Raises PolicyInvalid when the first policy cannot be read.
    """
    operator = actors.operator("first-run")
    with transaction.atomic():
        newest = PolicyVersion.objects.order_by("-number").first()
        if newest is None:
            files = policies.read_directory(policy_dir)
            newest, _ = policies.apply(files=files, author="first run", actor=operator, at=at)
        manager, chosen = (
            _manager(email, password, at=at) if not Person.objects.exists() else ("", "")
        )
        key = _demo_agent(data_dir, at=at) if demo and not Agent.objects.exists() else ""
    return FirstRun(newest.number, manager, chosen, key)


def _manager(email: str, password: str, *, at: datetime) -> tuple[str, str]:
    """The first manager leads and manages; the password is made up unless it was given."""
    chosen = password or secrets.token_urlsafe(12)
    person = people.add(
        email=email or FIRST_MANAGER,
        name="First manager" if not email else "",
        at=at,
        actor=actors.operator("first-run"),
        teams=("team-leads", "managers"),
        role=Role.MANAGER,
        password=chosen,
    )
    return person.email, "" if password else chosen


def _demo_agent(data_dir: Path, *, at: datetime) -> str:
    """An agent to try the service with; its key also lies in DATA_DIR, where `make demo` finds it."""
    operator = actors.operator("first-run")
    owner = people.add(email=DEMO_OWNER, name="Agent owner", at=at, actor=operator)
    _, raw = agents.add(name=DEMO_AGENT, owner=owner, at=at, actor=operator)
    data_dir.mkdir(parents=True, exist_ok=True)
    file = os.open(data_dir / DEMO_KEY_FILE, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as out:
        out.write(raw + "\n")
    return raw
