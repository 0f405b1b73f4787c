"""Read back what people decided in ServiceNow, and count it here, each decision once.

Nothing is believed but what the records say when we read them: the change request is ours by its
correlation id and shows what we wrote by its seal, the row belongs to it, and its person wrote it.
A change request that cannot be read says nothing at all, least of all that nobody decided.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import DatabaseError

from approvals.domain import errors
from approvals.domain.errors import Refusal
from approvals.domain.terms import OPEN, Verdict
from approvals.models import ApprovalRequest, Person, Receipt
from approvals.ports import DeliveryError
from approvals.services import clock, elsewhere, lifecycle, replays
from integrations.servicenow import approvers, changes, identity, texts
from integrations.servicenow.approvers import Approver
from integrations.servicenow.changes import ChangeRequest
from integrations.servicenow.configuration import Configuration
from integrations.servicenow.identity import KIND
from integrations.servicenow.wire import Wire

logger = structlog.get_logger(__name__)

AUTHENTICATED_BY = "servicenow_record"
VERDICTS = {approvers.APPROVED: Verdict.APPROVE, approvers.REJECTED: Verdict.DENY}
NO_COMMENT = "Rejected in ServiceNow without a comment."
# Every tenth minute everything is read, in case a clock there is further off than the overlap.
WHOLE_EVERY = 10
SECONDS = 45.0


@dataclass(frozen=True, slots=True)
class Watched:
    """An open request of ours with its change request there."""

    request: ApprovalRequest
    change: ChangeRequest


def look(wire: Wire, settings: Configuration, *, at: datetime, since: datetime | None) -> None:
    """Count what was decided there since the last look. Raises DeliveryError if some could not be read."""
    deadline = time.monotonic() + SECONDS
    rows = _watched_rows()
    told = changes.read(wire, list(rows))
    watched = {sys_id: Watched(rows[sys_id], told[sys_id]) for sys_id in rows if sys_id in told}
    ours = {
        sys_id: one
        for sys_id, one in watched.items()
        if one.change.correlation_id == str(one.request.public_id)
    }
    whole = since is None or at.minute % WHOLE_EVERY == 0
    failed = 0
    for row in approvers.decided(wire, list(ours), since=None if whole else since):
        _stop_at(deadline)
        failed += not _counted(row, ours[row.change], wire=wire, settings=settings)
    for one in ours.values():
        _end(one)
    _complain(rows, ours, failed=failed)


def _watched_rows() -> dict[str, ApprovalRequest]:
    """Open requests by the sys_id of their change request."""
    receipts = Receipt.objects.filter(
        adapter=KIND, request__status__in=[status.value for status in OPEN]
    ).select_related("request")
    return {
        str(receipt.handle["sys_id"]): receipt.request
        for receipt in receipts.order_by("id")
        if receipt.handle.get("sys_id")
    }


def _counted(row: Approver, one: Watched, *, wire: Wire, settings: Configuration) -> bool:
    """Count one row; False when that failed and must be tried again. One must not hold up the others."""
    try:
        _count(row, one, wire=wire, settings=settings)
    except (DeliveryError, DatabaseError):
        logger.exception("servicenow decision could not be counted", ref=one.request.ref)
        return False
    return True


def _count(row: Approver, one: Watched, *, wire: Wire, settings: Configuration) -> None:
    """Count one row, unless that was done; a row of somebody unknown is tried again until they are known."""
    person = identity.person_of(row, wire=wire, settings=settings)
    words = _wrong(row, one.change, person)
    if words:
        _refuse(row, one.request, words)
        return
    if person is None or _was_done(row, one.request, person):
        return
    try:
        lifecycle.decide(
            ref=str(one.request.public_id),
            person=person,
            verdict=VERDICTS[row.state],
            comment=_comment(row),
            shown=one.request.action_sha256,
            channel=KIND,
            authenticated_by=AUTHENTICATED_BY,
            at=clock.now(),
        )
    except errors.Invalid as wanting:
        _refuse(row, one.request, wanting.words, reason=wanting.code)
    except Refusal as refusal:
        logger.info("servicenow decision refused", ref=one.request.ref, why=refusal.code)
    # Only now: a process that dies before this line decides once more, and is told it was done.
    _remember(_key(row, one.request), one.request)


def _comment(row: Approver) -> str:
    """What was said with a verdict; a rejection always says something."""
    return row.comment or (NO_COMMENT if row.state == approvers.REJECTED else "")


def _wrong(row: Approver, change: ChangeRequest, person: Person | None) -> str:
    """Why a row cannot count, whatever the rules would say; empty when it can."""
    if person is None:
        who = row.user_name or row.user or "somebody"
        if identity.acted_alone(row):
            return f"The ServiceNow account {who[:80]} is linked to nobody."
        return f"{row.updated_by[:80]} wrote this into the row of {who[:80]}."
    if row.state == approvers.REJECTED:
        return ""
    if not texts.is_ours(change.description, public_id=change.correlation_id):
        return "The description there is not what we wrote. Decide on the page of the request."
    if not texts.shows_all(change.description):
        return "The request does not fit into ServiceNow. Decide on the page of the request."
    return ""


def _refuse(
    row: Approver, request: ApprovalRequest, words: str, *, reason: str = "not_proven"
) -> None:
    """Write a refusal down, once."""
    key = _key(row, request, because=words)
    if _is_remembered(key):
        return
    lifecycle.refuse_stranger(
        ref=str(request.public_id),
        who=f"servicenow {row.user_name or row.user}",
        verdict=VERDICTS[row.state],
        channel=KIND,
        words=f"Not counted. {words}",
        reason=reason,
        at=clock.now(),
    )
    _remember(key, request)


def _end(one: Watched) -> None:
    """End here what was rejected or cancelled there, where no person of ours answers for it."""
    rejected, cancelled = one.change.approval == "rejected", one.change.state == changes.CANCELED
    if not rejected and not cancelled:
        return
    there = f"ServiceNow ({one.change.number} was {'cancelled' if cancelled else 'rejected'} there)"
    try:
        elsewhere.cancel(ref=str(one.request.public_id), system=KIND, because=there, at=clock.now())
    except Refusal as refusal:
        logger.info("servicenow end not needed", ref=one.request.ref, why=refusal.code)


def _complain(
    rows: Mapping[str, ApprovalRequest], read: Mapping[str, Watched], *, failed: int
) -> None:
    """Raise when a change request of ours was not among what we could read, or a row not counted."""
    unread = [request.ref for sys_id, request in rows.items() if sys_id not in read]
    if unread:
        logger.error("servicenow change cannot be read", refs=unread[:20], count=len(unread))
        raise DeliveryError(
            f"{len(unread)} change requests cannot be read, {unread[0]} among them: deleted, not "
            "ours any more, or hidden from our account. Nobody there can decide them."
        )
    if failed:
        raise DeliveryError(f"{failed} decisions could not be counted and are tried again.")


def _was_done(row: Approver, request: ApprovalRequest, person: Person) -> bool:
    said = request.decisions.filter(person=person, verdict=VERDICTS[row.state].value)
    return _is_remembered(_key(row, request)) or said.exists()


def _key(row: Approver, request: ApprovalRequest, *, because: str = "") -> str:
    """A row in a state counts once for each step of a request; a refusal is told once."""
    stage = ApprovalRequest.objects.values_list("stage", flat=True).get(pk=request.pk)
    words: Sequence[str] = (row.sys_id, row.state, str(stage), because)
    return hashlib.sha256("\0".join(words).encode()).hexdigest()


def _is_remembered(key: str) -> bool:
    return replays.is_known(provider=KIND, key=key)


def _remember(key: str, request: ApprovalRequest) -> None:
    """Until the request is over, and as long as replays are kept after that."""
    replays.first_time(provider=KIND, key=key, at=max(clock.now(), request.expires_at))


def _stop_at(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise DeliveryError("ServiceNow was too slow; the next look reads the rest.")
