"""Write promises as rows, in the transaction that caused them."""

from __future__ import annotations

from datetime import datetime

from approvals.domain import timing, trial
from approvals.domain.state import RequestState
from approvals.domain.terms import TOLD_TO_AGENTS, EventKind, TimerKind
from approvals.models import ApprovalRequest, AuditEvent, Delivery, Receipt, Timer
from approvals.ports import MessageKind, Notice, Undoing
from approvals.queries import questions
from approvals.services import adapters, calling

QUIET = frozenset({EventKind.DECISION_REFUSED, EventKind.CONSUME_REFUSED, EventKind.DELIVERY_DEAD})

TELLING_OF_EVENTS = frozenset({MessageKind.EVENT, MessageKind.NOTE})
OPEN = {"fired_at": None, "dropped_at": None}


def promise(
    row: ApprovalRequest, state: RequestState, event: AuditEvent, *, at: datetime, words: str = ""
) -> int:
    """One delivery for each address an adapter names; returns how many.

    Of a request on another's card only its agent hears: people have that card. Of a test of one
    channel no other hears.
    """
    kind = EventKind(event.type)
    if kind in QUIET:
        return 0
    notice = _notice(row, state, event, at=at)
    only = trial.only_adapter(row.effect, row.submission)
    rows = [
        Delivery(
            adapter=adapter.name,
            address=address,
            kind=message.value,
            request=row,
            event=event if message in TELLING_OF_EVENTS else None,
            words=words if message is MessageKind.NOTE else "",
            due_at=due_at,
            created_at=at,
        )
        for adapter in adapters.enabled().values()
        if only is None or adapter.name == only
        for message, address, due_at in calling.promises(adapter, notice, row, state, at=at)
        if row.joined_id is None or message is MessageKind.EVENT
        if words or message is not MessageKind.NOTE
    ]
    if rows:
        Delivery.objects.bulk_create(rows)
    return len(rows)


def _notice(
    row: ApprovalRequest, state: RequestState, event: AuditEvent, *, at: datetime
) -> Notice:
    kind = EventKind(event.type)
    return Notice(
        kind=kind,
        channels=state.plan.channels,
        callback_url=row.callback_url if kind in TOLD_TO_AGENTS else "",
        opened=bool(state.plan.stages),
        risk=state.plan.risk,
        labels=row.submission.get("labels") or {},
        at=at,
        decide_by=state.decide_by,
        asked_of=questions.of_event(event),
    )


def redraw(row: ApprovalRequest, *, at: datetime, words: str = "") -> None:
    """Promise to draw its cards anew where they show what can still be undone, with `words` beside them.

    For what moves no request; a card that is not there yet will be drawn as things stand then.
    """
    showing = [one.name for one in adapters.enabled().values() if isinstance(one, Undoing)]
    if not showing:
        return
    kinds = [MessageKind.CARD, *([MessageKind.NOTE] if words else [])]
    found = Receipt.objects.filter(request=row, adapter__in=showing).order_by("id")
    Delivery.objects.bulk_create(
        Delivery(
            adapter=adapter,
            address=address,
            kind=kind.value,
            request=row,
            words=words if kind is MessageKind.NOTE else "",
            due_at=at,
            created_at=at,
        )
        for adapter, address in found.values_list("adapter", "address")
        for kind in kinds
    )


def set_timers(
    row: ApprovalRequest, state: RequestState, *, at: datetime, is_new: bool = False
) -> None:
    """Make the open timers of a request exactly those its state calls for."""
    wanted = {due.kind.value: due.at for due in timing.timers(state)}
    if not is_new:
        stale = []
        for timer in row.timers.filter(**OPEN):
            if wanted.get(timer.kind) == timer.due_at:
                del wanted[timer.kind]
            else:
                stale.append(timer.pk)
        if stale:
            row.timers.filter(pk__in=stale).update(dropped_at=at)
    if wanted:
        Timer.objects.bulk_create(
            [Timer(request=row, kind=kind, due_at=due_at) for kind, due_at in wanted.items()]
        )


def mark_fired(row: ApprovalRequest, kinds: frozenset[TimerKind], *, at: datetime) -> None:
    """Say of the open timers of these kinds that what they promised has happened."""
    row.timers.filter(kind__in=kinds, fired_at=None, dropped_at=None, due_at__lte=at).update(
        fired_at=at
    )
