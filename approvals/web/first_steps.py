"""What stands in place of an empty list: how to begin, or that there is nothing to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from approvals.models import Person
from approvals.queries import beginnings
from approvals.services import adapters


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
