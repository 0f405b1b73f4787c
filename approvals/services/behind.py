"""Tell those alone whom a message to several did not reach, so that nobody else hears it twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from approvals.models import Delivery
from approvals.ports import Left

# A mail server that does not know us yet wants to see us again, not at once.
FIRST_WAIT = timedelta(seconds=30)


def promise(delivery: Delivery, left: Sequence[Left], *, at: datetime) -> None:
    """One more delivery of the same thing for each, beside the one that reached the others.

    Called in the transaction that closes it: either both stand, or all are told again. What seems
    final is tried once more by itself, and then given up as everything else is.
    """
    Delivery.objects.bulk_create(
        Delivery(
            adapter=delivery.adapter,
            address=one.address,
            kind=delivery.kind,
            request_id=delivery.request_id,
            event_id=delivery.event_id,
            words=delivery.words,
            due_at=at if one.permanent else at + FIRST_WAIT,
            last_error=one.words[:2000],
            created_at=at,
        )
        for one in left
    )
