"""The one writer: every change of a request happens here, under its lock, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from approvals.domain import errors, running, timing, workflow
from approvals.domain.errors import Refusal
from approvals.domain.state import Change, RequestState, clock
from approvals.domain.terms import EventKind, OutcomeStatus, TimerKind, Verdict
from approvals.models import Agent, ApprovalRequest, AuditEvent, Decision, Timer, states
from approvals.models.requests import lookup
from approvals.services import actors, audit, autonomy, bell, effects, outbox, patterns
from approvals.services.actors import Actor

Move = Callable[[RequestState], Change | None]
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
        *("action_class", "effect", "asked", "would_be", "standing_grant", "joined"),
        *("parameters_sha256", "action_sha256", "body_sha256", "policy_version"),
        *("risk_claimed", "risk_computed", "risk", "because", "evaluation", "plan"),
    }
)
CHANGING = [
    field.name for field in ApprovalRequest._meta.concrete_fields if field.name not in WRITTEN_ONCE
]


@dataclass(frozen=True, slots=True)
class Attempt:
    """How to write down a refusal: as which event, with which facts."""

    kind: EventKind
    facts: Mapping[str, Any]


def open_request(
    row: ApprovalRequest, state: RequestState, *, actor: Actor, at: datetime
) -> ApprovalRequest:
    """Write a new request with everything it promises. Needs a transaction; may raise IntegrityError."""
    states.write(row, state)
    row.save(force_insert=True)
    events = [audit.following(row, EventKind.SUBMITTED, actor=actor, at=at, detail={})]
    if state.status.is_final:
        kind = EventKind(f"request.{state.status}")
        events.append(audit.following(row, kind, actor=actors.POLICY, at=at, detail={}))
    for event in AuditEvent.objects.bulk_create(events):
        outbox.promise(row, state, event, at=at)
    outbox.set_timers(row, state, at=at, is_new=True)
    row.save(update_fields=["position", "chain_head"])
    bell.ring_on_commit(str(row.public_id))
    return row


def transition(
    ref: str,
    move: Move,
    *,
    actor: Actor,
    at: datetime,
    attempt: Attempt | None = None,
    also: Callable[[ApprovalRequest], None] | None = None,
    of: Agent | None = None,
) -> ApprovalRequest:
    """Lock the request, let time catch up, make the move, and write all of it or nothing.

    `move` returning None writes nothing. A refusal is written down as `attempt` says and raised.
    `also` adds rows that belong to the move (a message) in the same transaction. `of` names the agent
    whose request it must be; another's is not found.
    Raises NotFound, and whatever `move` raises.
    """
    refusal: Refusal | None = None
    with transaction.atomic(durable=True):
        row = locked(ref)
        if of is not None and row.agent_id != of.pk:
            raise errors.NoSuchRequest(ref)
        state = _catch_up(row, states.of(row), at=at)
        try:
            change = move(state)
        except Refusal as error:
            refusal = error
            _write_refusal(row, error, attempt, actor=actor, at=at)
        else:
            if change is not None:
                _write(row, change, actor=actor, at=at)
                if also is not None:
                    also(row)
    if refusal is not None:
        raise refusal
    return row


def locked(ref: str) -> ApprovalRequest:
    """The row, locked until the transaction ends. Raises NotFound."""
    rows = ApprovalRequest.objects.select_for_update(of=("self",))
    row = rows.select_related("agent", "agent_key").filter(**lookup(ref)).first()
    if row is None:
        raise errors.NoSuchRequest(ref)
    return row


def let_time_pass(*numbers: int, at: datetime) -> int:
    """Write what time alone has brought about for these requests, all of it or nothing.

    Passes by whatever somebody else holds, or has fired meanwhile; returns how many were left.
    """
    with transaction.atomic(durable=True):
        rows = list(_due(numbers, at=at))
        for row in rows:
            _fire(row, at=at)
    return len(rows)


def note(
    row: ApprovalRequest, kind: EventKind, *, actor: Actor, at: datetime, detail: Mapping[str, Any]
) -> AuditEvent:
    """Write an event that changes no state. The caller holds the lock."""
    event = audit.append(row, kind, actor=actor, at=at, detail=detail)
    row.save(update_fields=["position", "chain_head"])
    return event


def _due(numbers: Sequence[int], *, at: datetime) -> QuerySet[ApprovalRequest]:
    promised = Timer.objects.filter(request=OuterRef("pk"), **outbox.OPEN, due_at__lte=at)
    rows = ApprovalRequest.objects.select_for_update(of=("self",), skip_locked=True)
    rows = rows.select_related("agent", "agent_key").prefetch_related("decisions__person")
    return rows.filter(Exists(promised), pk__in=numbers).order_by("pk")


def _fire(row: ApprovalRequest, *, at: datetime) -> None:
    before = states.of(row, decisions=row.decisions.all())
    state = _catch_up(row, before, at=at)
    if any(due.kind is TimerKind.REMIND and due.at <= at for due in timing.timers(state)):
        change = workflow.remind(state, at=at)
        if change is not None:
            state = _write(row, change, actor=actors.SYSTEM, at=at)
    if state is before:
        outbox.set_timers(row, state, at=at)  # what fell due is no longer called for


def _catch_up(row: ApprovalRequest, state: RequestState, *, at: datetime) -> RequestState:
    """A late timer never lets a late click in: what is overdue happens first."""
    for _ in range(MOST_STEPS):
        change = workflow.overdue(state, at=at)
        if change is None:
            break
        state = _write(row, change, actor=actors.SYSTEM, at=at)
    return state


def _write(row: ApprovalRequest, change: Change, *, actor: Actor, at: datetime) -> RequestState:
    decision = _decision(row, change, at=at)
    states.write(row, change.after)
    row.updated_at = at
    if change.kind in FIRED_BY:
        outbox.mark_fired(row, frozenset({FIRED_BY[change.kind]}), at=at)
    event = audit.append(row, change.kind, actor=actor, at=at, detail=_detail(change))
    row.save(update_fields=CHANGING)
    if decision is not None:
        decision.save(force_insert=True)
    outbox.promise(row, change.after, event, at=at, words=_words(row, change))
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
        state = _write(row, used, actor=actors.SYSTEM, at=at)
    done = running.report_outcome(state, {"status": OutcomeStatus.SUCCESS.value}, at=at)
    return _write(row, done, actor=actors.SYSTEM, at=at) if done is not None else state


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
            "by": click.approver.name,
            "channel": click.channel,
            "authenticated_by": click.authenticated_by,
            "shown_sha256": click.shown or "",
            "teams": sorted(click.approver.teams),
        }
    return detail


def _words(row: ApprovalRequest, change: Change) -> str:
    """What a note beside the card says, for the two changes that ask for attention."""
    state = change.after
    if change.kind is EventKind.REMINDED:
        return f"Still waiting: {row.ref} must be decided by {clock(state.decide_by)}."
    if change.kind is EventKind.ESCALATED:
        also = " and ".join(state.current.rungs[state.rung].also)
        by = clock(state.decide_by)
        return f"No decision in time: {row.ref} now also waits for {also}, by {by}."
    return ""


def _write_refusal(
    row: ApprovalRequest, refusal: Refusal, attempt: Attempt | None, *, actor: Actor, at: datetime
) -> None:
    if attempt is None or isinstance(refusal, errors.Invalid):
        return
    detail = {**attempt.facts, "refused_because": refusal.code, "words": refusal.words}
    note(row, attempt.kind, actor=actor, at=at, detail=detail)


def click_attempt(verdict: Verdict, channel: str) -> Attempt:
    """A refused click is history too."""
    return Attempt(EventKind.DECISION_REFUSED, {"verdict": verdict.value, "channel": channel})
