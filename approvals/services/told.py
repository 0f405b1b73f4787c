"""What of an event's line of history leaves the house."""

from __future__ import annotations

from typing import Any

from approvals.domain.terms import EventKind
from approvals.models import Delivery
from approvals.ports import event_body

_TOLD = frozenset(
    {
        "request",
        "agent",
        "action",
        "target",
        "session",
        "parameters_sha256",
        "status",
        "basis",
        "reason_code",
        "outcome",
    }
)


def body_of(delivery: Delivery) -> dict[str, Any]:
    """The frozen body of the event a delivery tells of; empty where it tells of none."""
    if delivery.event is None:
        return {}
    event = delivery.event
    data = {key: value for key, value in event.entry.items() if key in _TOLD}
    return event_body(EventKind(event.type), event.at, {**data, "position": event.seq})
