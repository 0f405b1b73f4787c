"""Many of a thing at once, as they would be after a long time: made by one statement, not by the service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from approvals.models import Agent, ApprovalRequest
from approvals.models.fields import uuid7


def requests(row: ApprovalRequest, each: Iterable[Mapping[str, Any]]) -> None:
    """The same request so many more times, each with its changes."""
    kept: dict[str, Any] = {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if field.attname not in {"number", "public_id", "idempotency_key"}
    }
    ApprovalRequest.objects.bulk_create(
        ApprovalRequest(**kept | dict(changes), public_id=uuid7()) for changes in each
    )


def agents(how_many: int, *, like: Agent) -> list[Agent]:
    """Agents that stand before any other by name."""
    kept = {"owner": like.owner, "created_at": like.created_at}
    rows = [Agent(name=f"a-{number:05}", **kept) for number in range(how_many)]
    return Agent.objects.bulk_create(rows)
