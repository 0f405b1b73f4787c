"""Carry out one move of a locked request, and what it means for the others on its card.

For the ledger and for held decisions, which hold the locks and have let time catch up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from approvals.domain import errors
from approvals.domain.errors import Refusal
from approvals.domain.state import Change, RequestState
from approvals.domain.terms import EventKind
from approvals.models import ApprovalRequest, AuditEvent, states
from approvals.services import attention, audit
from approvals.services.actors import Actor
from approvals.services.moves import Attempt, Others
from approvals.services.writing import catch_up, write


def carry_out(
    row: ApprovalRequest,
    change: Change,
    beside: Sequence[ApprovalRequest],
    others: Others,
    attempt: Attempt | None,
    *,
    actor: Actor,
    at: datetime,
) -> list[ApprovalRequest]:
    """Write a move of a request, and of the others on its card it concerns; returns what was moved.

    A joiner that somebody acts on alone, and that stays open, needs a card of its own.
    """
    too = others.whom(row, change, beside)
    if row.joined_id and change.click and not change.after.status.is_final:
        row.joined = None
        attention.remember(row, change.after, at=at)
    together = {"together_with": [other.ref for other in too]} if too else {}
    write(row, replace(change, detail={**change.detail, **together}), actor=actor, at=at)
    return [row] + [
        other
        for other in too
        if _move_too(other, others.move, attempt, card=row, actor=actor, at=at)
    ]


def _move_too(
    row: ApprovalRequest,
    move: Callable[[RequestState], Change | None],
    attempt: Attempt | None,
    *,
    card: ApprovalRequest,
    actor: Actor,
    at: datetime,
) -> bool:
    """Make the same move for another request of the card, by its own rules; False when they refuse."""
    state = catch_up(row, states.of(row), at=at)
    try:
        change = move(state)
    except Refusal as error:
        refuse(row, error, attempt, actor=actor, at=at)
        return False
    if change is None:
        return False
    write(row, replace(change, detail={**change.detail, "card": card.ref}), actor=actor, at=at)
    return True


def refuse(
    row: ApprovalRequest, refusal: Refusal, attempt: Attempt | None, *, actor: Actor, at: datetime
) -> None:
    """Write a refusal down, unless what was sent was only incomplete."""
    if attempt is None or isinstance(refusal, errors.Invalid):
        return
    if not isinstance(refusal, attempt.only) or _is_told(row, refusal, attempt, actor, at=at):
        return
    detail = {**attempt.facts, "refused_because": refusal.code, "words": refusal.words}
    note(row, attempt.kind, actor=actor, at=at, detail=detail)


def _is_told(
    row: ApprovalRequest, refusal: Refusal, attempt: Attempt, actor: Actor, *, at: datetime
) -> bool:
    """Whether the same refusal of the same actor is in history lately enough."""
    if attempt.once_in is None:
        return False
    lately = AuditEvent.objects.filter(
        request=row, type=attempt.kind.value, actor=str(actor)[:240], at__gt=at - attempt.once_in
    )
    alike = {**attempt.facts, "refused_because": refusal.code}
    return any(alike.items() <= event.entry["detail"].items() for event in lately)


def note(
    row: ApprovalRequest, kind: EventKind, *, actor: Actor, at: datetime, detail: Mapping[str, Any]
) -> AuditEvent:
    """Write an event that changes no state. The caller holds the lock."""
    event = audit.append(row, kind, actor=actor, at=at, detail=detail)
    row.save(update_fields=["position", "chain_head"])
    return event
