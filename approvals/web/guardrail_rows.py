"""One breaker and one alert, as the guardrails page draws them for whoever looks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from approvals.domain import display
from approvals.domain.terms import AlertKind, Phase
from approvals.models import Alert, ApprovalRequest, BreakerTrip, Person
from approvals.queries.guardrail_lists import Cause
from approvals.services import alert_life, alerts, more_scope, tripped
from approvals.services.alert_life import Life
from approvals.web import guardrail_tries

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
KEPT_APART = (alert_life.WATCHED, "closed_because", more_scope.ASKED_IN)
ASKED_SCOPE = ("action", "target", "namespace", "resource_type")


def breaker(trip: BreakerTrip, person: Person, now: datetime) -> dict[str, Any]:
    phase = tripped.phase(trip, at=now)
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
        "closed_by": trip.closed_by.removeprefix("person:"),
        "why": trip.close_reason,
        "may_reset": trip.closed_at is None
        and person.role == "manager"
        and trip.agent.owner_id != person.pk,
    }


def by_cause(
    found: Iterable[Cause], person: Person, known: Mapping[int, ApprovalRequest], now: datetime
) -> list[dict[str, Any]]:
    """One entry for each cause, the newest alert of it on top and the repeats beneath."""
    return [
        alert(each.alerts[0], person, known, now)
        | {
            "repeats": [alert(repeat, person, known, now) for repeat in each.alerts[1:]],
            "times": each.times,
            "left": each.times - len(each.alerts),
            "first": each.first,
        }
        for each in found
    ]


def alert(
    raised: Alert, person: Person, known: Mapping[int, ApprovalRequest], now: datetime
) -> dict[str, Any]:
    owner = raised.agent.owner if raised.agent else None
    is_theirs = owner is not None and owner.pk == person.pk
    stands = alert_life.life(raised, at=now)
    return {
        "number": raised.pk,
        "kind": raised.kind,
        "words": raised.words,
        "agent": raised.agent.name if raised.agent else "",
        "owner": owner if owner is not None and not is_theirs else None,
        "at": raised.at,
        "ref": raised.request.ref if raised.request else "",
        "figures": _figures(raised.values),
        "scope": _scope(raised) if raised.kind == AlertKind.SCOPE_VIOLATION.value else [],
        "tries": guardrail_tries.beside(raised, known),
        "life": stands.value,
        "taken_by": raised.taken_by,
        "taken_at": raised.taken_at,
        "is_yours": raised.taken_by == person.email,
        "watch": raised.values.get(alert_life.WATCHED) if stands is Life.WATCHED else None,
        "watched_until": alert_life.watched_until(raised) if stands is Life.WATCHED else None,
        "asked": guardrail_tries.asked(raised, known),
        "may_ask_scope": raised.kind == AlertKind.SCOPE_VIOLATION.value
        and more_scope.may_ask(person, raised),
        "may_close": person.role in alerts.CLOSERS and not is_theirs,
        "may_mute": raised.kind != AlertKind.SCOPE_VIOLATION.value and raised.agent is not None,
    }


def _scope(raised: Alert) -> list[tuple[str, str, str]]:
    """What was asked beside what is allowed, where the rule says so."""
    allowed = raised.values.get("allowed")
    limit = _safe(_flat(allowed)) if allowed else ""
    return [
        (name.replace("_", " "), _safe(_flat(raised.values[name])), _allowed(name, raised, limit))
        for name in ASKED_SCOPE
        if raised.values.get(name)
    ]


def _allowed(name: str, raised: Alert, limit: str) -> str:
    """What the scope allows stands beside the one thing that left it, which the alert names."""
    return limit if f"The {name.replace('_', ' ')} " in raised.words else ""


def _figures(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What stands behind the words; texts may be an agent's own."""
    shown = [(name, value) for name, value in values.items() if name not in KEPT_APART]
    return [(name.replace("_", " "), _safe(_flat(value))) for name, value in shown[:MOST_FIGURES]]


def _safe(text: str) -> str:
    return display.show(text, limit=300).text


def _flat(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_flat(each) for each in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
