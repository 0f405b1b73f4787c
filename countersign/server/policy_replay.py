"""`countersign policy simulate`: what a draft would have done to the requests of the last days."""

from __future__ import annotations

import argparse
import sys

from approvals.domain.policy import documents
from approvals.services import clock, policies, replay
from approvals.services.replay import Effect, Replay
from countersign import terminal
from countersign.outcomes import YES
from countersign.server import policy_files

SHOWN = 20
HEADINGS = {
    Effect.STOPS_ASKING: "Would stop asking",
    Effect.ASKS_INSTEAD: "Would ask instead of refusing",
    Effect.NEWLY_ASKS: "Would now ask",
    Effect.NEWLY_REFUSES: "Would now be refused",
    Effect.ASKS_OTHERS: "Would ask other people",
}


def simulate(asked: argparse.Namespace) -> int:
    """Judge past requests by the policy in force and by these files. Nothing is written, nobody is told."""
    draft = documents.load(policy_files.at(asked.path))
    found = replay.simulate(
        before=policies.current(),
        after=draft,
        days=asked.days,
        at=clock.now(),
        progress=_progress if sys.stderr.isatty() and not asked.json else lambda _: None,
    )
    if asked.json:
        terminal.give(found.to_json())
    else:
        _say(found)
    return YES


def _say(found: Replay) -> None:
    terminal.say(f"Simulation: {found.sentence} Nothing was written and nobody was told.")
    for effect, heading in HEADINGS.items():
        listed = found.changes[effect]
        if not listed:
            continue
        terminal.say(f"\n{heading} ({found.counts[effect]}):")
        for each in listed[:SHOWN]:
            terminal.say(f"  {each.ref}  {each.agent}: {each.action} on {each.target}")
            terminal.say(f"      {each.because}")
        left = found.counts[effect] - min(SHOWN, len(listed))
        if left:
            terminal.say(f"  … and {left} more; --json lists up to {replay.KEPT} of each kind")
    terminal.say(f"\nNot replayed: {', '.join(replay.NOT_REPLAYED)}.")


def _progress(requests: int) -> None:
    sys.stderr.write(f"\r{requests} requests judged …\r")
    sys.stderr.flush()
