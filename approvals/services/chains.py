"""Walk the chains of history, and the rows that must agree with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from approvals import queries
from approvals.domain import canonical, chain
from approvals.domain.chain import Break
from approvals.domain.terms import EventKind
from approvals.models import ApprovalRequest, AuditEvent, ChainHead
from approvals.models.requests import REF_PREFIX
from approvals.services import audit

EVERY = 200
COLUMNS = ("chain", "seq", "type", "actor", "agent", "action", "target", "session")
# What says a verdict without having made a decision.
_NOT_MADE = frozenset(
    {EventKind.DECISION_HELD, EventKind.DECISION_UNDONE, EventKind.DECISION_REFUSED}
)
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Found:
    """How far the walk came, and the first break it met."""

    chains: int
    events: int
    broken: Break | None


@contextmanager
def as_of_now() -> Iterator[None]:
    """One moment of the database for the whole walk, so that a running service cannot confuse it."""
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic():
            connection.cursor().execute(
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
            )
            yield
    else:
        # Deferred on purpose: Django's own would take the one write lock for as long as we read.
        connection.cursor().execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            connection.cursor().execute("ROLLBACK")


def walk(only: ApprovalRequest | None, *, progress: Progress) -> Found:
    """Every chain until the first break; with `only`, the chain of one request."""
    chains = events = 0
    for name, head, length, rows in _chains(only):
        chains, events = chains + 1, events + length
        if chains % EVERY == 0:
            progress(chains, events)
        broken = _broken(name, rows, head=head, length=length)
        if broken is not None:
            return Found(chains, events, broken)
    return Found(chains, events, _lost(events) if only is None else None)


def walk_slice(after: int, *, most: int) -> tuple[Found, int | None]:
    """The chains of the next `most` requests behind a number, as of one moment, and where to go on.

    Before the first come the chains that belong to no request. None when the end was reached; then it was
    also seen that no event stands outside every chain.
    """
    chains = events = 0
    with as_of_now():
        rows = ApprovalRequest.objects.filter(number__gt=after).order_by("number")
        found = list(rows.only("number", "chain_head", "position")[:most])
        heads = [] if after else list(ChainHead.objects.order_by("chain"))
        named = [(head.chain, head.head, head.position) for head in heads]
        named += [(row.ref, row.chain_head, row.position) for row in found]
        for name, head_hash, length in named:
            chains, events = chains + 1, events + length
            told = AuditEvent.objects.filter(chain=name).select_related("request").order_by("seq")
            broken = _broken(name, told, head=head_hash, length=length)
            if broken is not None:
                return Found(chains, events, broken), None
        stray = _stray(found) or (None if len(found) == most else _outside())
    further = found[-1].number if len(found) == most and stray is None else None
    return Found(chains, events, stray), further


def _stray(rows: list[ApprovalRequest]) -> Break | None:
    """An event that names a request but stands in another chain."""
    known = {row.pk: row.ref for row in rows}
    for number, name, seq in AuditEvent.objects.filter(request__in=list(known)).values_list(
        "request", "chain", "seq"
    ):
        if known[number] != name:
            return Break(name, seq, f"the event names {known[number]} and stands in another chain")
    return None


def _outside() -> Break | None:
    heads = ChainHead.objects.values("chain")
    event = AuditEvent.objects.filter(request=None).exclude(chain__in=heads).first()
    return Break(event.chain, event.seq, "its chain is missing") if event else None


def _chains(only: ApprovalRequest | None) -> Iterable[tuple[str, str, int, Iterable[AuditEvent]]]:
    if only is None:
        return queries.chains()
    return [(only.ref, only.chain_head, only.position, queries.events_of(only))]


def _broken(name: str, rows: Iterable[AuditEvent], *, head: str, length: int) -> Break | None:
    """The chain's own break, or a row beside it that tells something else than history."""
    events = list(rows)
    entries = [{**_entry(event), "hash": event.hash} for event in events]
    broken = chain.first_break(name, entries, head=head, length=length)
    return broken or _told_otherwise(name, events) or _row_otherwise(name, events)


def _entry(event: AuditEvent) -> Mapping[str, Any]:
    """What stands in the row as the event; a forger may have left anything there."""
    return event.entry if isinstance(event.entry, dict) else {}


def _told_otherwise(name: str, events: Iterable[AuditEvent]) -> Break | None:
    """The columns people search by must say what was hashed."""
    for event in events:
        for column in COLUMNS:
            told = event.entry.get(column, "")
            if getattr(event, column) != (str(told)[:240] if column == "actor" else told):
                return Break(
                    name, event.seq, f"its column {column} says something else than the event"
                )
        if audit.stamp(event.at) != event.entry.get("timestamp"):
            return Break(name, event.seq, "its column at says something else than the event")
    return None


def _row_otherwise(name: str, events: list[AuditEvent]) -> Break | None:
    """A request's row must show what its history ends with, and what it began with."""
    if not events or events[0].request is None:
        return None
    row, first, last = events[0].request, events[0].entry, events[-1].entry
    if row.status != last.get("status") or row.basis != last.get("basis"):
        return Break(
            name, events[-1].seq, f"the request says {row.status}, its history {last.get('status')}"
        )
    if not _is_digest(first.get("submission_sha256"), row.submission):
        return Break(name, 0, "the request's content is not what was submitted")
    if not _is_digest(row.parameters_sha256, row.submission["parameters"]):
        return Break(name, 0, "the request's digest is not that of its parameters")
    return _deeds_otherwise(name, events, row)


def _deeds_otherwise(name: str, events: list[AuditEvent], row: ApprovalRequest) -> Break | None:
    """Who decided, who closed it, and whether it was used: the rows against history."""
    end = events[-1].seq
    given = row.decisions.select_related("person").order_by("id")
    kept = [
        (f"person:{one.person.email}", one.verdict, one.comment, audit.stamp(one.at))
        for one in given
    ]
    if kept != [_deed(event.entry) for event in events if _is_deed(event)]:
        return Break(name, end, "the decisions are not those its history tells")
    if row.closed_by != events[-1].entry.get("closed_by"):
        return Break(name, end, f"the request says it was closed by {row.closed_by or 'nobody'}")
    used = [e.entry["timestamp"] for e in events if e.type == EventKind.CONSUMED]
    if used != ([audit.stamp(row.consumed_at)] if row.consumed_at else []):
        return Break(name, end, "whether its approval was used is not what its history tells")
    return None


def _is_deed(event: AuditEvent) -> bool:
    """Whether a decision was made: not what was held for a while, taken back, or refused."""
    return "verdict" in event.entry["detail"] and event.type not in _NOT_MADE


def _deed(entry: Mapping[str, Any]) -> tuple[str, str, str, str]:
    detail = entry["detail"]
    return entry["actor"], detail["verdict"], detail["comment"], entry["timestamp"]


def _is_digest(digest: object, of: object) -> bool:
    try:
        return digest == canonical.digest(of)
    except canonical.Malformed:
        return False


def _lost(events: int) -> Break | None:
    """Events that belong to no chain we walked were orphaned, or their chain was taken away."""
    if AuditEvent.objects.count() == events:
        return None
    known = {
        f"{REF_PREFIX}{number}"
        for number in ApprovalRequest.objects.values_list("number", flat=True)
    }
    known |= {name for name, _, _, _ in queries.chains() if not name.startswith(REF_PREFIX)}
    for event in AuditEvent.objects.order_by("id").iterator():
        if event.chain not in known:
            return Break(event.chain, event.seq, "its chain is missing")
    return Break("all", 0, "there are more events than the chains hold")
