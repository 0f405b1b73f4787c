"""Some agents by name, with what waits of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count as Number

from approvals.domain.policy.agent_policy import ITSELF
from approvals.domain.terms import OPEN
from approvals.models import Agent, ApprovalRequest


@dataclass(frozen=True, slots=True)
class Line:
    """One agent that was chosen."""

    agent: Agent
    waiting: int


def named(names: Sequence[str]) -> list[Line]:
    """Those there are of these names, never the service itself; two statements."""
    rows = Agent.objects.filter(name__in=names).exclude(name=ITSELF).select_related("owner")
    agents = list(rows.order_by("name"))
    waits = ApprovalRequest.objects.filter(
        agent__in=agents, status__in=[status.value for status in OPEN], joined=None
    )
    counts = dict(waits.order_by().values_list("agent").annotate(count=Number("pk")))
    return [Line(agent, counts.get(agent.pk, 0)) for agent in agents]
