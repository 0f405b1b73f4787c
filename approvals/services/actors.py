"""Who caused something, as history names them."""

from __future__ import annotations

from dataclasses import dataclass

from approvals.domain.terms import ActorKind
from approvals.models import Agent, Person


@dataclass(frozen=True, slots=True)
class Actor:
    """`name` is stable (an e-mail address, an agent's name); `title` is what people read."""

    kind: ActorKind
    name: str
    title: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


SYSTEM = Actor(ActorKind.SYSTEM, "timers", "the service")
POLICY = Actor(ActorKind.POLICY, "policy", "policy")


def person(someone: Person) -> Actor:
    return Actor(ActorKind.PERSON, someone.email, str(someone))


def agent(program: Agent) -> Actor:
    return Actor(ActorKind.AGENT, program.name, f"agent {program.name}")


def operator(name: str) -> Actor:
    return Actor(ActorKind.OPERATOR, name, f"operator {name}")
