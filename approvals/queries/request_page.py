"""What the page of one request shows beside its card: who looks, what is held, who is away, what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from approvals.domain.terms import EventKind
from approvals.models import (
    Absence,
    ApprovalRequest,
    AuditEvent,
    HeldDecision,
    Person,
    RequestLook,
    absences,
)

# Each of these makes the version one higher: something that people should read.
RAISES_VERSION = frozenset(
    {
        EventKind.INVESTIGATING.value,
        EventKind.RESUMED.value,
        EventKind.MESSAGE_ADDED.value,
        EventKind.STAGE_PASSED.value,
        EventKind.CARD_SHARED.value,
    }
)


def looks_at(row: ApprovalRequest) -> list[RequestLook]:
    """Everybody who opened its page, in the order they first did."""
    return list(
        RequestLook.objects.filter(request=row).select_related("person").order_by("first_at", "id")
    )


def held_on(row: ApprovalRequest) -> list[HeldDecision]:
    """What is held or was, oldest first."""
    return list(HeldDecision.objects.filter(request=row).select_related("person").order_by("id"))


def held_for(row: ApprovalRequest) -> list[HeldDecision]:
    """What waits on the leader of its card and counts for this one, too, oldest first. Who decided
    before this came onto the card did not decide it."""
    if row.joined_id is None or row.closed_at is not None:
        return []
    waits = HeldDecision.objects.filter(
        request=row.joined_id, undone_at=None, released_at=None
    ).select_related("person", "request")
    found = list(waits.order_by("id"))
    if not found:
        return []
    shared = AuditEvent.objects.filter(request=row.joined_id, type=EventKind.CARD_SHARED.value)
    came = [
        event.entry["detail"]["version"]
        for event in shared.order_by("seq")
        if row.ref in (event.entry["detail"].get("joined") or ())
    ]
    return [held for held in found if came and held.version >= came[-1]]


def away(people: Iterable[Person], *, at: datetime) -> Mapping[int, Absence]:
    """Who of these is away at this moment, by their number."""
    found = absences.in_force(at).filter(person__in=list(people))
    return {each.person_id: each for each in found}


def raised_since(events: Iterable[AuditEvent], version: int) -> list[AuditEvent]:
    """The events by which a request came from this version to its present one."""
    at, found = 1, []
    for event in events:
        if event.type not in RAISES_VERSION:
            continue
        told = (event.entry.get("detail") or {}).get("version")
        at = told if isinstance(told, int) else at + 1
        if at > version:
            found.append(event)
    return found
