"""What an agent has behind it, counted from rows of ours: rules and cards may quote it.

Looked at are the agent's newest 500 requests of the last 30 days, so that the count costs the same
however busy an agent is; one that asked more often is described by those alone, and the words say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from approvals.domain.terms import OutcomeStatus, Status
from approvals.models import Agent, ApprovalRequest

DAYS = 30
MOST = 500
_NAMES = (
    "asked", "performed", "failed", "rolled_back", "approved", "denied", "asked_today",
    "denied_today",
)  # fmt: skip
# Written out, because the ORM needs ten times as long to write it as the database to answer it.
_COUNT = f"""
    WITH newest AS (
        SELECT action = %s AS this, created_at >= %s AS today, asked, status, outcome_status,
            consumed_at, created_at
        FROM {ApprovalRequest._meta.db_table}
        WHERE agent_id = %s AND created_at > %s
        ORDER BY created_at DESC LIMIT {MOST}
    )
    SELECT COUNT(*),
        MAX(created_at) FILTER (WHERE this),
        COUNT(*) FILTER (WHERE this),
        COUNT(*) FILTER (WHERE this AND (consumed_at IS NOT NULL OR outcome_status <> '')),
        COUNT(*) FILTER (WHERE this AND outcome_status = '{OutcomeStatus.FAILURE.value}'),
        COUNT(*) FILTER (WHERE this AND outcome_status = '{OutcomeStatus.ROLLED_BACK.value}'),
        COUNT(*) FILTER (WHERE this AND asked AND status = '{Status.APPROVED.value}'),
        COUNT(*) FILTER (WHERE this AND asked AND status = '{Status.DENIED.value}'),
        COUNT(*) FILTER (WHERE today AND asked),
        COUNT(*) FILTER (WHERE today AND status = '{Status.DENIED.value}')
    FROM newest
"""  # noqa: S608  # put together from constants of ours


def of(agent: Agent, action: str, *, at: datetime) -> Mapping[str, Any]:
    """Counts of this agent's requests for this action: `asked`, `performed` (its use was started), and
    of those `failed` and `rolled_back`; `approved` and `denied` by people; `last_at` it was asked, or
    None. Of the agent whatever the action, since midnight UTC: `asked_today` (people were asked) and
    `denied_today` (by anybody). `words` say it to people.
    """
    since, midnight = (
        at - timedelta(days=DAYS),
        at.replace(hour=0, minute=0, second=0, microsecond=0),
    )
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [action, _moment(midnight), _agent(agent), _moment(since)])
        looked_at, last_at, *counts = cursor.fetchone()
    found = {**dict(zip(_NAMES, counts, strict=True)), "last_at": _read(last_at), "days": DAYS}
    return found | {"words": _words(found, all_of_them=looked_at < MOST)}


def _agent(agent: Agent) -> Any:
    return Agent._meta.get_field("id").get_db_prep_value(agent.pk, connection)


def _moment(at: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(at)


def _read(moment: datetime | str | None) -> datetime | None:
    """SQLite keeps moments as text."""
    if isinstance(moment, str):
        return datetime.fromisoformat(moment).replace(tzinfo=UTC)
    return moment


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
