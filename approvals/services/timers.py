"""Fire what is due: each request's overdue steps, under its lock, once."""

from __future__ import annotations

from datetime import datetime

import structlog

from approvals.models import Timer
from approvals.services import ledger

logger = structlog.get_logger(__name__)


def fire_due(*, at: datetime, limit: int = 200) -> int:
    """Fire up to `limit` due timers; returns how many requests were written.

    Several processes may do this at once: whoever holds the row writes, the others pass by.
    """
    due = Timer.objects.filter(fired_at=None, dropped_at=None, due_at__lte=at).order_by(
        "due_at", "id"
    )
    numbers = list(dict.fromkeys(due.values_list("request_id", flat=True)[:limit]))
    fired = 0
    for number in numbers:
        try:
            fired += ledger.let_time_pass(number, at=at)
        except Exception as error:
            # One bad row must not hold up the others; it stays due, and /readyz shows its age.
            logger.error("timer failed", request=number, error=str(error))
    return fired


def oldest_due(*, at: datetime) -> float:
    """Seconds the oldest due timer has been waiting; 0.0 when none is due."""
    first = (
        Timer.objects.filter(fired_at=None, dropped_at=None, due_at__lte=at)
        .order_by("due_at")
        .values_list("due_at", flat=True)
        .first()
    )
    return (at - first).total_seconds() if first else 0.0
