"""Conditions by name: `maxReplicas: 20` holds when the replicas asked for are at most 20."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from approvals.domain.policy.circumstances import Circumstances
from approvals.domain.policy.reading import Place, Value
from approvals.domain.policy.subject import NOTHING, Subject


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a condition holds; None when it could not be told. `values` are what was compared."""

    holds: bool | None
    words: str
    values: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class Condition:
    """One named condition with its limit."""

    name: str
    limit: Any
    place: Place


def read(value: Value) -> tuple[Condition, ...]:
    """A list of one-key mappings, or one mapping. Raises PolicyInvalid for a name nobody knows."""
    bodies = value.items() if isinstance(value.plain, list) else [value]
    found = []
    for body in bodies:
        for name, limit in body.mapping(*NAMED).items():
            found.append(Condition(name, NAMED[name].read(limit), limit.place))
    return tuple(found)


def find(condition: Condition, subject: Subject, circumstances: Circumstances) -> Finding:
    """Whether it holds for this request."""
    return NAMED[condition.name].find(condition.limit, subject, circumstances)


@dataclass(frozen=True, slots=True)
class Named:
    """How one name is read and told."""

    read: Callable[[Value], Any]
    find: Callable[[Any, Subject, Circumstances], Finding]
    words: str


def _replicas(limit: int, subject: Subject, circumstances: Circumstances) -> Finding:
    del circumstances
    asked = subject.parameters.get("to_replicas", subject.parameters.get("replicas"))
    if not isinstance(asked, int):
        return Finding(None, "the parameters do not say how many replicas")
    return Finding(asked <= limit, f"{asked} replicas, at most {limit}", {"replicas": asked})


NAMED: Mapping[str, Named] = {
    "maxReplicas": Named(lambda value: value.whole(), _replicas, "at most so many replicas"),
}
