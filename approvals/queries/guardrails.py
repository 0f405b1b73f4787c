"""What the guardrails page counts: what waits, what a rule blocked, and how near agents are to a limit.

Every read is bounded. Where a bound was reached the answer says so, and whoever shows it writes a plus.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from approvals.domain import trial
from approvals.domain.policy.documents import PolicySet
from approvals.domain.terms import OPEN, Basis, RiskLevel, Status
from approvals.models import Agent, Alert, ApprovalRequest, BreakerTrip
from approvals.queries import used_rates
from approvals.queries.used_rates import Used

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


def waiting(*, at: datetime) -> Waiting:
    """What waits now, identical ones as one like in the queue, and how much did at each hour of a day."""
    rows = list(
        ApprovalRequest.objects.filter(status__in=_OPEN, joined=None)
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
        ApprovalRequest.objects.filter(asked=True, joined=None)
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
    """Every rate that any agent used some of, the fullest first."""
    agents = list(Agent.objects.filter(is_enabled=True).order_by("name")[:MOST_AGENTS])
    return [each for each in used_rates.of(agents, policy, at=at) if each.used]


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
    rows = Alert.objects.filter(closed_at=None).select_related("agent__owner", "request")
    found: defaultdict[str, list[Alert]] = defaultdict(list)
    for alert in rows.order_by("-pk")[:MOST_AGENTS]:
        found[alert.kind].append(alert)
    return found


def last_asked() -> datetime | None:
    """When the newest request was asked; None before the first."""
    rows = ApprovalRequest.objects.order_by("-number")
    return rows.values_list("created_at", flat=True).first()
