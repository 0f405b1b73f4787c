"""What the guardrails page counts: what waits, what a rule blocked, and how near agents are to a limit.

Every read is bounded. Where a bound was reached the answer says so, and whoever shows it writes a plus.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import Count as Number
from django.db.models import Min, Q

from approvals.domain import trial
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.rates import Rate, covers
from approvals.domain.terms import OPEN, Basis, RiskLevel, Status
from approvals.models import Agent, Alert, ApprovalRequest, BreakerTrip

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOST_WAITING = 5_000
MOST_BLOCKED = 5_000
MOST_PAST = 20_000
MOST_AGENTS = 200
TOP = 6
_OPEN = [status.value for status in OPEN]
_COUNTED = (*_OPEN, Status.APPROVED.value)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for people now. `line` is how many waited at each full hour of the last day."""

    count: int
    by_risk: Mapping[RiskLevel, int]
    oldest: datetime | None
    half_used: int
    line: tuple[tuple[datetime, int], ...]
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Blocked:
    """What policy denied since a moment. `fresh` are the reasons not seen in the span before it."""

    count: int
    by_reason: tuple[tuple[str, int], ...]
    by_agent: tuple[tuple[str, int], ...]
    fresh: frozenset[str]
    last: datetime | None
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Used:
    """How much of one rate an agent has used; `room_at` is when the oldest that counts drops out."""

    agent: str
    rule: str
    window: str
    used: int
    limit: int
    room_at: datetime | None

    @property
    def share(self) -> float:
        return self.used / self.limit if self.limit else 1.0


def waiting(*, at: datetime) -> Waiting:
    """The requests that wait now, and how many did at each hour of the last day."""
    rows = list(
        ApprovalRequest.objects.filter(status__in=_OPEN)
        .exclude(effect=trial.EFFECT)
        .order_by("number")
        .values_list("risk", "created_at", "expires_at")[: MOST_WAITING + 1]
    )
    counts = Counter(risk for risk, _, _ in rows)
    return Waiting(
        count=len(rows),
        by_risk={risk: counts[risk.value] for risk in RiskLevel},
        oldest=min((created for _, created, _ in rows), default=None),
        half_used=sum(at - created > (ends - created) / 2 for _, created, ends in rows),
        line=_line(at=at),
        is_whole=len(rows) <= MOST_WAITING,
    )


def _line(*, at: datetime) -> tuple[tuple[datetime, int], ...]:
    """From the newest requests alone, so that a long past costs nothing."""
    lives = list(
        ApprovalRequest.objects.filter(asked=True)
        .order_by("-number")
        .values_list("created_at", "closed_at")[:MOST_PAST]
    )
    top = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [*(top - HOUR * back for back in range(23, -1, -1)), at]
    return tuple(
        (hour, sum(born <= hour and (end is None or end > hour) for born, end in lives))
        for hour in hours
    )


def blocked(*, since: datetime, at: datetime) -> Blocked:
    """What policy denied from `since` until now, with the reasons new against the span before."""
    rows = list(
        ApprovalRequest.objects.filter(status=Status.DENIED.value, basis=Basis.POLICY.value)
        .order_by("-number")
        .values_list("reason_code", "agent__name", "created_at")[: MOST_BLOCKED + 1]
    )
    now = [row for row in rows if row[2] >= since]
    before = {reason for reason, _, when in rows if since - (at - since) <= when < since}
    reasons, agents = Counter(row[0] for row in now), Counter(row[1] for row in now)
    return Blocked(
        count=len(now),
        by_reason=tuple(reasons.most_common()),
        by_agent=tuple(agents.most_common(TOP)),
        fresh=frozenset(reasons) - before,
        last=rows[0][2] if rows else None,
        is_whole=len(now) <= MOST_BLOCKED,
    )


def near_limits(policy: PolicySet, *, at: datetime) -> list[Used]:
    """Every rate of every agent that used any of it, the fullest first."""
    agents = list(Agent.objects.filter(is_enabled=True).order_by("name")[:MOST_AGENTS])
    counts = _counts([agent.pk for agent in agents], at=at)
    found = [
        used
        for agent in agents
        for rate in (rate for each in policy.concerning(agent.name) for rate in each.rates)
        for used in _used(agent, rate, counts[agent.pk])
    ]
    return sorted(found, key=lambda used: (-used.share, used.agent, used.rule))


@dataclass(frozen=True, slots=True)
class _Count:
    action: str
    hour: int
    day: int
    hour_since: datetime | None
    day_since: datetime | None


def _counts(agents: Sequence[UUID], *, at: datetime) -> Mapping[UUID, list[_Count]]:
    lately = Q(created_at__gt=at - HOUR)
    rows = (
        ApprovalRequest.objects.filter(
            agent__in=agents, created_at__gt=at - DAY, status__in=_COUNTED
        )
        .order_by()
        .values("agent", "action")
        .annotate(
            by_hour=Number("pk", filter=lately),
            by_day=Number("pk"),
            hour_since=Min("created_at", filter=lately),
            day_since=Min("created_at"),
        )
    )
    found: defaultdict[UUID, list[_Count]] = defaultdict(list)
    for row in rows:
        found[row["agent"]].append(
            _Count(
                row["action"], row["by_hour"], row["by_day"], row["hour_since"], row["day_since"]
            )
        )
    return found


def _used(agent: Agent, rate: Rate, counts: Iterable[_Count]) -> list[Used]:
    mine = [count for count in counts if covers(rate, count.action)]
    made = []
    for window, limit in (("hour", rate.per_hour), ("day", rate.per_day)):
        used = sum(getattr(count, window) for count in mine)
        if limit is None or not used:
            continue
        since = [at for count in mine if (at := getattr(count, f"{window}_since")) is not None]
        made.append(
            Used(
                agent=agent.name,
                rule=rate.rule(f"per_{window}"),
                window=window,
                used=used,
                limit=limit,
                room_at=min(since) + (HOUR if window == "hour" else DAY) if since else None,
            )
        )
    return made


def breakers_open() -> list[BreakerTrip]:
    """Every breaker that is not closed, the longest open first."""
    rows = BreakerTrip.objects.filter(closed_at=None).select_related("agent", "trial")
    return list(rows.order_by("opened_at")[:MOST_AGENTS])


def breakers_closed() -> list[BreakerTrip]:
    """The breakers closed last."""
    rows = BreakerTrip.objects.filter(closed_at__isnull=False).select_related("agent", "trial")
    return list(rows.order_by("-pk")[:TOP])


def alerts_open() -> dict[str, list[Alert]]:
    """The newest alerts nobody has closed, by kind."""
    rows = Alert.objects.filter(closed_at=None).select_related("agent", "request")
    found: defaultdict[str, list[Alert]] = defaultdict(list)
    for alert in rows.order_by("-pk")[:MOST_AGENTS]:
        found[alert.kind].append(alert)
    return found


def last_asked() -> datetime | None:
    """When the newest request was asked; None before the first."""
    rows = ApprovalRequest.objects.order_by("-number")
    return rows.values_list("created_at", flat=True).first()
