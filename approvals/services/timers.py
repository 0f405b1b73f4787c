"""Fire what is due: each request's overdue steps, under its lock, once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog
from django.db.models import QuerySet

from approvals.domain.state import RequestState
from approvals.models import HeldDecision, Timer
from approvals.models.requests import REF_PREFIX
from approvals.services import actors, held, ledger, outbox

logger = structlog.get_logger(__name__)

# Together is quicker; but a click on one of them waits until all of them are written.
TOGETHER = 25


def fire_due(*, at: datetime, limit: int = 200) -> int:
    """Fire up to `limit` due timers, and give out held decisions; returns how many requests were written."""
    return _give_out(at=at, limit=limit) + _fire_due(at=at, limit=limit)


def _give_out(*, at: datetime, limit: int) -> int:
    """A held decision is its own timer; whoever touches the request gives it out, and so does this."""
    due = HeldDecision.objects.filter(**held.OPEN, release_at__lte=at).order_by("release_at", "id")
    numbers = list(dict.fromkeys(due.values_list("request_id", flat=True)[:limit]))
    return sum(_touch(number, at=at) for number in numbers)


def _touch(number: int, *, at: datetime) -> int:
    try:
        ledger.transition(f"{REF_PREFIX}{number}", _stay, actor=actors.SYSTEM, at=at)
    except Exception as error:
        # It stays due, and /readyz shows its age.
        logger.error("held decision failed", request=number, error=str(error))
        return 0
    return 1


def _stay(state: RequestState) -> None:
    del state


def _fire_due(*, at: datetime, limit: int) -> int:
    """Fire up to `limit` due timers; returns how many requests were written.

    Several processes may do this at once: whoever holds the row writes, the others pass by. Where
    none of the oldest can be fired, those behind them still get their turn.
    """
    due = Timer.objects.filter(**outbox.OPEN, due_at__lte=at).order_by("due_at", "id")
    tried: set[int] = set()
    while numbers := _numbers(due.exclude(request__in=tried), limit):
        batches = [numbers[start : start + TOGETHER] for start in range(0, len(numbers), TOGETHER)]
        fired = sum(_fire(batch, at=at) for batch in batches)
        if fired:
            return fired
        tried.update(numbers)
    return 0


def _numbers(due: QuerySet[Timer], limit: int) -> list[int]:
    return list(dict.fromkeys(due.values_list("request_id", flat=True)[:limit]))


def _fire(numbers: Sequence[int], *, at: datetime) -> int:
    """Fire a batch together, or each alone when that fails: one bad row must not hold up others."""
    try:
        return ledger.let_time_pass(*numbers, at=at)
    except Exception as error:
        if len(numbers) == 1:
            # It stays due, and /readyz shows its age.
            logger.error("timer failed", request=numbers[0], error=str(error))
            return 0
    return sum(_fire([number], at=at) for number in numbers)


def oldest_due(*, at: datetime) -> float:
    """Seconds the oldest due timer or held decision has been waiting; 0.0 when none is due."""
    timers = Timer.objects.filter(**outbox.OPEN, due_at__lte=at).order_by("due_at")
    waiting = HeldDecision.objects.filter(**held.OPEN, release_at__lte=at).order_by("release_at")
    firsts = (
        timers.values_list("due_at", flat=True).first(),
        waiting.values_list("release_at", flat=True).first(),
    )
    return max(((at - first).total_seconds() for first in firsts if first), default=0.0)
