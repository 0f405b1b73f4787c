"""What an agent has behind it, counted from rows of ours: rules and cards may quote it.

Looked at are the agent's newest 500 requests of the last 30 days, so that the count costs the same
however busy an agent is; one that asked more often is described by those alone, and the words say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Q

from approvals.domain.terms import OutcomeStatus, Status
from approvals.models import Agent, ApprovalRequest

DAYS = 30
MOST = 500
_PERFORMED = Q(consumed_at__isnull=False) | ~Q(outcome_status="")
_DENIED = Q(status=Status.DENIED.value)


def of(agent: Agent, action: str, *, at: datetime) -> Mapping[str, Any]:
    """Counts of this agent's requests for this action: `asked`, `performed` (its use was started), and
    of those `failed` and `rolled_back`; `approved` and `denied` by people; `last_at` it was asked, or
    None. Of the agent whatever the action, since midnight UTC: `asked_today` (people were asked) and
    `denied_today` (by anybody). `words` say it to people.
    """
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    this, today = Q(action=action), Q(created_at__gte=midnight)
    counts = _newest(agent, at=at).aggregate(
        looked_at=Count("number"),
        times=Count("number", filter=this),
        performed=Count("number", filter=this & _PERFORMED),
        failed=Count("number", filter=this & _ended(OutcomeStatus.FAILURE)),
        rolled_back=Count("number", filter=this & _ended(OutcomeStatus.ROLLED_BACK)),
        approved=Count("number", filter=this & Q(asked=True, status=Status.APPROVED.value)),
        denied=Count("number", filter=this & Q(asked=True) & _DENIED),
        last_at=Max("created_at", filter=this),
        asked_today=Count("number", filter=today & Q(asked=True)),
        denied_today=Count("number", filter=today & _DENIED),
    )
    looked_at, times = counts.pop("looked_at"), counts.pop("times")  # `asked` is a column, too
    found = {"asked": times, **counts, "days": DAYS}
    return found | {"words": _words(found, all_of_them=looked_at < MOST)}


def _newest(agent: Agent, *, at: datetime) -> Any:
    recent = ApprovalRequest.objects.filter(agent=agent, created_at__gt=at - timedelta(days=DAYS))
    columns = ("number", "action", "status", "asked", "outcome_status", "consumed_at", "created_at")
    return recent.order_by("-created_at").values(*columns)[:MOST]


def _ended(status: OutcomeStatus) -> Q:
    return Q(outcome_status=status.value)


def _words(found: Mapping[str, Any], *, all_of_them: bool) -> str:
    """`performed 12 times in the last 30 days, 0 failed, 11 approved`."""
    when = f"in the last {DAYS} days" if all_of_them else f"in its last {MOST} requests"
    if not found["asked"]:
        return f"never asked {when}"
    first = f"performed {_times(found['performed'])} {when}, {found['failed']} failed"
    if not found["performed"]:
        first = f"asked {_times(found['asked'])} {when}, never performed"
    others = [
        f"{found[name]} {name.replace('_', ' ')}"
        for name in ("rolled_back", "approved", "denied")
        if found[name] or name == "approved"
    ]
    return ", ".join([first, *others])


def _times(count: int) -> str:
    return {1: "once"}.get(count, f"{count} times")
