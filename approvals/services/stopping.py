"""Stop an agent by somebody who may: its owner, a manager, or an operator."""

from __future__ import annotations

from datetime import datetime

from approvals.domain import errors
from approvals.models import Agent, Person
from approvals.models.people import Role
from approvals.services import actors, agents

STOPPERS = frozenset({Role.MANAGER, Role.OPERATOR})


def may_stop(person: Person, agent: Agent) -> bool:
    """Never the service itself."""
    if agent.name == agents.ITSELF or not person.is_active:
        return False
    return Role(person.role) in STOPPERS or agent.owner_id == person.pk


def stop(*, agent: Agent, person: Person, reason: str, at: datetime) -> None:
    """Refuse everything it asks from now on. Raises NotAllowed."""
    if not may_stop(person, agent):
        raise errors.NotAllowed(
            "Only the agent's owner, a manager or an operator can stop it. It was not stopped."
        )
    agents.stop(agent=agent, at=at, actor=actors.person(person), reason=reason)
