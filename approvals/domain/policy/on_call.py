"""Who is on call for a team: which schedule says so, and the seat its people take in a plan."""

from __future__ import annotations

from dataclasses import dataclass

from approvals.domain.policy.reading import Place, Value

WORD = "on_call"
PREFIX = f"{WORD}:"
PROVIDERS = ("pagerduty",)
LONGEST_SCHEDULE = 100


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule at a provider, by the id the provider gave it."""

    provider: str
    id: str
    place: Place


def seat(team: str) -> str:
    """The name by which plans ask whoever is on call for a team; no team of a document bears such."""
    return f"{PREFIX}{team}"


def team_of(seat: str) -> str | None:
    """The team whose people on call a plan asks by this name; None where it names a team."""
    return seat.removeprefix(PREFIX) if seat.startswith(PREFIX) else None


def read(value: Value) -> Schedule:
    """`{pagerduty: SCHEDULE_ID}`. Raises PolicyInvalid."""
    body = value.mapping(*PROVIDERS)
    if len(body) != 1:
        raise value.fail("one schedule is wanted here, such as {pagerduty: PABC123}")
    [(provider, schedule)] = body.items()
    return Schedule(provider, schedule.name(at_most=LONGEST_SCHEDULE), value.place)
