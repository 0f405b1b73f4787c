"""One breaker and one alert, as the guardrails page draws them for whoever looks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from approvals.domain import display
from approvals.domain.terms import AlertKind, Phase
from approvals.models import Alert, BreakerTrip, Person
from approvals.services import alert_life, alerts, breakers

PHASES = {
    Phase.OPEN: ("● Open", "status-denied"),
    Phase.HALF_OPEN: ("◐ Trying again", "status-failed"),
    Phase.CLOSED: ("○ Closed", "status-closed"),
}
DOES = {
    "pause_and_alert": "Everything this agent asks is refused.",
    "require_human_review": "A person is asked about everything.",
    "freeze_scaling": "Scaling is refused.",
}
MOST_FIGURES = 12


def breaker(trip: BreakerTrip, person: Person, now: datetime) -> dict[str, Any]:
    phase = breakers.phase(trip, at=now)
    words, css = PHASES[phase]
    return {
        "number": trip.pk,
        "agent": trip.agent.name,
        "kind": trip.kind.replace("_", " "),
        "policy": trip.policy,
        "phase_words": words,
        "css": css,
        "words": trip.words,
        "does": DOES.get(trip.does, trip.does),
        "since": trip.opened_at,
        "next_try": trip.half_open_at if phase is Phase.OPEN else None,
        "trial": trip.trial.ref if phase is Phase.HALF_OPEN and trip.trial else "",
        "closed_at": trip.closed_at,
        "closed_by": trip.closed_by,
        "why": trip.close_reason,
        "may_reset": person.role == "manager" and trip.agent.owner_id != person.pk,
    }


def alert(raised: Alert, person: Person, now: datetime) -> dict[str, Any]:
    is_theirs = raised.agent is not None and raised.agent.owner_id == person.pk
    return {
        "number": raised.pk,
        "words": raised.words,
        "agent": raised.agent.name if raised.agent else "",
        "at": raised.at,
        "ref": raised.request.ref if raised.request else "",
        "figures": _figures(raised.values),
        "taken_by": raised.taken_by if alert_life.is_taken(raised, at=now) else "",
        "taken_at": raised.taken_at,
        "was_left": raised.taken_at is not None and not alert_life.is_taken(raised, at=now),
        "may_close": person.role in alerts.CLOSERS and not is_theirs,
        "may_mute": raised.kind != AlertKind.SCOPE_VIOLATION.value and raised.agent is not None,
    }


def _figures(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What stands behind the words; texts may be an agent's own."""
    return [
        (name.replace("_", " "), display.show(_flat(value), limit=300).text)
        for name, value in list(values.items())[:MOST_FIGURES]
    ]


def _flat(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_flat(each) for each in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
