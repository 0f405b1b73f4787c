"""Everything there is about some requests, read in a few statements: what exports are written from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from approvals import queries
from approvals.domain import canonical, chain, display
from approvals.domain.cards import Card, headline
from approvals.domain.chain import Break
from approvals.domain.terms import Basis, Status, Verdict
from approvals.models import (
    ApprovalRequest,
    AuditEvent,
    Decision,
    Delivery,
    RequestLook,
    RequestMessage,
)
from approvals.services import audit

HASH_RULE = (
    "SHA-256(0x00 || RFC 8785 JSON of the event without `hash`); `prev` is the hash before it"
)
Row = TypeVar("Row", AuditEvent, Delivery, RequestLook)
BY = {
    Basis.POLICY: "policy",
    Basis.TIMEOUT: "nobody in time",
    Basis.STANDING_GRANT: "a standing grant",
}
COLUMNS = (
    "asked_at", "ref", "agent", "action_and_target", "action", "target", "risk", "status", "basis",
    "reason", "by", "decided_in", "closed_at", "took_seconds", "ran", "outcome", "rule_version",
    "session", "parameters", "parameters_sha256", "reasoning", "events", "chain_head",
)  # fmt: skip


@dataclass(frozen=True)
class Dossier:
    """One request with its history and its proof. `broken` is the first break of its chain."""

    row: ApprovalRequest
    events: tuple[AuditEvent, ...]
    deliveries: tuple[Delivery, ...]
    looks: tuple[RequestLook, ...]
    broken: Break | None

    @property
    def decisions(self) -> list[Decision]:
        return sorted(self.row.decisions.all(), key=lambda given: given.pk)

    @property
    def messages(self) -> list[RequestMessage]:
        return sorted(self.row.messages.all(), key=lambda said: said.pk)

    @cached_property
    def card(self) -> Card:
        """The request as people are shown it."""
        return queries.card(self.row)


def gather(numbers: Sequence[int]) -> list[Dossier]:
    """The dossiers of these requests, in this order."""
    rows = {row.number: row for row in queries.requests().filter(number__in=numbers)}
    events = _grouped(AuditEvent.objects.filter(request__in=numbers).order_by("seq"))
    deliveries = _grouped(Delivery.objects.filter(request__in=numbers).order_by("id"))
    seen = RequestLook.objects.filter(request__in=numbers).select_related("person")
    looks = _grouped(seen.order_by("first_at"))
    return [
        Dossier(
            row=rows[number],
            events=tuple(events.get(number, ())),
            deliveries=tuple(deliveries.get(number, ())),
            looks=tuple(looks.get(number, ())),
            broken=_broken(rows[number], events.get(number, ())),
        )
        for number in numbers
        if number in rows
    ]


def _grouped(rows: Iterable[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(int(row.request_id or 0), []).append(row)
    return found


def _broken(row: ApprovalRequest, events: Iterable[AuditEvent]) -> Break | None:
    entries = [{**event.entry, "hash": event.hash} for event in events]
    return chain.first_break(row.ref, entries, head=row.chain_head, length=row.position)


def ran(row: ApprovalRequest) -> str:
    """Whether it ran, in a word that a sheet can be sorted by."""
    if row.outcome_status:
        return row.outcome_status
    if row.consumed_at:
        return "started"
    return "not started" if row.status == Status.APPROVED else "no"


def by(row: ApprovalRequest) -> str:
    """Who decided; policy and silence are named as such."""
    return BY.get(Basis(row.basis), row.closed_by) if row.basis else ""


def cells(row: ApprovalRequest) -> list[str]:
    """One line of a sheet: texts as people are shown them, no formula; parameters escaped."""
    given = [one.channel for one in row.decisions.all() if one.verdict != Verdict.INVESTIGATE]
    took = (row.closed_at - row.created_at).total_seconds() if row.closed_at else None
    raw = row.submission
    plain = (
        audit.stamp(row.created_at), row.ref, _drawn(row.agent.name), headline(raw),
        _drawn(row.action), _drawn(row.target), row.risk, row.status, row.basis,
        row.reason_code, _drawn(by(row)), ", ".join(dict.fromkeys(given)),
        audit.stamp(row.closed_at) if row.closed_at else "", "" if took is None else f"{took:.3f}",
        ran(row), row.outcome_status, str(row.policy_version), _drawn(row.session),
        json.dumps(raw.get("parameters"), ensure_ascii=True, separators=(",", ":")),
        row.parameters_sha256, display.show(str(raw.get("reasoning") or "")).text,
        str(row.position), row.chain_head,
    )  # fmt: skip
    return [display.csv_cell(cell) for cell in plain]


def _drawn(text: str) -> str:
    return display.show_identifier(text).text


def as_json(dossier: Dossier) -> str:
    """One line: all of it, with every character beyond ASCII escaped."""
    row = dossier.row
    told = {
        "ref": row.ref,
        "id": str(row.public_id),
        "asked_at": audit.stamp(row.created_at),
        "agent": row.agent.name,
        "action": row.action,
        "target": row.target,
        "session": row.session or None,
        "status": row.status,
        "basis": row.basis or None,
        "reason_code": row.reason_code or None,
        "risk": {"claimed": row.risk_claimed or None, "computed": row.risk_computed, "effective": row.risk,
                 "because": row.because},
        "by": by(row) or None,
        "closed_at": audit.stamp(row.closed_at) if row.closed_at else None,
        "rule_version": row.policy_version,
        "submission": row.submission,
        "parameters_sha256": row.parameters_sha256,
        "evaluation": row.evaluation,
        "plan": row.plan,
        "decisions": [_decision(given) for given in dossier.decisions],
        "messages": [_message(said, row) for said in dossier.messages],
        "deliveries": [_delivery(sent) for sent in dossier.deliveries],
        "looked_at": [_look(look) for look in dossier.looks],
        "consumed_at": audit.stamp(row.consumed_at) if row.consumed_at else None,
        "ran": ran(row),
        "outcome": row.outcome,
        "events": [{**event.entry, "hash": event.hash} for event in dossier.events],
        "proof": proof(dossier),
    }  # fmt: skip
    return json.dumps(told, ensure_ascii=True, separators=(",", ":"))


def proof(dossier: Dossier) -> dict[str, Any]:
    """What it takes to check the chain elsewhere, and what we found when we did."""
    broken = dossier.broken
    return {
        "chain": dossier.row.ref,
        "length": dossier.row.position,
        "head": dossier.row.chain_head,
        "genesis": chain.GENESIS,
        "rule": HASH_RULE,
        "intact": broken is None,
        "broken_at": broken.seq if broken else None,
        "why": broken.why if broken else None,
    }


def is_as_hashed(row: ApprovalRequest) -> bool:
    """Whether the parameters still have the digest that was recorded."""
    try:
        return row.parameters_sha256 == canonical.digest(row.submission["parameters"])
    except canonical.Malformed:
        return False


def _decision(given: Decision) -> dict[str, Any]:
    return {
        "verdict": given.verdict,
        "comment": given.comment,
        "by": str(given.person),
        "email": given.person.email,
        "at": audit.stamp(given.at),
        "stage": given.stage,
        "version": given.version,
        "channel": given.channel,
        "authenticated_by": given.authenticated_by,
        "shown_sha256": given.shown_sha256 or None,
        "is_final": given.is_final,
    }


def _message(said: RequestMessage, row: ApprovalRequest) -> dict[str, Any]:
    return {
        "by": row.agent.name if said.person is None else str(said.person),
        "from_agent": said.from_agent,
        "text": said.text,
        "evidence": said.evidence,
        "at": audit.stamp(said.at),
    }


def _delivery(sent: Delivery) -> dict[str, Any]:
    return {
        "channel": sent.adapter,
        "address": sent.address,
        "kind": sent.kind,
        "state": sent.state,
        "attempts": sent.attempts,
        "error": sent.last_error or None,
        "at": audit.stamp(sent.finished_at or sent.created_at),
    }


def _look(look: RequestLook) -> dict[str, Any]:
    return {
        "by": str(look.person),
        "version": look.version,
        "first_at": audit.stamp(look.first_at),
        "last_at": audit.stamp(look.last_at),
    }
