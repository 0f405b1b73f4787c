"""Stages as they count at a moment, whether or not somebody has written down that one has ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from approvals.domain import stage_dates
from approvals.domain.terms import Stage
from approvals.models.trust import AgentStage

ENDED = "Its end date came."
ENDED_BY = "the service"


def as_of(row: AgentStage, *, at: datetime) -> AgentStage:
    """The row itself, or once its end has come the one that follows it, not saved yet."""
    if row.until is not None or row.ends_at is None or at < row.ends_at:
        return row
    return AgentStage(
        agent_id=row.agent_id,
        action_class=row.action_class,
        stage=stage_at(row, at=at).value,
        since=row.ends_at,
        changed_by=ENDED_BY,
        reason=ENDED,
    )


def stage_at(row: AgentStage, *, at: datetime) -> Stage:
    """What the row says at a moment since it began."""
    return stage_dates.counts_as(row.stage, row.falls_to, row.ends_at, at=at)


def unrolled(rows: Iterable[AgentStage], *, at: datetime) -> Iterator[AgentStage]:
    """The rows as they would stand had every end been written down when it came."""
    for row in rows:
        standing = as_of(row, at=at)
        yield standing
        if standing is not row:
            row.until = row.ends_at
            yield row
