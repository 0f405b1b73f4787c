"""Append history: one event, chained to the one before it, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from approvals.domain import chain
from approvals.domain.terms import EventKind
from approvals.models import ApprovalRequest, AuditEvent, ChainHead
from approvals.services.actors import Actor

SERVICE_CHAIN = "service"


def append(
    row: ApprovalRequest,
    kind: EventKind,
    *,
    actor: Actor,
    at: datetime,
    detail: Mapping[str, Any],
) -> AuditEvent:
    """Add an event to a request's chain. The caller holds the row's lock and saves the row after."""
    event = following(row, kind, actor=actor, at=at, detail=detail)
    event.save(force_insert=True)
    return event


def following(
    row: ApprovalRequest,
    kind: EventKind,
    *,
    actor: Actor,
    at: datetime,
    detail: Mapping[str, Any],
) -> AuditEvent:
    """The next event of a request's chain, not yet written; the row already counts it."""
    entry = {
        **_facts(row, kind),
        "chain": row.ref,
        "seq": row.position,
        "type": kind.value,
        "timestamp": stamp(at),
        "actor": str(actor),
        "detail": dict(detail),
        "prev": row.chain_head,
    }
    event = _event(entry, at=at, request=row)
    row.position += 1
    row.chain_head = event.hash
    return event


def append_service(
    kind: EventKind, *, actor: Actor, at: datetime, detail: Mapping[str, Any]
) -> AuditEvent:
    """Add an event that belongs to no request (an agent, a person, a policy). Needs a transaction."""
    head = hold_service()
    entry = {
        "chain": SERVICE_CHAIN,
        "seq": head.position,
        "type": kind.value,
        "timestamp": stamp(at),
        "actor": str(actor),
        "agent": str(detail.get("agent", "")),
        "detail": dict(detail),
        "prev": head.head,
    }
    event = _event(entry, at=at, request=None)
    event.save(force_insert=True)
    head.position += 1
    head.head = event.hash
    head.save(update_fields=["position", "head"])
    return event


def hold_service() -> ChainHead:
    """The head of the service's own chain, locked until the transaction ends: the last lock anybody takes."""
    ChainHead.objects.get_or_create(chain=SERVICE_CHAIN, defaults={"head": chain.GENESIS})
    return ChainHead.objects.select_for_update().get(chain=SERVICE_CHAIN)


def exported(*, actor: Actor, at: datetime, filters: Mapping[str, str], form: str) -> None:
    """Write down that history was written out: by whom, of what, in which form."""
    with transaction.atomic():
        append_service(
            EventKind.AUDIT_EXPORTED,
            actor=actor,
            at=at,
            detail={"filters": dict(filters), "format": form},
        )


def stamp(at: datetime) -> str:
    """A moment as history writes it: RFC 3339, UTC, microseconds, Z."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _event(entry: dict[str, Any], *, at: datetime, request: ApprovalRequest | None) -> AuditEvent:
    return AuditEvent(
        chain=entry["chain"],
        seq=entry["seq"],
        request=request,
        type=entry["type"],
        at=at,
        actor=entry["actor"][:240],
        agent=entry.get("agent", ""),
        action=entry.get("action", ""),
        target=entry.get("target", ""),
        session=entry.get("session", ""),
        entry=entry,
        hash=chain.entry_hash(entry),
    )


def _facts(row: ApprovalRequest, kind: EventKind) -> dict[str, Any]:
    """What every event of a request says of it. The long parts stand in the first event only and
    are bound to the later ones by digest, so a large request does not grow with every click."""
    facts: dict[str, Any] = {
        "request": str(row.public_id),
        "agent": row.agent.name,
        "session": row.session,
        "action": row.action,
        "target": row.target,
        "parameters_sha256": row.parameters_sha256,
        "status": row.status,
        "closed_by": row.closed_by,
        "basis": row.basis,
        "reason_code": row.reason_code,
        "risk": row.risk,
        "policy_version": row.policy_version,
        "outcome": row.outcome["status"] if row.outcome else None,
    }
    if kind is EventKind.SUBMITTED:
        facts["submission"] = row.submission
        facts["submission_sha256"] = row.body_sha256
        facts["evaluation"] = row.evaluation
        facts["plan"] = row.plan
    return facts
