"""Receivers of webhooks, told from what each is owed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from approvals.domain import channels
from approvals.domain.channels import when
from approvals.models import Delivery
from approvals.models.outbox import DeliveryState
from approvals.ports import GONE
from approvals.queries.channel_rows import COLUMNS, MOST, NEWEST, Row
from approvals.queries.channels import ENOUGH_TO_REST


@dataclass(slots=True)
class Endpoint:
    """What one receiver of webhooks is owed. `until` is when the next try comes, where it rests.

    `gone` and `reached` are when an address of it last said that it is gone, or took something.
    """

    prefix: str
    waiting: int = 0
    failing: int = 0
    dead: int = 0
    until: datetime | None = None
    last_success: datetime | None = None
    last_error: str = ""
    gone: dict[str, datetime] = field(default_factory=dict)
    reached: dict[str, datetime] = field(default_factory=dict)

    @property
    def switched_off(self) -> int:
        """How many of its addresses are called no more, for they said that they are gone."""
        reached = self.reached
        return sum(to not in reached or reached[to] <= at for to, at in self.gone.items())

    def state(self, now: datetime) -> str:
        if off := self.switched_off:
            return "Switched off by its receiver" + (f" ({off} addresses)" if off > 1 else "")
        if self.until and self.until > now and self.failing >= ENOUGH_TO_REST:
            return f"Resting until {when(self.until, now)}"
        if self.failing or (self.dead and self.last_success is None):
            return "Failing"
        return "Working" if self.last_success else "No data yet"


def endpoints(prefix_of: Callable[[str], str], *, adapter: str = "webhook") -> list[Endpoint]:
    """Every receiver of webhooks seen lately, those that are owed something first. Three statements."""
    found: dict[str, Endpoint] = {}
    columns = Delivery.objects.values_list(*COLUMNS)
    waiting = columns.filter(state=DeliveryState.WAITING.value).order_by("due_at", "id")[:MOST]
    dead = columns.filter(state=DeliveryState.DEAD.value).order_by("-pk")[:MOST]
    sent = (row for row in columns.order_by("-pk")[:NEWEST] if row[2] == DeliveryState.SENT)
    for row in (*waiting, *dead, *sent):
        if row[0] == adapter:
            prefix = prefix_of(row[1])
            _count(found.setdefault(prefix, Endpoint(prefix)), row)
    return sorted(found.values(), key=lambda each: (-each.failing - each.dead, each.prefix))


def _count(owed: Endpoint, row: Row) -> None:
    _, address, state, attempts, _, due, _, finished, error = row
    if state == DeliveryState.WAITING:
        owed.waiting += 1
        if attempts and error:
            owed.failing += 1
            owed.until = min(owed.until, due) if owed.until else due
            owed.last_error = channels.reason(error)
    elif state == DeliveryState.DEAD:
        owed.dead += 1
        owed.last_error = owed.last_error or channels.reason(error)
        if finished and error.startswith(GONE):
            owed.gone[address] = max(owed.gone.get(address, finished), finished)
    elif state == DeliveryState.SENT and finished:
        owed.last_success = max(owed.last_success or finished, finished)
        owed.reached[address] = max(owed.reached.get(address, finished), finished)
