"""`countersign audit`"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from typing import Any

from approvals import queries
from approvals.domain.display import csv_cell
from approvals.models import AuditEvent
from approvals.services import audit, clock
from countersign import terminal
from countersign.outcomes import NO, YES, Misused
from countersign.server import history, operators

BATCH = 500
COLUMNS = (
    "timestamp", "chain", "seq", "type", "ref", "actor", "agent", "session", "action", "target",
    "parameters", "reasoning", "context", "approval", "basis", "reason_code", "policy_version",
    "outcome", "rollback_available", "state_before", "how_to_undo", "detail", "prev", "hash",
)  # fmt: skip


def verify(asked: argparse.Namespace) -> int:
    """Walk every chain, or one request's: 0 whole, 1 broken, 3 could not tell."""
    with history.as_of_now():
        found = history.walk(queries.request(asked.ref) if asked.ref else None, progress=_progress)
    _progress_over()
    facts: dict[str, Any] = {
        "intact": found.broken is None,
        "chains": found.chains,
        "events": found.events,
        "broken": None,
    }
    if found.broken is not None:
        facts["broken"] = {
            "chain": found.broken.chain,
            "seq": found.broken.seq,
            "why": found.broken.why,
        }
    if asked.json:
        terminal.give(facts)
    elif found.broken is None:
        terminal.say(f"Intact: {found.chains} chains, {found.events} events; every link holds.")
    else:
        terminal.say(f"BROKEN: {found.broken.chain}, event {found.broken.seq}: {found.broken.why}.")
        terminal.say(
            "Everything before it in this chain holds. Compare it with an earlier export or backup."
        )
    return YES if found.broken is None else NO


def export(asked: argparse.Namespace) -> int:
    """Write all of history to standard output; that it was written out is history too."""
    if asked.json and asked.format == "csv":
        raise Misused("CSV is not JSON: leave one of the two out. Nothing was written.")
    audit.exported(actor=operators.me(), at=clock.now(), filters={}, form=asked.format)
    if asked.format == "csv":
        _as_csv()
        return YES
    for event in _every():
        print(json.dumps(queries.told(event), ensure_ascii=True, separators=(",", ":")))
    sys.stdout.flush()
    return YES


def _as_csv() -> None:
    sheet = csv.writer(sys.stdout)
    sheet.writerow(COLUMNS)
    for event in _every():
        told = queries.told(event)
        # A control code has no place in a sheet, and this one may be on its way to a terminal.
        sheet.writerow([terminal.escape(csv_cell(_cell(told[name]))) for name in COLUMNS])
    sys.stdout.flush()


def _every() -> Iterator[AuditEvent]:
    """Oldest first, batch after batch, so that memory stays small however long history is."""
    last, ordered = 0, queries.events({}).order_by("id")
    while batch := list(ordered.filter(id__gt=last)[:BATCH]):
        yield from batch
        last = batch[-1].pk


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _progress(chains: int, events: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{chains:,} chains, {events:,} events ", end="", file=sys.stderr, flush=True)


def _progress_over() -> None:
    if sys.stderr.isatty():
        print("\r" + " " * 60 + "\r", end="", file=sys.stderr, flush=True)
