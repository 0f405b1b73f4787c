"""`countersign breaker`"""

from __future__ import annotations

import argparse

from approvals.domain.terms import Phase
from approvals.services import breakers, clock, tripped
from countersign import terminal
from countersign.outcomes import YES
from countersign.server import operators


def show_all(asked: argparse.Namespace) -> int:
    """The breakers that are not closed, or all that ever opened, newest first."""
    at = clock.now()
    phases = None if asked.all else [Phase.OPEN.value, Phase.HALF_OPEN.value]
    rows = tripped.matching(agent=asked.agent, phases=phases, at=at)
    found = [tripped.told(trip, at=at) for trip in rows[: asked.limit]]
    if asked.json:
        terminal.give(found)
        return YES
    if not found:
        terminal.say("No circuit breaker is open.")
        return YES
    cells = [
        (row["id"], row["agent"], row["kind"], row["phase"], row["does"], row["half_open_at"])
        for row in found
    ]
    heads = ("NUMBER", "AGENT", "BREAKER", "PHASE", "DOES", "TRIED FROM")
    terminal.say(terminal.table(heads, cells))
    return YES


def reset(asked: argparse.Namespace) -> int:
    """Close a breaker by hand. An operator's act, and history."""
    at = clock.now()
    trip = breakers.close(number=asked.number, by=operators.me(), reason=asked.reason, at=at)
    facts = tripped.told(trip, at=at)
    if asked.json:
        terminal.give(facts)
    else:
        terminal.say(f"The breaker {facts['kind']} of {facts['agent']} is closed. It may go on.")
    return YES
