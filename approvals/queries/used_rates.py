"""How much of its rates each agent has used, in the windows that policies count by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Min, Q

from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.rates import Rate, covers
from approvals.domain.terms import OPEN, Status
from approvals.models import Agent, ApprovalRequest

LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
_COUNTED = (*(status.value for status in OPEN), Status.APPROVED.value)


@dataclass(frozen=True, slots=True)
class Used:
    """One rate of one agent; `room_at` is when the oldest request that counts drops out."""

    agent: str
    rule: str
    what: str
    window: str
    used: int
    limit: int
    room_at: datetime | None

    @property
    def share(self) -> float:
        return self.used / self.limit if self.limit else 1.0


@dataclass(frozen=True, slots=True)
class _Count:
    action: str
    used: Mapping[str, int]
    since: Mapping[str, datetime | None]


def of(agents: Sequence[Agent], policy: PolicySet, *, at: datetime) -> list[Used]:
    """Every rate that concerns any of these agents, the fullest first; two statements at most."""
    counts = _counts([agent.pk for agent in agents], at=at)
    found = [
        used
        for agent in agents
        for each in policy.concerning(agent.name)
        for rate in each.rates
        for used in _used(agent, rate, counts.get(agent.pk, ()))
    ]
    return sorted(found, key=lambda used: (-used.share, used.agent, used.rule))


def _counts(agents: Sequence[UUID], *, at: datetime) -> Mapping[UUID, list[_Count]]:
    lately = Q(created_at__gt=at - LENGTHS["hour"])
    rows = (
        ApprovalRequest.objects.filter(
            agent__in=agents, created_at__gt=at - LENGTHS["day"], status__in=_COUNTED
        )
        .order_by()
        .values_list("agent", "action")
        .annotate(
            by_hour=Count("pk", filter=lately),
            by_day=Count("pk"),
            hour_since=Min("created_at", filter=lately),
            day_since=Min("created_at"),
        )
    )
    found: defaultdict[UUID, list[_Count]] = defaultdict(list)
    for agent, action, by_hour, by_day, hour_since, day_since in rows:
        used, since = {"hour": by_hour, "day": by_day}, {"hour": hour_since, "day": day_since}
        found[agent].append(_Count(action, used, since))
    return found


def _used(agent: Agent, rate: Rate, counts: Iterable[_Count]) -> Iterator[Used]:
    mine = [count for count in counts if covers(rate, count.action)]
    for window, limit in (("hour", rate.per_hour), ("day", rate.per_day)):
        if limit is None:
            continue
        since = [first for count in mine if (first := count.since[window]) is not None]
        yield Used(
            agent=agent.name,
            rule=rate.rule(f"per_{window}"),
            what=rate.name or "everything",
            window=window,
            used=sum(count.used[window] for count in mine),
            limit=limit,
            room_at=min(since) + LENGTHS[window] if since else None,
        )
