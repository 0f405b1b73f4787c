"""`countersign delivery`"""

from __future__ import annotations

import argparse

from approvals.services import clock, dead_letters
from countersign import terminal
from countersign.outcomes import YES
from countersign.server import operators

COLUMNS = ("NUMBER", "REQUEST", "CHANNEL", "ADDRESS", "STATE", "TRIES", "WHAT WENT WRONG")


def show_all(asked: argparse.Namespace) -> int:
    """What was given up, newest first; with --all everything."""
    rows = dead_letters.matching(
        states=None if asked.all else ["dead"], adapter=asked.channel or None
    )
    found = [dead_letters.told(row) for row in rows[: asked.limit]]
    if asked.json:
        terminal.give(found)
    elif found:
        cells = [
            (
                row["id"], row["request"], row["adapter"], row["address"], row["state"],
                row["attempts"], row["last_error"] or "",
            )
            for row in found
        ]  # fmt: skip
        terminal.say(terminal.table(COLUMNS, cells))
    else:
        terminal.say("Nothing was ever promised." if asked.all else "No delivery was given up.")
    return YES


def resend(asked: argparse.Namespace) -> int:
    """Let dead letters try again from the start. An operator's act, and history."""
    again = []
    for number in asked.number:
        row = dead_letters.resend(number=number, by=operators.me(), at=clock.now())
        again.append(dead_letters.told(row))
        if not asked.json:
            terminal.say(f"Delivery {row.pk} of {row.request.ref} is tried again now.")
    if asked.json:
        terminal.give(again)
    return YES
