"""What stands in place of an empty list: how to begin, or that there is nothing to do."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from approvals.models import Person
from approvals.queries import beginnings
from approvals.services import adapters, next_on_call


@dataclass(frozen=True, slots=True)
class Step:
    """One of the three steps of a first run."""

    words: str
    href: str
    is_done: bool


@dataclass(frozen=True, slots=True)
class Steps:
    """`steps` is empty once something was ever asked. `decided_at` is the reader's last decision."""

    steps: tuple[Step, ...]
    decided_at: datetime | None
    by_you: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class Shift:
    """Who is on call next, and from when; `team` only where the reader is in several."""

    who: str
    team: str
    starts_at: datetime


def shift(person: Person, teams: Collection[str], *, now: datetime) -> Shift | None:
    """The next change of shift in the reader's teams; None where nobody said one."""
    found = next_on_call.of(teams, at=now)
    if found is None:
        return None
    names = [
        f"{'you' if each.pk == person.pk else each}{', away then' if each.pk in found.away else ''}"
        for each in found.people
    ]
    team = found.team if found.is_one_of_several else ""
    return Shift(" and ".join(names), team, found.starts_at.astimezone(UTC))


def of(person: Person, *, now: datetime) -> Steps:
    """Three statements, or four."""
    began = beginnings.beginnings(person)
    if began.has_requests:
        return Steps((), began.decided_at, began.by_you, now)
    people = [name for name in adapters.enabled() if name != "webhook"]
    return Steps(
        (
            Step("Connect a channel", "/settings", bool(people)),
            Step("Register an agent", "/agents", began.has_agents),
            Step("Send a first request", "/agents", False),
        ),
        None,
        False,
        now,
    )
