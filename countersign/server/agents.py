"""`countersign agent`"""

from __future__ import annotations

import argparse
from typing import Any

from approvals.domain import errors
from approvals.models import Agent
from approvals.services import agent_zones, agents, clock
from countersign import terminal
from countersign.outcomes import YES
from countersign.server import operators
from countersign.server import people as colleagues


def add(asked: argparse.Namespace) -> int:
    """Register an agent and print its key. A known one gets another key, since keys are shown once."""
    known = Agent.objects.select_related("owner").filter(name=asked.name).first()
    if known is None:
        owner = colleagues.existing(asked.owner) if asked.owner else None
        where = agent_zones.sound(asked.time_zone, otherwise="Nothing was made.")
        agent, raw = agents.add(
            name=asked.name, owner=owner, at=clock.now(), actor=operators.me(), time_zone=where
        )
    else:
        _refuse_other_owner(known, asked.owner)
        _refuse_other_zone(known, asked.time_zone)
        agent, raw = known, _another_key(known)
        terminal.complain(f"There is an agent {agent.name} already. Here is another key of its.")
    _tell(agent, raw, as_json=asked.json)
    return YES


def key(asked: argparse.Namespace) -> int:
    """Another key for a known agent."""
    agent = agents.by_name(asked.name)
    _tell(agent, _another_key(agent), as_json=asked.json)
    return YES


def webhook_secret(asked: argparse.Namespace) -> int:
    """The secrets its webhooks are signed with; with --rotate a new one, beside the old for a day."""
    agent, at = agents.by_name(asked.name), clock.now()
    if asked.rotate:
        agents.rotate_webhook_secret(agent=agent, at=at, actor=operators.me())
    new, *before = agents.webhook_secrets(agent, at=at)
    if asked.json:
        terminal.give({"name": agent.name, "webhook_secret": new, "before": before})
        return YES
    terminal.say(f"Webhook secret      {new}")
    for old in before:
        terminal.say(f"Until it is a day   {old}")
    return YES


def stop(asked: argparse.Namespace) -> int:
    """Refuse everything the agent asks from now on."""
    agent = agents.by_name(asked.name)
    agents.stop(agent=agent, at=clock.now(), actor=operators.me())
    return _told(
        agent, f"Agent {agent.name} is stopped: its keys open nothing.", as_json=asked.json
    )


def start(asked: argparse.Namespace) -> int:
    """Let a stopped agent ask again."""
    agent = agents.by_name(asked.name)
    agents.start(agent=agent, at=clock.now(), actor=operators.me())
    return _told(agent, f"Agent {agent.name} may ask again.", as_json=asked.json)


def zone(asked: argparse.Namespace) -> int:
    """Where the agent works, or with a name of a zone, where it works from now on."""
    agent = agents.by_name(asked.name)
    if asked.zone and asked.unknown:
        raise errors.Invalid("Name a zone or give --unknown, not both. Nothing was changed.")
    if asked.zone or asked.unknown:
        name = "" if asked.unknown else asked.zone
        agent_zones.change(agent=agent, name=name, at=clock.now(), actor=operators.me())
    where = f"works in {agent.time_zone}" if agent.time_zone else "works nobody knows where"
    return _told(agent, f"Agent {agent.name} {where}.", as_json=asked.json)


def show_all(asked: argparse.Namespace) -> int:
    """Every agent, its owner and its live keys."""
    at = clock.now()
    rows = []
    for agent in Agent.objects.select_related("owner").order_by("name"):
        live = agent.keys.filter(revoked_at=None, expires_at__gt=at).order_by("expires_at")
        keys = [{"prefix": each.prefix, "expires_at": each.expires_at.isoformat()} for each in live]
        rows.append({**_facts(agent), "keys": keys})
    if asked.json:
        terminal.give(rows)
        return YES
    cells = [
        (
            row["name"],
            row["owner"] or "nobody",
            "yes" if row["enabled"] else "stopped",
            len(row["keys"]),
        )
        for row in rows
    ]
    terminal.say(terminal.table(("AGENT", "OWNER", "MAY ASK", "LIVE KEYS"), cells))
    return YES


def _another_key(agent: Agent) -> str:
    return agents.issue_key(
        agent=agent, name="from the command line", by=None, at=clock.now(), actor=operators.me()
    )


def _refuse_other_owner(agent: Agent, email: str | None) -> None:
    owner = agent.owner.email if agent.owner else ""
    if email and email.strip().lower() != owner:
        raise errors.Conflict(
            f"Agent {agent.name} belongs to {owner or 'nobody'}, not to {email}. Nothing was changed."
        )


def _refuse_other_zone(known: Agent, zone: str) -> None:
    if zone.strip() not in ("", known.time_zone):
        raise errors.Conflict(
            f"Agent {known.name} works in {known.time_zone or 'no zone that is known'}. Nothing was "
            f"changed. Change it by: countersign agent time-zone {known.name} ZONE"
        )


def _facts(agent: Agent) -> dict[str, Any]:
    return {
        "id": str(agent.pk),
        "name": agent.name,
        "owner": agent.owner.email if agent.owner else None,
        "enabled": agent.is_enabled,
        "time_zone": agent.time_zone or None,
    }


def _tell(agent: Agent, raw: str, *, as_json: bool) -> None:
    if not agent.is_enabled:
        terminal.complain(
            f"Agent {agent.name} is stopped, so its keys open nothing until: agent start"
        )
    if as_json:
        secret = agents.webhook_secrets(agent, at=clock.now())[0]
        terminal.give(
            {"id": str(agent.pk), "name": agent.name, "key": raw, "webhook_secret": secret}
        )
        return
    terminal.say(f"Agent {agent.name}  {agent.pk}")
    terminal.say(f"Key (shown once)    {raw}")
    terminal.say(f"Webhook secret      {agents.webhook_secrets(agent, at=clock.now())[0]}")


def _told(agent: Agent, words: str, *, as_json: bool) -> int:
    if as_json:
        terminal.give(_facts(agent))
    else:
        terminal.say(words)
    return YES
