"""The one writer: every change of a request happens here, under its lock, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import chain

from django.db import transaction
from django.db.models import QuerySet

from approvals.domain import errors, timing, workflow
from approvals.domain import sharing as cards
from approvals.domain.errors import Refusal
from approvals.domain.state import Change, RequestState
from approvals.domain.terms import EventKind, TimerKind
from approvals.models import Agent, ApprovalRequest, AuditEvent, Timer, states
from approvals.services import (
    actors,
    attention,
    audit,
    bell,
    held,
    knocks,
    outbox,
    sharing,
)
from approvals.services.actors import Actor
from approvals.services.carrying import carry_out, refuse
from approvals.services.carrying import note as note  # one of its verbs
from approvals.services.moves import ALONE, Aside, Attempt, Move, Others
from approvals.services.writing import catch_up, write


def open_request(
    row: ApprovalRequest,
    state: RequestState,
    *,
    actor: Actor,
    at: datetime,
    leader: ApprovalRequest | None = None,
) -> ApprovalRequest:
    """Write a new request with everything it promises. Needs a transaction; may raise IntegrityError.

    `leader` is the request, locked, whose card it joins instead of having its own.
    """
    states.write(row, state)
    row.joined = leader
    row.save(force_insert=True)
    detail = {} if leader is None else {"card": leader.ref}
    events = [audit.following(row, EventKind.SUBMITTED, actor=actor, at=at, detail=detail)]
    if state.status.is_final:
        kind = EventKind(f"request.{state.status}")
        events.append(audit.following(row, kind, actor=actors.POLICY, at=at, detail={}))
    for event in AuditEvent.objects.bulk_create(events):
        outbox.promise(row, state, event, at=at)
    outbox.set_timers(row, state, at=at, is_new=True)
    row.save(update_fields=["position", "chain_head"])
    bell.ring_on_commit(str(row.public_id))
    if leader is not None:
        write(leader, cards.joined(states.of(leader), [row.ref]), actor=actor, at=at)
    elif row.asked:
        attention.remember(row, state, at=at)
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
    others: Others = ALONE,
) -> ApprovalRequest:
    """Lock the request, let time catch up, make the move, and write all of it or nothing.

    `move` returning None writes nothing. A refusal is written down as `attempt` says and raised.
    `also` adds rows that belong to the move (a message) in the same transaction. `of` names the agent
    whose request it must be; another's is not found. `others` moves the other requests of its card.
    Raises NotFound, and whatever `move` raises.
    """
    refusal: Refusal | None = None
    with transaction.atomic(durable=True):
        row = _locked_of(ref, of)
        beside = [] if row.closed_at else sharing.beside(row)
        held.settle([row, *beside], at=at)
        state = catch_up(row, states.of(row), at=at)
        try:
            change = move(state)
            if held.let_denials_first(change, [row, *beside], at=at):
                change = move(catch_up(row, states.of(row), at=at))
        except Refusal as error:
            refusal = error
            refuse(row, error, attempt, actor=actor, at=at)
        else:
            waiting = [other for other in beside if other.closed_at is None]
            moved = _make(row, change, waiting, others, attempt, actor=actor, at=at)
            _follow(moved, change, also, at=at)
        _regroup([row, *beside], at=at)
    if refusal is not None:
        raise refusal
    return row


def _follow(
    moved: Sequence[ApprovalRequest],
    change: Change | Aside | None,
    also: Callable[[ApprovalRequest], None] | None,
    *,
    at: datetime,
) -> None:
    """What belongs to a move that was made: its rows, the end of what was held, the click's own end."""
    if also is not None:
        for row in moved:
            also(row)
    held.end_with(moved, at=at)
    if moved or isinstance(change, Aside):
        knocks.settle()


def locked(ref: str) -> ApprovalRequest:
    """The row, locked until the transaction ends, with the card it stands on. Raises NotFound."""
    return sharing.locked(ref)


def _locked_of(ref: str, agent: Agent | None) -> ApprovalRequest:
    """The same, of this agent where one is named. Raises NotFound for another's."""
    row = locked(ref)
    if agent is not None and row.agent_id != agent.pk:
        raise errors.NoSuchRequest(ref)
    return row


