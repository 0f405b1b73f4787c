"""A document of kind AgentPolicy: what some agents may touch, do, and how often."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from approvals.domain.policy import (
    attention,
    autonomy,
    blast,
    breakers,
    classification,
    rates,
    rules,
    scope,
)  # fmt: skip
from approvals.domain.policy.attention import Attention
from approvals.domain.policy.autonomy import AutonomyRules
from approvals.domain.policy.blast import BlastRadius
from approvals.domain.policy.breakers import Breaker
from approvals.domain.policy.classes import matches
from approvals.domain.policy.classification import DataRules
from approvals.domain.policy.rates import Rate
from approvals.domain.policy.reading import Gathered, Place, Value, each_of
from approvals.domain.policy.rules import ActionRule, Rulebook
from approvals.domain.policy.scope import Scope

# The part of `AgentPolicy` that each key fills: as the guardrails form calls it, and as teams write it.
SECTIONS: Mapping[str, str] = {
    "scope": "scope",
    "actions": "rules",
    "rateLimits": "rates",
    "rate_limits": "rates",
    "circuitBreaker": "breakers",
    "circuitBreakers": "breakers",
    "circuit_breakers": "breakers",
    "blastRadius": "blast",
    "blast_radius": "blast",
    "dataClassification": "data",
    "data_classification": "data",
    "autonomy": "autonomy",
    "attention": "attention",
}
READERS: Mapping[str, Callable[..., Any]] = {
    "scope": scope.read,
    "rules": rules.read,
    "rates": rates.read,
    "breakers": breakers.read,
    "blast": blast.read,
    "data": classification.read,
    "autonomy": autonomy.read,
    "attention": attention.read,
}
EVERY_AGENT = ("*",)
ITSELF = "countersign"  # the agent the service asks as


@dataclass(frozen=True, slots=True)
class AgentPolicy:
    """One document; a section it does not have restricts nothing."""

    name: str
    agents: tuple[str, ...]
    place: Place
    scope: Scope | None = None
    rules: tuple[ActionRule, ...] = ()
    rates: tuple[Rate, ...] = ()
    breakers: tuple[Breaker, ...] = ()
    blast: BlastRadius | None = None
    data: DataRules | None = None
    autonomy: AutonomyRules | None = None
    attention: Attention | None = None
    _book: Rulebook = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_book", Rulebook.of(self.rules))

    def naming(self, action: str) -> list[ActionRule]:
        """The rules whose pattern fits an action."""
        return self._book.naming(action)

    @property
    def counts(self) -> bool:
        """Whether judging by it needs what happened before."""
        return bool(self.rates or self.breakers or self.attention)

    def concerns(self, agent: str) -> bool:
        """The service itself is meant only by its own name: no limit on agents may lock the door to
        changing it. The matrix judges its requests, at least at risk high."""
        if agent == ITSELF:
            return ITSELF in self.agents
        return matches(agent, self.agents)


def read(name: str, body: Mapping[str, Value], *, place: Place, where: Value) -> AgentPolicy:
    """The sections of one document. Raises PolicyInvalid with what is wrong in each of them."""
    met = Gathered()
    parts: dict[str, Any] = {}
    for section, value in _sections(body, where, met).items():
        with met.also():
            parts[section] = READERS[section](value, policy=name)
    agents: tuple[str, ...] = EVERY_AGENT
    with met.also():
        agents = _agents(body)
    met.settle()
    return AgentPolicy(name=name, agents=agents, place=place, **parts)


def _sections(body: Mapping[str, Value], where: Value, met: Gathered) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for key, value in body.items():
        section = SECTIONS.get(key)
        if section is None:
            continue
        if section in found:
            words = f"{key!r} says again what another key of this document says"
            met.problems.extend(value.fail(words).problems)
        found.setdefault(section, value)
    if not found:
        words = "a policy needs at least one section, such as 'actions'"
        met.problems.extend(where.fail(words).problems)
    return found


def _agents(body: Mapping[str, Value]) -> tuple[str, ...]:
    if "agent" in body:
        if "agents" in body:
            raise body["agent"].fail("say 'agent' or 'agents', not both")
        return (body["agent"].name(),)
    if "agents" not in body:
        return EVERY_AGENT
    listed = each_of(body["agents"].items(), Value.name)
    if not listed:
        raise body["agents"].fail(
            "an empty list would concern no agent; leave it out for every agent"
        )
    return listed
