"""Give out decisions that were held until they could no longer be undone; for the one writer alone.

A row of `HeldDecision` is its own timer: while it is open it will be given out, whoever comes by.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import structlog
from django.db import DatabaseError, transaction
from django.db.models import QuerySet

from approvals.domain import workflow
from approvals.domain.errors import Refusal
from approvals.domain.state import Change
from approvals.domain.terms import Status, Verdict
from approvals.models import ApprovalRequest, HeldDecision, states
from approvals.services import actors, adapters, bell, clicks, outbox
from approvals.services.carrying import carry_out, refuse
from approvals.services.clicks import Said
from approvals.services.moves import Aside, click_attempt
from approvals.services.writing import catch_up

logger = structlog.get_logger(__name__)

OPEN = {"undone_at": None, "released_at": None}
NOUN = {Verdict.APPROVE: "The approval", Verdict.DENY: "The denial"}
BECOMES = {Verdict.APPROVE: Status.APPROVED.value, Verdict.DENY: Status.DENIED.value}
OUR_FAULT = (
    "We could not record your decision. Nothing was decided. Read the request again and decide."
)


def settle(rows: Sequence[ApprovalRequest], *, at: datetime) -> bool:
    """Give out what was held on these requests of one card until now, in the order of its moments.

    The caller holds their locks, and does this before time moves on: what was said in time counts,
    however late this comes. No approval is given out before a denial that is held beside it.
    True when anything was given out; the rows are then as after it.
    """
    found = list(_held_on(rows).filter(release_at__lte=at))
    if any(each.verdict == Verdict.APPROVE for each in found):
        approvals = [each for each in found if each.verdict == Verdict.APPROVE]
        found = [*_held_on(rows).filter(verdict=Verdict.DENY.value), *approvals]
    _give_out_each(found, rows, at=at)
    return bool(found)


def let_denials_first(
    change: Change | Aside | None, rows: Sequence[ApprovalRequest], *, at: datetime
) -> bool:
    """Give out the denials that are held on a card before an approval of it that would count at once.

    The caller holds the locks. True when any was; the rows are then as after it, and the approval has
    to be asked for again.
    """
    click = change.click if isinstance(change, Change) else None
    if click is None or click.verdict is not Verdict.APPROVE:
        return False
    denials = list(_held_on(rows).filter(verdict=Verdict.DENY.value))
    _give_out_each(denials, rows, at=at)
    return bool(denials)


def _held_on(rows: Sequence[ApprovalRequest]) -> QuerySet[HeldDecision]:
    on_card = HeldDecision.objects.filter(**OPEN, request__in=[row.pk for row in rows])
    return on_card.select_related("person").order_by("release_at", "id")


def _give_out_each(
    found: Iterable[HeldDecision], rows: Sequence[ApprovalRequest], *, at: datetime
) -> None:
    by_number = {row.pk: row for row in rows}
    for held in found:
        row = by_number[held.request_id]
        _give_out(held, row, [one for one in rows if one is not row and not one.closed_at], at=at)


def end_with(rows: Iterable[ApprovalRequest], *, at: datetime) -> None:
    """End what cannot count any more on requests that just moved, each with the reason in words.

    That is everything held on what was closed, and approvals of what reads otherwise now: their givers
    learn it at once, and not when the time to undo is over. What else the rules may say can change yet.
    """
    moved = {row.pk: row for row in rows}
    if not moved:
        return
    waiting = HeldDecision.objects.filter(**OPEN, request__in=list(moved))
    for held in waiting.select_related("person").order_by("id"):
        row = moved[held.request_id]
        no = _final_no(held, row, at=at)
        if no is not None:
            _refuse(held, row, no, at=at)
            held.released_at = at
            held.save(update_fields=["released_at", "why_not"])


def _final_no(held: HeldDecision, row: ApprovalRequest, *, at: datetime) -> Refusal | None:
    """Why this can never count any more; None while it may."""
    state = states.of(row)
    try:
        workflow.refuse_closed(state, at=at)
        if not said(held).stands:
            seen = clicks.as_seen(row.ref, held.version, state)
            workflow.refuse_unseen(state, version=seen, shown=held.shown_sha256)
    except Refusal as no:
        return no
    return None


def said(held: HeldDecision) -> Said:
    """The click that was held, as it was made: nothing is held that was not fresh enough."""
    return Said(
        person=held.person,
        verdict=Verdict(held.verdict),
        comment=held.comment,
        version=held.version,
        shown=held.shown_sha256,
        channel=held.channel,
        authenticated_by=held.authenticated_by,
        is_fresh=True,
        was_held=True,
    )


def _give_out(
    held: HeldDecision, row: ApprovalRequest, beside: Sequence[ApprovalRequest], *, at: datetime
) -> None:
    """Count it as of its own moment, though never before what was written meanwhile.

    A fault of ours must not block the request for everybody; one of the database is tried again.
    """
    moment = max(held.at, row.updated_at)
    try:
        with transaction.atomic():
            _count(held, row, beside, at=moment)
    except Refusal as no:
        _read_again(row, *beside)
        _refuse(held, row, no, at=at)
    except DatabaseError:
        raise
    except Exception:
        logger.exception("held decision met a bug", request=row.ref)
        _read_again(row, *beside)
        held.why_not = OUR_FAULT
        outbox.redraw(row, at=at, words=_did_not_count(held, row))
    held.released_at = at
    held.save(update_fields=["released_at", "why_not"])
    bell.ring_on_commit(*(str(each.public_id) for each in (row, *beside)))


def _count(
    held: HeldDecision, row: ApprovalRequest, beside: Sequence[ApprovalRequest], *, at: datetime
) -> None:
    click = said(held)
    state = catch_up(row, states.of(row), at=at)
    change = clicks.move(click, row.ref, at=at)(state)
    attempt = click_attempt(click.verdict, click.channel)
    others, actor = clicks.others(click, at=at), actors.person(click.person)
    carry_out(row, change, beside, others, attempt, actor=actor, at=at)


def _read_again(*rows: ApprovalRequest) -> None:
    """What was tried on them is not in the database; nor may it stay in memory."""
    for row in rows:
        row.refresh_from_db(
            from_queryset=ApprovalRequest.objects.select_related("agent", "agent_key")
        )


def _refuse(held: HeldDecision, row: ApprovalRequest, no: Refusal, *, at: datetime) -> None:
    attempt = click_attempt(Verdict(held.verdict), held.channel)
    refuse(row, no, attempt, actor=actors.person(held.person), at=at)
    held.why_not = no.words
    outbox.redraw(row, at=at, words=_did_not_count(held, row))


def _did_not_count(held: HeldDecision, row: ApprovalRequest) -> str:
    """What its giver must hear who cannot read it on a page; nothing where it ended as they said."""
    if held.channel not in adapters.enabled() or row.status == BECOMES[Verdict(held.verdict)]:
        return ""
    return (
        f"{NOUN[Verdict(held.verdict)]} of {row.ref} by {held.person} did not count. {held.why_not}"
    )
