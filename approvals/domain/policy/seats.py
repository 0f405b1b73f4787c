"""Names in plans that are no team of a document, and stand for whoever sits there at the moment."""

from __future__ import annotations

from collections.abc import Mapping

from approvals.domain import trial
from approvals.domain.policy import on_call, superiors

PREFIXES = {
    on_call.PREFIX: "who is on call",
    superiors.PREFIX: "the managers of a team's people",
    trial.PREFIX: "who tries a channel",
}


def is_seat(name: str) -> bool:
    """Whether the service itself keeps the people of this name, so that nobody is put there by hand."""
    return name.startswith(tuple(PREFIXES))


def spoken(name: str, titles: Mapping[str, str] | None = None) -> str:
    """A team, who is on call for it, or the managers of its people, as words for people.

    `titles` are what people call teams; where it is left out they are called by their names.
    """
    called = titles or {}
    if (team := on_call.team_of(name)) is not None:
        return f"{called.get(team, team)} on call"
    if (team := superiors.team_of(name)) is not None:
        return f"the managers of {called.get(team, team)}"
    return called.get(name, name)
