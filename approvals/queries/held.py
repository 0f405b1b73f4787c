"""What one person said of several requests that waits to take effect, or did."""

from __future__ import annotations

from collections.abc import Iterable

from approvals.models import HeldDecision, Person


def last_said(person: Person, requests: Iterable[int]) -> dict[int, HeldDecision]:
    """The newest decision of this person that was held on each of these requests; one statement."""
    said = HeldDecision.objects.filter(person=person, request__in=list(requests))
    return {held.request_id: held for held in said.order_by("id")}
