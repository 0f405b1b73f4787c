"""Requests that nobody decides in time, and a way of writing to leads that keeps what it was given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from approvals.models import ApprovalRequest, Person
from approvals.ports import DeliveryError
from approvals.services import expired_lists, timers
from approvals.services.expired_lists import Owed
from tests.support import cast

STEP = timedelta(minutes=5)


def undecided(target: str, at: datetime, **changes: Any) -> ApprovalRequest:
    """A request of medium risk that expires at this moment, after its leads and managers were asked."""
    row = cast.request(at=at - 2 * STEP, **{"target": target, **changes})
    for moment in (at - STEP, at):
        timers.fire_due(at=moment)
    row.refresh_from_db()
    return row


def manages(manager: Person, *people: Person) -> None:
    for person in people:
        person.manager = manager
        person.save(update_fields=["manager"])


class Letterbox:
    """Writes to everybody by their name, and does with each list what it was told to do next."""

    name = "told"

    def __init__(self) -> None:
        self.sent: list[Owed] = []
        self.again: list[bool] = []
        self.refused: set[str] = set()
        self.faults: list[Exception | Callable[[], None]] = []

    def addresses(self, people: Mapping[int, Person]) -> Mapping[int, str]:
        return {pk: person.name for pk, person in people.items()}

    def write(self, one: Owed, *, again: bool) -> None:
        self.again.append(again)
        if one.to in self.refused:
            raise DeliveryError("There is nobody of this name.")
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, Exception):
            raise fault
        if fault is not None:
            fault()
        self.sent.append(one)

    def told(self) -> dict[str, list[str]]:
        """The references that each person read, in order; each list taken once."""
        found: dict[str, list[str]] = {}
        for one in self.sent:
            refs = [line.ref for line in expired_lists.lines(one, address=one.to)]
            found.setdefault(one.to, []).extend(refs)
        self.sent.clear()
        return found
