"""`countersign list`, `show` and `watch`"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from threading import Event
from typing import Any

from approvals import queries
from approvals.domain.cards import Card
from approvals.domain.display import Parameter
from approvals.domain.terms import Status
from approvals.models import ApprovalRequest, AuditEvent
from approvals.services import bell
from countersign import terminal
from countersign.outcomes import COULD_NOT_TELL, NO, YES

COLUMNS = ("REQUEST", "STATUS", "RISK", "AGENT", "ACTION", "TARGET", "DECIDE BY (UTC)")


def show_all(asked: argparse.Namespace) -> int:
    """What waits, most urgent first; with a filter or --all, everything that fits, newest first."""
    wanted = {"status": asked.status, "agent": asked.agent}
    everything = asked.all or asked.status
    found = queries.requests_matching(wanted, rows=None if everything else queries.waiting())
    rows = list(found[: asked.limit])
    if asked.json:
        terminal.give([_facts(row) for row in rows])
    elif rows:
        terminal.say(terminal.table(COLUMNS, [_cells(row) for row in rows]))
    else:
        terminal.say("There is none." if everything else "Nothing waits for people.")
    return YES


def show(asked: argparse.Namespace) -> int:
    """One request with everything known of it."""
    row = queries.request(asked.ref)
    events = list(queries.events_of(row))
    if asked.json:
        terminal.give(
            {**_facts(row), **_details(row), "events": [_event(event) for event in events]}
        )
        return YES
    terminal.say(
        "\n".join(
            [*_card(queries.card(row)), "History", *(f"  {_line(event)}" for event in events)]
        )
    )
    return YES


def watch(asked: argparse.Namespace) -> int:
    """Print history as it is written until the request is final: 0 approved, 1 not, 3 not in time."""
    row = queries.request(asked.ref)
    for event in _as_they_come(row, asked.wait):
        if asked.json:
            terminal.give(_event(event), lines=True)
        else:
            terminal.say(_line(event))
    row = queries.request(asked.ref)
    if not Status(row.status).is_final:
        terminal.complain(f"{row.ref} still waits.")
        return COULD_NOT_TELL
    return YES if row.status == Status.APPROVED else NO


def _as_they_come(row: ApprovalRequest, seconds: float | None) -> Iterator[AuditEvent]:
    """Every event of a request, those to come included, until it is final or the time is up."""
    ends_at = None if seconds is None else time.monotonic() + seconds
    last = -1
    for _ in bell.bell().listen(Event()):
        is_final = Status(queries.request(row.ref).status).is_final
        for event in queries.events_of(row, after=last):
            last = event.seq
            yield event
        if is_final or (ends_at is not None and time.monotonic() >= ends_at):
            return


def _cells(row: ApprovalRequest) -> Sequence[str]:
    deadline = "" if Status(row.status).is_final else f"{row.decide_by:%d %b %H:%M:%S}"
    same = _deciding_with(row)
    target = f"{row.target} ×{1 + len(same)}" if same else row.target
    return (row.ref, row.status, row.risk, row.agent.name, row.action, target, deadline)


def _deciding_with(row: ApprovalRequest) -> list[str]:
    """The requests that a decision on this one decides too."""
    if Status(row.status).is_final or row.joined_id is not None:
        return []
    return queries.beside(row)


def _facts(row: ApprovalRequest) -> dict[str, Any]:
    return {
        "ref": row.ref,
        "id": str(row.public_id),
        "status": row.status,
        "basis": row.basis or None,
        "reason_code": row.reason_code or None,
        "risk": row.risk,
        "agent": row.agent.name,
        "action": row.action,
        "target": row.target,
        "version": row.version,
        "created_at": row.created_at.isoformat(),
        "decide_by": row.decide_by.isoformat(),
        "expires_at": row.expires_at.isoformat(),
        "closed_at": row.closed_at.isoformat() if row.closed_at else None,
        "closed_by": row.closed_by or None,
        "consumed_at": row.consumed_at.isoformat() if row.consumed_at else None,
        "outcome": row.outcome,
    }


def _details(row: ApprovalRequest) -> dict[str, Any]:
    return {
        "submission": row.submission,
        "parameters_sha256": row.parameters_sha256,
        "because": row.because,
        "evaluation": row.evaluation,
        "plan": row.plan,
        "policy_version": row.policy_version,
        "decisions": [
            {
                "verdict": given.verdict,
                "by": given.person.email,
                "comment": given.comment,
                "channel": given.channel,
                "at": given.at.isoformat(),
            }
            for given in row.decisions.all()
        ],
    }


def _event(event: AuditEvent) -> dict[str, Any]:
    return {**event.entry, "hash": event.hash}


def _line(event: AuditEvent) -> str:
    detail = event.entry.get("detail") or {}
    words = [
        str(detail[name])
        for name in ("verdict", "refused_because", "comment", "words")
        if detail.get(name)
    ]
    said = f"  ({', '.join(words)})" if words else ""
    return terminal.escape(f"{event.at:%Y-%m-%d %H:%M:%S}Z  {event.type:<24} {event.actor}{said}")


def _card(card: Card) -> Iterator[str]:
    """What approvers are shown, in the same order."""
    yield f"{card.ref}  {card.badge}  {_flat(card.headline)}"
    yield _flat(card.state_line)
    if len(card.counts_for) > 1:
        yield f"A decision also decides {', '.join(card.counts_for[1:])}, identical."
    yield from _section("Recorded", [f"{fact.name}: {fact.value}" for fact in card.facts])
    yield from _section("What would run", [_parameter(each) for each in card.parameters])
    yield from _section("Why people are asked", card.because)
    yield from _section("Checked", [f"{check.mark}: {check.words}" for check in card.checks])
    claims = [f"{claim.name}: {claim.shown.text}" for claim in card.claims]
    yield from _section("The agent says (not checked)", claims)
    yield from _section(
        "Asked and answered", [f"{note.by}: {note.shown.text}" for note in card.notes]
    )
    said = [": ".join(filter(None, (one.by, one.verdict, one.shown.text))) for one in card.said]
    yield from _section("Said", said)
    yield card.url


def _section(title: str, entries: Sequence[str]) -> Iterator[str]:
    if entries:
        yield title
        yield from (f"  {_flat(entry)}" for entry in entries)


def _parameter(parameter: Parameter) -> str:
    means = f" ({parameter.means})" if parameter.means else ""
    return f"{parameter.path} = {parameter.shown.text}{means}"


def _flat(text: str) -> str:
    """A text of several lines, set in so that it cannot pose as lines of ours."""
    return text.replace("\n", "\n      ")
