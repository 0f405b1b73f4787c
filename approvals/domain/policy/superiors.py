"""The managers of a team's people: the seat they take in a plan that escalates to them."""

from __future__ import annotations

WORD = "manager"
PREFIX = f"{WORD}:"


def seat(team: str) -> str:
    """The name by which plans ask the managers of a team's people; no team of a document bears such."""
    return f"{PREFIX}{team}"


def team_of(seat: str) -> str | None:
    """The team whose people's managers a plan asks by this name; None where it names another seat."""
    return seat.removeprefix(PREFIX) if seat.startswith(PREFIX) else None
