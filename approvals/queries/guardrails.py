"""What the guardrails page counts: what waits, what a rule blocked, and how near agents are to a limit.

Every read is bounded. Where a bound was reached the answer says so, and whoever shows it writes a plus.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db.models import Case, Exists, Max, OuterRef, TextField, Value, When

from approvals.domain import trial
from approvals.domain.policy.documents import PolicySet
from approvals.domain.terms import OPEN, Basis, RiskLevel, Status
from approvals.models import Agent, ApprovalRequest, BreakerTrip
from approvals.queries import ruled, used_rates, waited
from approvals.queries.seconds import Seconds
from approvals.queries.used_rates import Used

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOST_WAITING = 5_000
MOST_BLOCKED = 3_000
MOST_PAST = 20_000
MOST_ASKING = 1_000
MOST_BREAKERS = 200
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
    """What policy denied since a moment, by the rule that refused first, with the reason it mostly gave.

    A refusal without a rule stands under its reason. `fresh` are the rules not seen in the span before.
    """

    count: int
    by_rule: tuple[tuple[str, str, int], ...]
    by_reason: tuple[tuple[str, int], ...]
    by_agent: tuple[tuple[str, int], ...]
    fresh: frozenset[str]
    last: datetime | None
    is_whole: bool


class Refused(NamedTuple):
    """One refusal, as far as figures need it; `at` in seconds since 1970."""

    rule: str
    reason: str
    agent: str
    at: float


class Rates(NamedTuple):
    """Rates in use, the fullest first; not whole where more agents asked than are counted."""

    used: list[Used]
    is_whole: bool


def waiting(*, at: datetime) -> Waiting:
    """What waits now, identical ones as one like in the queue, and how much did at each hour of a day."""
    rows = list(
        ApprovalRequest.objects.filter(status__in=_OPEN, joined=None)
        .exclude(effect=trial.EFFECT)
        .order_by("number")
        .values_list("risk", "created_at", "expires_at")[: MOST_WAITING + 1]
    )
    open_since = [created.timestamp() for _, created, _ in rows]
    counts = Counter(risk for risk, _, _ in rows)
    return Waiting(
        count=len(rows),
        by_risk={risk: counts[risk.value] for risk in RiskLevel},
        oldest=min((created for _, created, _ in rows), default=None),
        half_used=sum(at - created > (ends - created) / 2 for _, created, ends in rows),
        line=_line(open_since, at=at),
        is_whole=len(rows) <= MOST_WAITING,
    )


def _line(open_since: Sequence[float], *, at: datetime) -> tuple[tuple[datetime, int], ...]:
    """What waits, and of the newest requests alone what waited, so that a long past costs nothing."""
    top = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [*(top - HOUR * back for back in range(23, -1, -1)), at]
    newest = ApprovalRequest.objects.aggregate(number=Max("number"))["number"] or 0
    closed = ApprovalRequest.objects.filter(
        waited.cards(), number__gt=newest - MOST_PAST, closed_at__gt=hours[0]
    )
    lives = list(closed.values_list(Seconds("created_at"), Seconds("closed_at")))
    begun = sorted([*open_since, *(born for born, _ in lives)])
    ended = sorted(end for _, end in lives)
    moments = [(hour, hour.timestamp()) for hour in hours]
    return tuple(
        (hour, bisect_right(begun, moment) - bisect_right(ended, moment))
        for hour, moment in moments
    )


def blocked(*, since: datetime, at: datetime) -> Blocked:
    """What policy denied from `since` until now, with the rules new against the span before."""
    rows = _blocked(since - (at - since))
    first, span = since.timestamp(), (at - since).total_seconds()
    now = [row for row in rows if row.at >= first]
    before = {row.rule for row in rows if first - span <= row.at < first}
    # Where the bound was reached within these spans, nobody knows which rules are new.
    is_known = len(rows) <= MOST_BLOCKED or rows[-1].at < first - span
    rules = Counter(row.rule for row in now)
    given = {rule: Counter(row.reason for row in now if row.rule == rule) for rule in rules}
    return Blocked(
        count=len(now),
        by_rule=tuple(
            (rule, given[rule].most_common(1)[0][0], count) for rule, count in rules.most_common()
        ),
        by_reason=tuple(Counter(row.reason for row in now).most_common()),
        by_agent=tuple(Counter(row.agent for row in now).most_common()),
        fresh=frozenset(rules) - before if is_known else frozenset(),
        last=datetime.fromtimestamp(rows[0].at, UTC) if rows else None,
        is_whole=len(now) <= MOST_BLOCKED,
    )


def _blocked(since: datetime) -> list[Refused]:
    """The newest refusals; what refused those from before a moment is not looked up."""
    is_wanted = When(created_at__gte=since, then=ruled.refusing())
    told = Case(is_wanted, default=Value(""), output_field=TextField())
    found = (
        ApprovalRequest.objects.filter(status=Status.DENIED.value, basis=Basis.POLICY.value)
        .order_by("-number")
        .values_list("reason_code", "agent__name", Seconds("created_at"), told)
    )
    return [
        Refused(ruled.blocked_by(rules, reason), reason, agent, at)
        for reason, agent, at, rules in found[: MOST_BLOCKED + 1]
    ]


def near_limits(policy: PolicySet, *, at: datetime, agent: str = "") -> Rates:
    """Every rate that any agent, or this one alone, used some of in a day."""
    rows = Agent.objects.filter(is_enabled=True).order_by("name")
    asked = ApprovalRequest.objects.filter(agent=OuterRef("pk"), created_at__gt=at - DAY)
    found = list(
        (rows.filter(name=agent) if agent else rows.filter(Exists(asked)))[: MOST_ASKING + 1]
    )
    used = used_rates.of(found[:MOST_ASKING], policy, at=at)
    return Rates([each for each in used if each.used], len(found) <= MOST_ASKING)


def breakers_open() -> list[BreakerTrip]:
    """Every breaker that is not closed, the longest open first."""
    rows = BreakerTrip.objects.filter(closed_at=None).select_related("agent", "trial")
    return list(rows.order_by("opened_at")[:MOST_BREAKERS])


def breakers_closed() -> list[BreakerTrip]:
    """The breakers closed last."""
    rows = BreakerTrip.objects.filter(closed_at__isnull=False).select_related("agent", "trial")
    return list(rows.order_by("-pk")[:TOP])


def last_asked() -> datetime | None:
    """When the newest request was asked; None before the first."""
    rows = ApprovalRequest.objects.order_by("-number")
    return rows.values_list("created_at", flat=True).first()