def let_time_pass(*numbers: int, at: datetime) -> int:
    """Write what time alone has brought about for these requests, all of it or nothing.

    Passes by whatever somebody else holds, or has fired meanwhile; returns how many were left.
    """
    with transaction.atomic(durable=True):
        leaders = _leaders_due(numbers, at=at)
        joiners = sharing.joiners_of(leaders)
        wanted = {*numbers} & {row.pk for row in (*leaders, *chain(*joiners.values()))}
        due = set(_due(wanted, at=at).values_list("request_id", flat=True))
        for leader in leaders:
            card = [leader, *joiners[leader.pk]]
            is_settled = held.settle(card, at=at)
            for row in card:
                if row.pk in due:
                    _fire(row, at=at, is_fresh=not is_settled)
            if joiners[leader.pk]:
                _regroup([leader, *joiners[leader.pk]], at=at)
    return len(due)


def move_free(
    rows: QuerySet[ApprovalRequest],
    move: Callable[[RequestState], Change | None],
    *,
    actor: Actor,
    at: datetime,
) -> None:
    """Make a move for each of these that is open and on no shared card, within the caller's transaction.

    Passes by whatever somebody holds: that may be a click that waits for what the caller holds.
    """
    for row in rows.select_for_update(of=("self",), skip_locked=True).order_by("pk"):
        held.settle([row], at=at)
        state = catch_up(row, states.of(row), at=at)
        change = None if state.status.is_final else move(state)
        if change is not None:
            write(row, change, actor=actor, at=at)
            held.end_with([row], at=at)


def _leaders_due(numbers: Sequence[int], *, at: datetime) -> list[ApprovalRequest]:
    """The leaders, locked, of the cards these stand on; a request that never joined leads itself."""
    known = _due(numbers, at=at).values_list("request_id", "request__joined_id")
    leaders = {joined or number for number, joined in known}
    rows = ApprovalRequest.objects.select_for_update(of=("self",), skip_locked=True)
    rows = rows.select_related("agent", "agent_key").prefetch_related("decisions__person")
    return list(rows.filter(pk__in=leaders).order_by("pk"))


def _due(numbers: Iterable[int], *, at: datetime) -> QuerySet[Timer]:
    return Timer.objects.filter(**outbox.OPEN, due_at__lte=at, request__in=list(numbers))


def _fire(row: ApprovalRequest, *, at: datetime, is_fresh: bool) -> None:
    """`is_fresh` says that what was read of the row with its lock is still so."""
    before = states.of(row, decisions=row.decisions.all() if is_fresh else None)
    state = catch_up(row, before, at=at)
    if any(due.kind is TimerKind.REMIND and due.at <= at for due in timing.timers(state)):
        change = workflow.remind(state, at=at)
        if change is not None:
            state = write(row, change, actor=actors.SYSTEM, at=at)
    if state is before:
        outbox.set_timers(row, state, at=at)  # what fell due is no longer called for


def _make(
    row: ApprovalRequest,
    change: Change | Aside | None,
    beside: Sequence[ApprovalRequest],
    others: Others,
    attempt: Attempt | None,
    *,
    actor: Actor,
    at: datetime,
) -> list[ApprovalRequest]:
    """Write what a move answered; returns what it moved."""
    if change is None:
        return []
    if isinstance(change, Aside):
        note(row, change.kind, actor=actor, at=at, detail=change.detail)
        change.also(row)
        bell.ring_on_commit(*(str(each.public_id) for each in (row, *beside)))  # all may show it
        return []
    return carry_out(row, change, beside, others, attempt, actor=actor, at=at)


def _regroup(rows: Sequence[ApprovalRequest], *, at: datetime) -> None:
    """Let a card stand for what is still open of its requests; the oldest of them leads."""
    leader, *joiners = sorted(rows, key=lambda row: row.pk)
    staying = [row for row in joiners if row.joined_id == leader.pk and row.closed_at is None]
    if leader.closed_at is None:
        gone = [row.ref for row in joiners if row not in staying]
        if gone:
            write(leader, cards.left(states.of(leader), gone), actor=actors.SYSTEM, at=at)
        return
    for row in staying:
        catch_up(row, states.of(row), at=at)
    heirs = [row for row in staying if row.closed_at is None]
    if not heirs:
        return
    first, *rest = heirs
    first.joined = None
    for row in rest:
        row.joined = first
        row.save(update_fields=["joined"])
    change = cards.joined(states.of(first), [row.ref for row in rest], instead_of=leader.ref)
    attention.remember(first, write(first, change, actor=actors.SYSTEM, at=at), at=at)
