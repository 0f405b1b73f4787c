"""Write one change of a request whole: row, decision, history, promises and timers.

For the ledger alone, which holds the lock and has asked the domain.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from approvals.domain import running, workflow
from approvals.domain.state import Change, RequestState
from approvals.domain.terms import EventKind, OutcomeStatus, TimerKind
from approvals.models import ApprovalRequest, Decision, states
from approvals.services import (
    actors,
    audit,
    autonomy,
    bell,
    effects,
    note_words,
    outbox,
    patterns,
)
from approvals.services.actors import Actor

MOST_STEPS = 32
FIRED_BY = {
    EventKind.REMINDED: TimerKind.REMIND,
    EventKind.RESUMED: TimerKind.RESUME,
    EventKind.ESCALATED: TimerKind.DEADLINE,
    EventKind.EXPIRED: TimerKind.DEADLINE,
    EventKind.APPROVED: TimerKind.DEADLINE,
    EventKind.GRANT_EXPIRED: TimerKind.GRANT_EXPIRY,
}
# What was asked and how policy judged it is written once; a change writes the rest.
WRITTEN_ONCE = frozenset(
    {
        *("number", "public_id", "agent", "agent_key", "owner_at_submission", "created_at"),
        *("action", "target", "session", "submission", "callback_url", "idempotency_key"),
        *("action_class", "effect", "asked", "would_be", "standing_grant"),
        *("parameters_sha256", "action_sha256", "body_sha256", "policy_version"),
        *("risk_claimed", "risk_computed", "risk", "because", "evaluation", "plan"),
    }
)
CHANGING = [
    field.name for field in ApprovalRequest._meta.concrete_fields if field.name not in WRITTEN_ONCE
]


def catch_up(row: ApprovalRequest, state: RequestState, *, at: datetime) -> RequestState:
    """A late timer never lets a late click in: what is overdue happens first."""
    for _ in range(MOST_STEPS):
        change = workflow.overdue(state, at=at)
        if change is None:
            break
        state = write(row, change, actor=actors.SYSTEM, at=at)
    return state


def write(row: ApprovalRequest, change: Change, *, actor: Actor, at: datetime) -> RequestState:
    decision = _decision(row, change, at=at)
    states.write(row, change.after)
    row.updated_at = at
    if change.kind in FIRED_BY:
        outbox.mark_fired(row, frozenset({FIRED_BY[change.kind]}), at=at)
    event = audit.append(row, change.kind, actor=actor, at=at, detail=_detail(change))
    row.save(update_fields=CHANGING)
    if decision is not None:
        decision.save(force_insert=True)
    outbox.promise(row, change.after, event, at=at, words=note_words.of(row, change))
    outbox.set_timers(row, change.after, at=at)
    bell.ring_on_commit(str(row.public_id))
    if change.kind is EventKind.DENIED:
        patterns.denied(row, at=at)
    autonomy.look_after(row, change.kind, at=at)
    if row.effect and change.kind is EventKind.APPROVED:
        return _take_effect(row, change.after, at=at)
    return change.after


def _take_effect(row: ApprovalRequest, state: RequestState, *, at: datetime) -> RequestState:
    """What the service asked for itself happens with the approval: both, or neither."""
    effects.take(row, at=at)
    digest = row.parameters_sha256
    used = running.consume(state, key="effect", shown=digest, expected=digest, at=at)
    if used is not None:
        state = write(row, used, actor=actors.SYSTEM, at=at)
    done = running.report_outcome(state, {"status": OutcomeStatus.SUCCESS.value}, at=at)
    return write(row, done, actor=actors.SYSTEM, at=at) if done is not None else state


def _decision(row: ApprovalRequest, change: Change, *, at: datetime) -> Decision | None:
    click = change.click
    if click is None:
        return None
    return Decision(
        request=row,
        person_id=click.approver.id,
        verdict=click.verdict.value,
        comment=click.comment,
        stage=row.stage,
        version=row.version,
        shown_sha256=click.shown or "",
        channel=click.channel,
        authenticated_by=click.authenticated_by,
        is_final=change.after.status.is_final,
        at=at,
    )


def _detail(change: Change) -> dict[str, Any]:
    click = change.click
    detail = dict(change.detail)
    if click is not None:
        detail |= {
            "verdict": click.verdict.value,
            "comment": click.comment,
            "by": click.by,
            "channel": click.channel,
            "authenticated_by": click.authenticated_by,
            "shown_sha256": click.shown or "",
            "teams": sorted(click.approver.teams),
        }
    if click is not None and click.standing_in_for is not None:
        absent = click.standing_in_for
        detail["standing_in_for"] = {"name": absent.name, "email": absent.account}
    return detail
