"""What is judged: the agent and what it says it wants to do. All of it is the agent's own claim."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from approvals.domain.terms import DataClass, RiskLevel

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Subject:
    """A submission as the layers see it. Text is compared as it came; absent text is empty.

    `impact` holds what the agent stated of `summary`, `cost_per_hour_usd`, `pods`,
    `replica_percent` and `users`; `texts` is all prose it wrote for people, and
    `prose` the same and what it says beside, by the JSON pointer of each part of the submission.
    """

    agent: str
    action: str
    target: str
    parameters: Mapping[str, Any]
    claimed: RiskLevel | None = None
    impact: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    namespace: str = ""
    resource_type: str = ""
    data_class: DataClass | None = None
    aggregated: bool = False
    recipients: tuple[str, ...] = ()
    context: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    texts: tuple[str, ...] = ()
    prose: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


# Where an agent writes for people, beside the parameters.
PROSE = (
    "reasoning", "impact", "risk_reason", "alternatives", "session", "context", "rollback", "labels",
)  # fmt: skip


def subject_of(agent: str, submission: Mapping[str, Any]) -> Subject:
    """Read a validated submission, as the doors hand it on."""
    claimed, data = submission.get("risk"), submission.get("data_classification")
    resource = submission.get("resource") or {}
    return Subject(
        agent=agent,
        action=submission["action"],
        target=submission["target"],
        parameters=submission["parameters"],
        claimed=RiskLevel(claimed) if claimed else None,
        impact=submission.get("impact") or {},
        namespace=resource.get("namespace") or "",
        resource_type=resource.get("type") or "",
        data_class=DataClass(data) if data else None,
        aggregated=bool(submission.get("aggregated")),
        recipients=tuple(submission.get("recipients") or ()),
        context=submission.get("context") or {},
        texts=tuple(_texts(submission)),
        prose={f"/{name}": submission[name] for name in PROSE if submission.get(name)},
    )


def _texts(submission: Mapping[str, Any]) -> Iterator[str]:
    for name in ("reasoning", "risk_reason"):
        yield submission.get(name) or ""
    yield (submission.get("impact") or {}).get("summary") or ""
    yield from submission.get("alternatives") or ()
    yield from (submission.get("labels") or {}).values()
    yield (submission.get("rollback") or {}).get("how") or ""
