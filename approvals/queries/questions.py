"""Of whom each question about a request was asked: it stands in the event that tells of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from approvals.domain.state import RequestState
from approvals.domain.terms import AskedOf, EventKind, Status
from approvals.models import AuditEvent
from approvals.models.requests import lookup

_KNOWN = frozenset(AskedOf)


def asked_of(ref: str, state: RequestState) -> AskedOf | None:
    """Whose answer the open question waits for; None, and no statement, where none is open."""
    if state.status is not Status.INVESTIGATING:
        return None
    where: dict[str, Any] = {f"request__{name}": value for name, value in lookup(ref).items()}
    events = AuditEvent.objects.filter(type=EventKind.INVESTIGATING.value, **where)
    last = events.order_by("-seq").first()
    return AskedOf.BOTH if last is None else of_event(last)


def told_by(events: Iterable[AuditEvent]) -> Mapping[tuple[str, datetime], AskedOf]:
    """Of whom each question was asked, by the asker's address and the moment, from events already read."""
    return {
        (event.actor.partition(":")[2], event.at): of_event(event)
        for event in events
        if event.type == EventKind.INVESTIGATING
    }


def of_event(event: AuditEvent) -> AskedOf:
    said = (event.entry.get("detail") or {}).get("asked_of")
    return AskedOf(said) if said in _KNOWN else AskedOf.BOTH
