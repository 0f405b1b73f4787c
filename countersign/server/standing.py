"""`countersign standing`"""

from __future__ import annotations

import argparse
from typing import Any

from approvals.models import StandingGrant
from approvals.services import clock, standing
from countersign import terminal
from countersign.outcomes import YES
from countersign.server import operators


def show_all(asked: argparse.Namespace) -> int:
    """Standing grants that could be used now; with --all every one there was."""
    at = None if asked.all else clock.now()
    rows = list(standing.grants(agent=asked.agent or "", in_force_at=at)[: asked.limit])
    if asked.json:
        terminal.give([_facts(row) for row in rows])
        return YES
    if not rows:
        terminal.say("No standing grant is in force." if at else "There are no standing grants.")
        return YES
    cells = [
        (
            standing.ref_of(row),
            row.agent.name,
            row.action,
            row.target,
            f"{row.uses} of {row.most_uses}",
            f"{row.expires_at:%d %b %Y %H:%M} UTC",
            row.made_by,
            f"revoked by {row.revoked_by}" if row.revoked_at else "",
        )
        for row in rows
    ]
    heads = ("REF", "AGENT", "ACTION", "TARGET", "USED", "UNTIL", "GIVEN BY", "")
    terminal.say(terminal.table(heads, cells))
    return YES


def revoke(asked: argparse.Namespace) -> int:
    """End a standing grant at once."""
    grant = standing.end(standing.by_ref(asked.ref), actor=operators.me(), at=clock.now())
    if asked.json:
        terminal.give(_facts(grant))
        return YES
    terminal.say(f"{standing.ref_of(grant)} is revoked; it was used {grant.uses} times.")
    return YES


def _facts(grant: StandingGrant) -> dict[str, Any]:
    return {
        "ref": standing.ref_of(grant),
        "id": str(grant.public_id),
        "agent": grant.agent.name,
        "action": grant.action,
        "target": grant.target,
        "bounds": grant.bounds,
        "most_uses": grant.most_uses,
        "uses": grant.uses,
        "made_by": grant.made_by,
        "made_from": grant.made_from,
        "expires_at": grant.expires_at.isoformat(),
        "revoked_at": grant.revoked_at.isoformat() if grant.revoked_at else None,
        "revoked_by": grant.revoked_by or None,
    }
