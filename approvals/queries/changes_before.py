"""What was known of somebody before a change: their role and manager, as earlier events say."""

from __future__ import annotations

from typing import Any

from approvals.domain.terms import EventKind
from approvals.models import AuditEvent

COMPARED = ("role", "manager")
KINDS = (EventKind.PERSON_ADDED.value, EventKind.PERSON_CHANGED.value)
MOST_LOOKED_AT = 500


def known_before(event: AuditEvent) -> dict[str, Any]:
    """The newest of each before this event, as far as the last changes of people go back; one statement."""
    detail = event.entry.get("detail")
    if event.type not in KINDS or not isinstance(detail, dict):
        return {}
    earlier = AuditEvent.objects.filter(chain=event.chain, type__in=KINDS, seq__lt=event.seq)
    found: dict[str, Any] = {}
    for each in earlier.order_by("-seq")[:MOST_LOOKED_AT]:
        said = each.entry.get("detail")
        if not isinstance(said, dict) or said.get("person") != detail.get("person"):
            continue
        found = {name: said[name] for name in COMPARED if said.get(name)} | found
    return found
