"""`countersign agent stage`, `evidence`, `digest` and `incident`"""

from __future__ import annotations

import argparse
from datetime import timedelta
from typing import Any

from approvals.domain import errors, stage_dates
from approvals.domain.policy.autonomy import EVERY_CLASS
from approvals.domain.stage_dates import Dates
from approvals.domain.terms import Stage, Status
from approvals.models import Agent, AgentStage, ApprovalRequest, StageStart
from approvals.services import agents, autonomy, clock, promotions, proposals, record
from countersign import terminal
from countersign.outcomes import COULD_NOT_TELL, NO, YES
from countersign.server import operators


def stage(asked: argparse.Namespace) -> int:
    """Show the stages of an agent; with a class and a stage, lower it at once or ask to raise it.

    Exit code 3 while nobody has decided about raising it.
    """
    agent = agents.by_name(asked.name)
    if asked.kind is None:
        return _show(agent, as_json=asked.json)
    if asked.call_off:
        return _call_off(agent, asked)
    if asked.stage is None:
        raise errors.Invalid("Say the stage too: agent stage NAME CLASS STAGE --reason WHY")
    changed = proposals.change_stage(
        agent=agent,
        action_class=asked.kind,
        stage=Stage(asked.stage),
        reason=asked.reason,
        by=None,
        actor=operators.me(),
        at=clock.now(),
        dates=Dates(
            stage_dates.read(asked.starts, field=stage_dates.STARTS),
            stage_dates.read(asked.ends, field=stage_dates.ENDS),
        ),
    )
    if isinstance(changed, ApprovalRequest):
        return _waits(changed, as_json=asked.json)
    return _show(agent, as_json=asked.json)


def evidence(asked: argparse.Namespace) -> int:
    """What the record says of an agent, for one class of action, since its stage began."""
    agent, kind = agents.by_name(asked.name), autonomy.checked_class(asked.kind)
    at = clock.now()
    held = autonomy.governing(agent, kind, at=at)
    found = record.evidence(agent, kind, stage=held, at=at).to_json()
    told = {"agent": agent.name, "class": kind, **found}
    if asked.json:
        terminal.give(told)
        return YES
    terminal.say(_lines({name: value for name, value in told.items() if _is_plain(value)}))
    for denial in told["denials"]:
        terminal.say(f"Denied {denial['ref']} by {denial['by']}: {denial['reason']}")
    for warning in told["warnings"]:
        terminal.say(warning)
    return YES


def digest(asked: argparse.Namespace) -> int:
    """What an agent did lately, in counts."""
    at = clock.now()
    since = at - timedelta(seconds=asked.since)
    told = record.digest(agents.by_name(asked.name), since=since, at=at)
    if asked.json:
        terminal.give(told)
        return YES
    terminal.say(_lines({name: value for name, value in told.items() if _is_plain(value)}))
    for title in ("refused_because", "outcomes", "actions"):
        if told[title]:
            counts = ", ".join(f"{name} {count}" for name, count in told[title].items())
            terminal.say(f"{title.replace('_', ' ')}: {counts}")
    for change in told["stage_changes"]:
        terminal.say(f"{change['class']} became {change['stage']}: {change['reason']}")
    return YES


def incident(asked: argparse.Namespace) -> int:
    """Report an incident of an agent: one stage down at once."""
    agent = agents.by_name(asked.name)
    changed = autonomy.incident(
        agent=agent,
        action_class=asked.kind,
        reason=asked.reason,
        actor=operators.me(),
        at=clock.now(),
    )
    if asked.json:
        terminal.give([_facts(row) for row in changed])
    elif not changed:
        terminal.say(f"Agent {agent.name} has no stage that could be lower. Nothing was changed.")
    for row in () if asked.json else changed:
        terminal.say(f"{row.action_class} is at stage {row.stage} now.")
    return YES


def _call_off(agent: Agent, asked: argparse.Namespace) -> int:
    if asked.stage is not None or asked.starts or asked.ends:
        raise errors.Invalid("Say --call-off with a class alone. Nothing was changed.")
    promotions.call_off(agent=agent, kind=asked.kind, actor=operators.me(), at=clock.now())
    return _show(agent, as_json=asked.json)


def _show(agent: Agent, *, as_json: bool) -> int:
    rows = [row for row in autonomy.history(agent, at=clock.now()) if row.until is None]
    planned = promotions.upcoming(agent)
    if as_json:
        told = {"stages": [_facts(row) for row in rows], "planned": list(map(_plan, planned))}
        terminal.give({"agent": agent.name, **told})
        return YES
    if rows:
        titles = ("CLASS", "STAGE", "SINCE", "UNTIL", "BY", "REASON")
        terminal.say(terminal.table(titles, [_cells(row) for row in rows]))
    else:
        terminal.say(f"Agent {agent.name} has no stage: the rules decide alone.")
    for start in planned:
        until = f" until {stage_dates.moment(start.ends_at)}" if start.ends_at else ""
        terminal.say(
            f"Planned for {_title(start.action_class)}: {start.stage} from "
            f"{stage_dates.moment(start.starts_at)}{until} ({start.request.ref})."
        )
    return YES


def _cells(row: AgentStage) -> tuple[str, ...]:
    until = f"{stage_dates.moment(row.ends_at)}, then {row.falls_to}" if row.ends_at else ""
    since = f"{row.since:%d %b %Y %H:%M} UTC"
    return _title(row.action_class), row.stage, since, until, row.changed_by, row.reason


def _title(action_class: str) -> str:
    return "every other class" if action_class == EVERY_CLASS else action_class


def _plan(start: StageStart) -> dict[str, Any]:
    return {
        "class": start.action_class,
        "stage": start.stage,
        "starts": start.starts_at.isoformat(),
        "ends": start.ends_at.isoformat() if start.ends_at else None,
        "request": start.request.ref,
    }


def _waits(row: ApprovalRequest, *, as_json: bool) -> int:
    if as_json:
        terminal.give({"request": row.ref, "id": str(row.public_id), "status": row.status})
        return NO if row.status == Status.DENIED else COULD_NOT_TELL
    if row.status == Status.DENIED:
        raise errors.Conflict(
            f"Policy refused to ask for it: {row.ref} says why. Nothing was changed."
        )
    terminal.say(
        f"{row.ref} asks for it: a higher stage must be approved. Nothing has changed yet."
    )
    return COULD_NOT_TELL


def _facts(row: AgentStage) -> dict[str, Any]:
    return {
        "class": row.action_class,
        "stage": row.stage,
        "since": row.since.isoformat(),
        "ends_at": row.ends_at.isoformat() if row.ends_at else None,
        "falls_to": row.falls_to or None,
        "changed_by": row.changed_by,
        "reason": row.reason,
    }


def _is_plain(value: object) -> bool:
    return not isinstance(value, list | dict)


def _lines(facts: dict[str, Any]) -> str:
    width = max(map(len, facts))
    return "\n".join(
        f"{name.replace('_', ' ').ljust(width)}  {'no data' if value is None else value}"
        for name, value in facts.items()
    )
