"""`countersign alerts`"""

from __future__ import annotations

import argparse
from typing import Any

from approvals.models import Alert
from approvals.services import alerts, audit
from countersign import terminal
from countersign.outcomes import YES

COLUMNS = ("ALERT", "AT (UTC)", "KIND", "AGENT", "REQUEST", "WHAT WAS SEEN")


def show_all(asked: argparse.Namespace) -> int:
    """What nobody has closed, newest first; with --all the closed ones too."""
    found = alerts.matching(
        kinds=[asked.kind] if asked.kind else None,
        agent=asked.agent,
        is_open=None if asked.all else True,
    )
    rows = list(found[: asked.limit])
    if asked.json:
        terminal.give([_facts(row) for row in rows])
    elif rows:
        terminal.say(terminal.table(COLUMNS, [_cells(row) for row in rows]))
    else:
        terminal.say("No alert was ever raised." if asked.all else "No alert is open.")
    return YES


def _cells(row: Alert) -> tuple[object, ...]:
    return (
        row.pk,
        f"{row.at:%Y-%m-%d %H:%M}",
        row.kind,
        row.agent.name if row.agent else "",
        row.request.ref if row.request else "",
        row.words + (f" (closed by {row.closed_by})" if row.closed_at else ""),
    )


def _facts(row: Alert) -> dict[str, Any]:
    return {
        "id": row.pk,
        "kind": row.kind,
        "agent": row.agent.name if row.agent else None,
        "request": row.request.ref if row.request else None,
        "words": row.words,
        "values": row.values,
        "at": audit.stamp(row.at),
        "closed_at": audit.stamp(row.closed_at) if row.closed_at else None,
        "closed_by": row.closed_by or None,
    }
