"""What happened: events, deliveries, and the chains that bind them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import QuerySet

from approvals.domain.terms import OPEN, Status
from approvals.models import ApprovalRequest, AuditEvent, ChainHead, Delivery
from approvals.models.outbox import DeliveryState
from approvals.models.requests import lookup

_OPEN = [status.value for status in OPEN]


def events_of(row: ApprovalRequest, *, after: int = -1) -> QuerySet[AuditEvent]:
    """A request's history in order, from behind a position."""
    return AuditEvent.objects.filter(request=row, seq__gt=after).order_by("seq")


def deliveries_of(row: ApprovalRequest) -> QuerySet[Delivery]:
    return Delivery.objects.filter(request=row).order_by("id")


def dead_deliveries() -> QuerySet[Delivery]:
    """Promises that were given up, newest first."""
    return (
        Delivery.objects.filter(state=DeliveryState.DEAD.value)
        .select_related("request")
        .order_by("-id")
    )


def events(filters: Mapping[str, Any]) -> QuerySet[AuditEvent]:
    """History by `request agent action target actor type session after before`, newest first."""
    found = AuditEvent.objects.select_related("request").order_by("-id")
    for name in ("agent", "action", "target", "actor", "type", "session"):
        if filters.get(name):
            found = found.filter(**{name: filters[name]})
    if filters.get("request"):
        found = found.filter(
            **{f"request__{key}": value for key, value in lookup(filters["request"]).items()}
        )
    if filters.get("after"):
        found = found.filter(at__gte=filters["after"])
    return found.filter(at__lt=filters["before"]) if filters.get("before") else found


def told(event: AuditEvent) -> dict[str, Any]:
    """One line of history as auditors read it: what was hashed, its hash, and what the request said.

    `entry` is exactly what was hashed. The fields beside it come from the request's first event, to
    which `parameters_sha256` binds them.
    """
    row = event.request
    submission: Mapping[str, Any] = row.submission if row else {}
    return {
        "timestamp": event.entry["timestamp"],
        "seq": event.seq,
        "type": event.type,
        "chain": event.chain,
        "request": str(row.public_id) if row else None,
        "ref": row.ref if row else None,
        "actor": event.actor,
        "agent": event.agent,
        "session": event.session,
        "action": event.action,
        "target": event.target,
        "parameters": submission.get("parameters"),
        "reasoning": submission.get("reasoning"),
        "context": submission.get("context"),
        "approval": _approval(event),
        "basis": event.entry.get("basis") or None,
        "reason_code": event.entry.get("reason_code") or None,
        "policy_version": event.entry.get("policy_version"),
        "outcome": event.entry.get("outcome"),
        "rollback_available": (submission.get("rollback") or {}).get("available"),
        "state_before": (submission.get("rollback") or {}).get("state_before"),
        "how_to_undo": (submission.get("rollback") or {}).get("how"),
        "detail": event.entry.get("detail"),
        "entry": event.entry,
        "prev": event.entry["prev"],
        "hash": event.hash,
    }


def _approval(event: AuditEvent) -> dict[str, Any] | None:
    """How the request was allowed, as far as this event knows."""
    entry = event.entry
    if not entry.get("status") or entry["status"] in _OPEN:
        return None
    kinds = {"policy": "auto_approved", "person": "approved", "timeout": "approved_by_timeout"}
    approved = entry["status"] == Status.APPROVED
    return {
        "type": kinds.get(entry["basis"], entry["basis"]) if approved else entry["status"],
        "policy": entry.get("reason_code"),
        "by": (entry.get("detail") or {}).get("by"),
    }


def chains() -> Iterable[tuple[str, str, int, QuerySet[AuditEvent]]]:
    """Every chain: its name, recorded head and length, and its events in order."""
    for head in ChainHead.objects.order_by("chain"):
        events_of_chain = AuditEvent.objects.filter(chain=head.chain).order_by("seq")
        yield head.chain, head.head, head.position, events_of_chain
    for row in (
        ApprovalRequest.objects.only("number", "chain_head", "position")
        .order_by("number")
        .iterator()
    ):
        yield (
            row.ref,
            row.chain_head,
            row.position,
            AuditEvent.objects.filter(chain=row.ref).order_by("seq"),
        )


def is_over(row: ApprovalRequest) -> bool:
    """True when nothing more can happen to a request that anybody would wait for."""
    return row.status not in _OPEN and (
        row.status != Status.APPROVED or row.outcome is not None or row.grant_lapsed
    )
