"""How much of its rates each agent has used, in the windows that policies count by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import Count, Min, Q

from approvals.domain import search
from approvals.domain.policy.classes import CLASSES
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.rates import Rate, covers
from approvals.domain.search import Term
from approvals.domain.terms import OPEN, Status
from approvals.models import Agent, ApprovalRequest

LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
_TICK = timedelta(microseconds=1)  # windows begin after a moment, a search at one
_COUNTED = (*(status.value for status in OPEN), Status.APPROVED.value)


@dataclass(frozen=True, slots=True)
class Used:
    """One rate of one agent; `room_at` is when the oldest request that counts drops out.

    `listed_by` is the search of history that lists what counts; empty where none could be written.
    """

    agent: str
    rule: str
    what: str
    window: str
    used: int
    limit: int
    room_at: datetime | None
    listed_by: str

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
        for used in _used(agent, rate, counts.get(agent.pk, ()), at=at)
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


def _used(agent: Agent, rate: Rate, counts: Iterable[_Count], *, at: datetime) -> Iterator[Used]:
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
            listed_by=_listed_by(agent, rate, [count for count in mine if count.used[window]],
                                 since=at - LENGTHS[window] + _TICK),
        )  # fmt: skip


def _listed_by(agent: Agent, rate: Rate, counts: Sequence[_Count], *, since: datetime) -> str:
    """By the rate's own words; where those are too many, by the actions that were asked."""
    named = [count.action for count in counts]
    ways = [[Term("action", name) for name in named]] if rate.name else [[]]
    words = rate.actions or ((rate.name,) if rate.name else ())
    if rate.name and CLASSES.keys().isdisjoint(rate.actions):
        ways.insert(0, [Term("actions", word) for word in words])
    begin = f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
    outcomes = [Term("outcome", status) for status in _COUNTED]
    for way in ways:
        terms = [Term("agent", agent.name), *way, *outcomes, Term("after", begin)]
        text = search.written(terms)
        if search.parse(text) == search.Search(tuple(terms)):
            return text
    return ""
