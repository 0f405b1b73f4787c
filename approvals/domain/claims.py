"""What the agent says of its request, made safe to draw; none of it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from approvals.domain import display, touched
from approvals.domain.display import Shown

CLAIM_LIMIT = 2_000


@dataclass(frozen=True, slots=True)
class Claim:
    """Something the agent says; not checked."""

    name: str
    shown: Shown


def claims_of(submission: Mapping[str, Any], *, is_ours: bool = False) -> tuple[Claim, ...]:
    """What the agent says, whom it reaches first; of the service's own requests, what a person wrote.

    `is_ours`: the rest of such a submission was computed by the service and stands among the facts.
    """
    if is_ours:
        reason = display.show(str(submission.get("reasoning") or ""), limit=CLAIM_LIMIT)
        return (Claim("Reason of who proposed it", reason),) if reason.text else ()
    impact = submission.get("impact") or {}
    rollback = submission.get("rollback") or {}
    context = submission.get("context") or {}
    resource = submission.get("resource") or {}
    where = [str(resource[key]) for key in ("namespace", "type") if resource.get(key)]
    reached = touched.recipients(submission)
    texts: list[tuple[str, object]] = [
        ("Data", touched.data(submission)),
        ("Reason", submission.get("reasoning")),
        ("Impact", impact.get("summary")),
        *((_IMPACTS[key], impact[key]) for key in _IMPACTS if impact.get(key) is not None),
        ("Where", " / ".join(where)),
        ("Risk", submission.get("risk_reason")),
        *(
            (f"Alternative {n}", text)
            for n, text in enumerate(submission.get("alternatives") or (), 1)
        ),
        ("Can be undone", rollback.get("available")),
        ("How to undo", rollback.get("how")),
        ("State before", rollback.get("state_before")),
        *((str(key).replace("_", " ").capitalize(), value) for key, value in context.items()),
    ]
    said = tuple(
        Claim(
            display.show_identifier(name, limit=60).text,
            display.show(_text(value), limit=CLAIM_LIMIT),
        )
        for name, value in texts
        if value not in (None, "")
    )
    # First, because channels that must shorten leave out what stands last.
    return (Claim("Recipients", reached), *said) if reached else said


_IMPACTS = {
    "cost_per_hour_usd": "Cost, USD per hour",
    "pods": "Pods",
    "replica_percent": "Replicas, percent",
    "users": "Users",
}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_text(item)}" for key, item in value.items())
    return str(value)
