"""A document of kind AgentPolicy: what some agents may touch, do, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
from approvals.domain.policy.reading import Place, Value
from approvals.domain.policy.rules import ActionRule
from approvals.domain.policy.scope import Scope

# Each section by the name in the guardrails form, and by the names teams already write.
SECTIONS: Mapping[str, str] = {
    "scope": "scope",
    "actions": "actions",
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
EVERY_AGENT = ("*",)


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

    @property
    def counts(self) -> bool:
        """Whether judging by it needs what happened before."""
        return bool(self.rates or self.breakers or self.attention)

    def concerns(self, agent: str) -> bool:
        return matches(agent, self.agents)


def read(name: str, body: Mapping[str, Value], *, place: Place, where: Value) -> AgentPolicy:
    """The sections of one document. Raises PolicyInvalid."""
    found: dict[str, Value] = {}
    for key, value in body.items():
        if key not in SECTIONS:
            continue
        section = SECTIONS[key]
        if section in found:
            raise value.fail(f"{key!r} says again what another key of this document says")
        found[section] = value
    if not found:
        raise where.fail("a policy needs at least one section, such as 'actions'")
    return AgentPolicy(
        name=name,
        agents=_agents(body),
        place=place,
        scope=scope.read(found["scope"], policy=name) if "scope" in found else None,
        rules=rules.read(found["actions"], policy=name) if "actions" in found else (),
        rates=rates.read(found["rates"], policy=name) if "rates" in found else (),
        breakers=breakers.read(found["breakers"], policy=name) if "breakers" in found else (),
        blast=blast.read(found["blast"], policy=name) if "blast" in found else None,
        data=classification.read(found["data"], policy=name) if "data" in found else None,
        autonomy=autonomy.read(found["autonomy"], policy=name) if "autonomy" in found else None,
        attention=attention.read(found["attention"], policy=name) if "attention" in found else None,
    )


def _agents(body: Mapping[str, Value]) -> tuple[str, ...]:
    if "agent" in body:
        if "agents" in body:
            raise body["agent"].fail("say 'agent' or 'agents', not both")
        return (body["agent"].text(),)
    if "agents" not in body:
        return EVERY_AGENT
    listed = tuple(item.text() for item in body["agents"].items())
    if not listed:
        raise body["agents"].fail(
            "an empty list would concern no agent; leave it out for every agent"
        )
    return listed
