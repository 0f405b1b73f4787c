"""Rows as the JSON of the contract; nothing here decides anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from approvals import queries
from approvals.domain import chain
from approvals.domain.terms import AskedOf, Status, Verdict
from approvals.models import (
    Agent,
    AgentKey,
    ApprovalRequest,
    AuditEvent,
    Decision,
    Person,
    RequestMessage,
)
from approvals.queries import questions, stand_ins

API = "/api/v1"
HASH_RULE = (
    "hash = SHA-256(0x00 || RFC 8785 JSON of the event without hash); "
    "prev = the hash of the event before"
)


def moment(at: datetime | None) -> str | None:
    """RFC 3339, UTC, with Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None


def approval_request(
    row: ApprovalRequest, *, token: str | None = None, untouched: bool = False
) -> dict[str, Any]:
    """Everything submitted, and all that became of it. `token` is the grant, for its agent."""
    return {
        **row.submission,
        "id": str(row.public_id),
        "ref": row.ref,
        "agent": row.agent.name,
        "status": row.status,
        "basis": row.basis or None,
        "reason_code": row.reason_code or None,
        "version": row.version,
        "risk": _risk(row),
        "evaluation": row.evaluation,
        "plan": row.plan,
        "policy_version": row.policy_version,
        "stage": row.stage,
        "shares_card_with": [] if untouched and row.joined_id is None else queries.beside(row),
        "parameters_sha256": row.parameters_sha256,
        "action_sha256": row.action_sha256,
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
        "decide_by": moment(row.decide_by),
        "expires_at": moment(row.expires_at),
        "closed_at": moment(row.closed_at),
        "closed_by": row.closed_by or None,
        "decisions": [] if untouched else _decisions(row),
        "messages": [] if untouched else [message(said) for said in _in_order(row.messages.all())],
        "grant": {"token": token, "expires_at": moment(row.grant_expires_at)} if token else None,
        "grant_expires_at": moment(row.grant_expires_at),
        "consumed_at": moment(row.consumed_at),
        "outcome": row.outcome,
        "links": links(row),
    }


def _in_order(rows: Iterable[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: int(row.pk))


def _risk(row: ApprovalRequest) -> dict[str, Any]:
    return {
        "claimed": row.risk_claimed or None,
        "effective": row.risk,
        "computed": row.risk_computed,
        "because": row.because,
    }


def _decisions(row: ApprovalRequest) -> list[dict[str, Any]]:
    given = _in_order(row.decisions.all())
    events = stand_ins.with_more(row) if given else ()
    absent, asked = stand_ins.absent_in(events), questions.told_by(events)
    return [
        decision(each, absent.get(whose), asked.get(whose, AskedOf.BOTH))
        for each in given
        for whose in [(each.person.email, each.at)]
    ]


def decision(
    given: Decision, absent: Mapping[str, str] | None, asked_of: AskedOf
) -> dict[str, Any]:
    """`absent` is whom the person stood in for; `asked_of` counts for a question."""
    return {
        "verdict": given.verdict,
        "comment": given.comment,
        "asked_of": asked_of.value if given.verdict == Verdict.INVESTIGATE else None,
        "by": {"name": str(given.person), "email": given.person.email},
        "standing_in_for": dict(absent) if absent else None,
        "at": moment(given.at),
        "stage": given.stage,
        "version": given.version,
        "channel": given.channel,
        "authenticated_by": given.authenticated_by,
        "shown_sha256": given.shown_sha256 or None,
        "is_final": given.is_final,
    }


def message(said: RequestMessage) -> dict[str, Any]:
    return {
        "by": said.request.agent.name if said.person is None else str(said.person),
        "from_agent": said.from_agent,
        "text": said.text,
        "evidence": said.evidence,
        "at": moment(said.at),
    }


def links(row: ApprovalRequest) -> dict[str, str]:
    """Where to go from here; only what can still be done is named."""
    here = f"{settings.PUBLIC_URL}{API}/requests/{row.ref}"
    found = {
        "self": here,
        "web": f"{settings.PUBLIC_URL}/r/{row.ref}",
        "events": f"{here}/events",
        "evidence": f"{here}/evidence",
    }
    if not Status(row.status).is_final:
        found |= {verb: f"{here}/{verb}" for verb in ("decisions", "messages", "cancel")}
    elif row.status == Status.APPROVED and row.consumed_at is None and not row.grant_lapsed:
        found |= {verb: f"{here}/{verb}" for verb in ("consume", "revoke")}
    elif row.consumed_at is not None:
        found["outcome"] = f"{here}/outcome"
    return found


def evidence(row: ApprovalRequest, lines: Iterable[AuditEvent]) -> dict[str, Any]:
    """Everything about one request, with what it takes to check it elsewhere."""
    entries = [{**line.entry, "hash": line.hash} for line in lines]
    broken = chain.first_break(row.ref, entries, head=row.chain_head, length=row.position)
    return {
        "request": approval_request(row),
        "events": entries,
        "proof": {
            "chain": row.ref,
            "length": row.position,
            "head": row.chain_head,
            "genesis": chain.GENESIS,
            "rule": HASH_RULE,
            "intact": broken is None,
            "broken_at": broken.seq if broken else None,
            "why": broken.why if broken else None,
        },
    }


def agent(program: Agent, key: AgentKey) -> dict[str, Any]:
    return {
        "id": str(program.pk),
        "name": program.name,
        "owner": program.owner.email if program.owner else None,
        "is_enabled": program.is_enabled,
        "created_at": moment(program.created_at),
        "key": {
            "name": key.name,
            "prefix": key.prefix,
            "scopes": key.scopes,
            "expires_at": moment(key.expires_at),
        },
    }


def person(someone: Person, *, teams: Iterable[str], scopes: Iterable[str]) -> dict[str, Any]:
    return {
        "id": someone.pk,
        "email": someone.email,
        "name": someone.name,
        "role": someone.role,
        "teams": sorted(teams),
        "scopes": sorted(scopes),
    }
