"""`countersign channel`"""

from __future__ import annotations

import argparse

from approvals.models.workspaces import Shows
from approvals.services import clock, showing
from countersign import terminal
from countersign.outcomes import YES
from countersign.server import operators

COLUMNS = ("CHANNEL", "ADDRESS", "SHOWS", "SINCE", "BY")
MEANS = {
    Shows.VALUES: "everything, and people can approve there",
    Shows.NAMES: "names of parameters but no values, and nobody can approve there",
    Shows.NOTHING: "only that a request waits, with a link to it",
}


def show(asked: argparse.Namespace) -> int:
    """What one address may see; without an address, all that may see less than everything."""
    if asked.address:
        return _tell(asked, showing.of(adapter=asked.adapter, address=asked.address))
    rows = showing.limited()
    if asked.json:
        terminal.give(
            [{"adapter": r.adapter, "address": r.address, "shows": r.shows} for r in rows]
        )
    elif rows:
        cells = [
            (r.adapter, r.address, r.shows, f"{r.changed_at:%F %R}", r.changed_by) for r in rows
        ]
        terminal.say(terminal.table(COLUMNS, cells))
    else:
        terminal.say("Every channel may see everything.")
    return YES


def change(asked: argparse.Namespace) -> int:
    """Set it. An operator's act, and history."""
    shows = Shows(asked.shows)
    showing.change(
        adapter=asked.adapter,
        address=asked.address,
        shows=shows,
        actor=operators.me(),
        at=clock.now(),
    )
    return _tell(asked, shows)


def _tell(asked: argparse.Namespace, shows: Shows) -> int:
    if asked.json:
        terminal.give({"adapter": asked.adapter, "address": asked.address, "shows": shows.value})
    else:
        terminal.say(f"{asked.adapter} {asked.address} sees {MEANS[shows]}.")
    return YES
