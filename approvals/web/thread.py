"""The questions and answers of one request's page, and whose answer is waited for."""

from __future__ import annotations

from typing import Any

from approvals.domain.cards import Remark
from approvals.domain.terms import AskedOf, Status, Verdict
from approvals.queries import questions
from approvals.services import questions as pauses
from approvals.web.reading import Reading

TO = {AskedOf.BOTH: "", AskedOf.OWNER: "to the agent's owner", AskedOf.AGENT: "to the agent"}
WAITS = {
    AskedOf.BOTH: "Waits for an answer of the agent or its owner.",
    AskedOf.OWNER: "Waits for an answer of the agent's owner. What the agent writes is kept here, and "
    "the clock stays paused.",
    AskedOf.AGENT: "Waits for an answer of the agent.",
}


def facts(reading: Reading) -> dict[str, Any]:
    is_paused = reading.state.status is Status.INVESTIGATING
    asked = questions.told_by(reading.events)
    latest = list(asked.values())[-1] if is_paused and asked else None
    return {
        "thread": _thread(reading, {at: whom for (_, at), whom in asked.items()}),
        "is_paused": is_paused,
        "waits_for": WAITS[latest] if latest else "",
        "may_go_on": is_paused
        and pauses.may_end(reading.row.ref, reading.state, reading.person, latest, at=reading.now),
        "answers": is_paused and _is_asked(reading, latest),
    }


def _is_asked(reading: Reading, asked_of: AskedOf | None) -> bool:
    """Whether the open question is this reader's to answer, rather than to end."""
    is_owner = reading.person.pk == reading.row.agent.owner_id
    return is_owner and asked_of is not None and asked_of.takes_owner


def _thread(reading: Reading, asked: dict[Any, AskedOf]) -> list[dict[str, Any]]:
    """What people asked when they pressed Investigate, and all that was written after."""
    found = [
        (Remark(said.by, False, said.shown, said.at), TO[asked.get(said.at, AskedOf.BOTH)])
        for said in reading.card.said
        if said.verdict is Verdict.INVESTIGATE
    ]
    told = [*found, *((note, "") for note in reading.card.notes)]
    return [_note(note, to) for note, to in sorted(told, key=lambda each: each[0].at)]


def _note(note: Remark, to: str) -> dict[str, Any]:
    return {
        "label": "The agent says · not checked" if note.from_agent else note.by,
        "to": to,
        "from_agent": note.from_agent,
        "text": note.shown.text,
        "at": note.at,
        "flags": note.shown.notes,
    }
