"""Tell somebody outside that promises are kept in time; when they are not, fall silent."""

from __future__ import annotations

import httpx
import structlog
from django.conf import settings

from approvals.services import clock, deliveries, timers

logger = structlog.get_logger(__name__)
LATE = 60.0
PATIENCE = 5.0


def late() -> dict[str, float]:
    """The ages, in seconds, that are over a minute: nobody keeps up with timers or deliveries."""
    at = clock.now()
    ages = {
        "oldest_due_timer": timers.oldest_due(at=at),
        "oldest_due_delivery": deliveries.oldest_due(at=at),
    }
    return {name: round(age, 1) for name, age in ages.items() if age > LATE}


def ping() -> bool:
    """Call the dead man's address unless promises are late; returns whether it was called.

    The address is the operator's own (DEAD_MAN_URL), so it may be inside the network.
    """
    behind = late()
    if behind:
        logger.error("promises are late", **behind)
        return False
    if not settings.DEAD_MAN_URL:
        return False
    try:
        httpx.get(settings.DEAD_MAN_URL, timeout=PATIENCE, trust_env=False)
    except httpx.HTTPError as error:
        logger.warning("dead man's address does not answer", error=type(error).__name__)
        return False
    return True
