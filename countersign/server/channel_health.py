"""`countersign channel status`"""

from __future__ import annotations

import argparse
from datetime import datetime

from approvals.domain.channels import when
from approvals.queries.channels import Health, Stands
from approvals.services import clock, health
from countersign import terminal
from countersign.outcomes import NO, YES

COLUMNS = ("CHANNEL", "STATE", "LAST DELIVERED", "DELAY (24 H)", "LAST CLICK", "GIVEN UP")
NEVER = "never"


def status(asked: argparse.Namespace) -> int:
    """How every channel and the service itself do; no when one fails."""
    at = clock.now()
    found, parts = health.channels(at=at), health.parts(at=at)
    failing = any(each.stands is Stands.FAILING for each in found)
    ill = any(part.is_well is False for part in parts)
    if asked.json:
        terminal.give(
            {
                "channels": [health.told(each, at=at) for each in found],
                "service": [part.to_json() for part in parts],
            }
        )
        return NO if failing or ill else YES
    rows = [_row(each, at) for each in found if each.stands is not Stands.OFF]
    terminal.say(terminal.table(COLUMNS, rows) if rows else "No channel is set up.")
    for each in found:
        for failure in each.failing:
            terminal.say(f"{each.title} {failure.to}: {failure.why}\n      Fix: {failure.fix}")
        for amiss in each.amiss:
            terminal.say(f"{each.title}: {amiss.words}\n      Fix: {amiss.fix}")
    for part in parts:
        fix = f"\n      Fix: {part.fix}" if part.fix else ""
        terminal.say(f"{part.title}: {part.state}. {part.words}{fix}")
    return NO if failing or ill else YES


def _row(each: Health, at: datetime) -> tuple[object, ...]:
    delivered = when(each.last_success, at) if each.last_success else NEVER
    clicked = when(each.last_click, at) if each.last_click else NEVER
    return (each.title, each.state(at), delivered, each.delay, clicked, each.dead)
