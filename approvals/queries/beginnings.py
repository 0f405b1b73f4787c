"""Whether anything was ever asked, and who decided last: what an empty queue can say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from approvals.models import Agent, ApprovalRequest, Decision, Person


@dataclass(frozen=True, slots=True)
class Beginnings:
    """`decided_at` is the reader's last decision, or else anybody's."""

    has_requests: bool
    has_agents: bool
    decided_at: datetime | None
    by_you: bool


def beginnings(person: Person) -> Beginnings:
    """Three statements, each by an index's end."""
    if not ApprovalRequest.objects.exists():
        return Beginnings(False, Agent.objects.exists(), None, by_you=False)
    # The latest by time, not by id: that walks the index of this person, not everybody's decisions.
    mine = Decision.objects.filter(person=person).aggregate(last=Max("at"))["last"]
    last = Decision.objects.order_by("-id").values_list("at", flat=True)
    return Beginnings(True, True, mine or last.first(), by_you=mine is not None)
