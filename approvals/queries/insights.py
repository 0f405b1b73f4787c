"""How deciding goes: how long it takes, how often for nothing, and what one person bears.

Counted over the newest requests of a span, at most `MOST`; where there are more, `is_whole` is false and
whoever shows the figures says so. The service's own requests and tests are not counted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import median, quantiles
from typing import NamedTuple

from approvals.domain.terms import Basis, OutcomeStatus, RiskLevel, Status, Verdict
from approvals.models import ApprovalRequest, Decision, HeldDecision, Person
from approvals.queries import given
from approvals.queries.seconds import Seconds

MOST = 10_000  # what a page can count within a quarter of a second
QUICK = timedelta(seconds=5)
DAY = 86_400
ENOUGH = 3  # fewer requests of one action say nothing about its rule
_EPOCH = date(1970, 1, 1)
# Read once: each use of a word of an enumeration costs as much as comparing ten texts.
_PERSON, _DENIED, _APPROVED = Basis.PERSON.value, Status.DENIED.value, Status.APPROVED.value
_WENT_WRONG = frozenset({OutcomeStatus.FAILURE.value, OutcomeStatus.ROLLED_BACK.value})
STEPS = (
    (timedelta(seconds=5), "under 5 s"),
    (timedelta(seconds=30), "5 to 30 s"),
    (timedelta(minutes=2), "30 s to 2 min"),
    (timedelta(minutes=10), "2 to 10 min"),
    (timedelta(hours=1), "10 to 60 min"),
    (timedelta(hours=8), "1 to 8 h"),
    (timedelta.max, "over 8 h"),
)


class Asked(NamedTuple):
    """One request people were asked about, as far as figures need it; moments in seconds since 1970."""

    number: int
    agent: str
    action: str
    action_sha256: str
    risk: str
    status: str
    basis: str
    reason_code: str
    created: float
    closed: float | None
    outcome_status: str


@dataclass(frozen=True, slots=True)
class Took:
    """How long people took: the middle, and what nine of ten stayed under."""

    count: int
    median: timedelta
    p90: timedelta


@dataclass(frozen=True, slots=True)
class Idle:
    """An action about which people are asked and always say yes."""

    action: str
    asked: int
    median: timedelta


@dataclass(frozen=True, slots=True)
class Trusted:
    """What people said to one agent, and how what it ran went."""

    agent: str
    asked: int
    approved: int
    denied: int
    expired: int
    failed: int


@dataclass(frozen=True, slots=True)
class Insights:
    """The figures of one span, and from when on they count: where there is more, from the oldest counted."""

    since: datetime
    asked: int
    is_whole: bool
    by_status: Mapping[str, int]
    decided: int
    quick: int
    took: Took | None
    took_by_risk: Mapping[RiskLevel, Took | None]
    steps: tuple[tuple[str, int], ...]
    denied: int
    asked_again: int
    undone: int
    idle: tuple[Idle, ...]
    agents: tuple[Trusted, ...]
    days: tuple[tuple[date, int, int], ...]


def of(*, since: datetime, at: datetime) -> Insights:
    """The figures of what people were asked from `since` until now."""
    rows = _rows(since)
    whole, rows = len(rows) <= MOST, rows[:MOST]
    by_person = [row for row in rows if row.basis == _PERSON and row.closed]
    lengths = [_length(row) for row in by_person]
    by_risk: defaultdict[str, list[float]] = defaultdict(list)
    for row, length in zip(by_person, lengths, strict=True):
        by_risk[row.risk].append(length)
    return Insights(
        since=since if whole else _oldest(rows),
        asked=len(rows),
        is_whole=whole,
        by_status=Counter(row.status for row in rows),
        decided=len(by_person),
        quick=sum(length < QUICK.total_seconds() for length in lengths),
        took=took(lengths),
        took_by_risk={risk: took(by_risk[risk.value]) for risk in RiskLevel},
        steps=_steps(lengths),
        denied=sum(row.status == _DENIED for row in by_person),
        asked_again=_asked_again(rows),
        undone=HeldDecision.objects.filter(undone_at__gte=since).count(),
        idle=_idle(rows),
        agents=_trusted(rows),
        days=_days(rows, since=since, at=at),
    )


def _rows(since: datetime) -> list[Asked]:
    found = (
        ApprovalRequest.objects.filter(asked=True, effect="")
        .order_by("-number")
        .values_list(
            "number", "agent__name", "action", "action_sha256", "risk", "status", "basis",
            "reason_code", Seconds("created_at"), Seconds("closed_at"), "outcome_status",
        )[: MOST + 1]
    )  # fmt: skip
    earliest = since.timestamp()
    return [row for each in found if (row := Asked(*each)).created >= earliest]


def _oldest(rows: Sequence[Asked]) -> datetime:
    """When the first of these was asked, exactly: in seconds it was read to a millisecond up or down."""
    first = min(row.created for row in rows)
    near = [row.number for row in rows if row.created - first < 0.002]
    return ApprovalRequest.objects.filter(number__in=near).earliest("created_at").created_at


def _length(row: Asked) -> float:
    return (row.closed or row.created) - row.created


def took(lengths: Sequence[float]) -> Took | None:
    """The median and the 90th percentile of so many seconds; None without a single one."""
    if not lengths:
        return None
    seconds = sorted(lengths)
    p90 = quantiles(seconds, n=10, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]
    return Took(len(seconds), timedelta(seconds=median(seconds)), timedelta(seconds=p90))


def _steps(lengths: Iterable[float]) -> tuple[tuple[str, int], ...]:
    ends = [end.total_seconds() for end, _ in STEPS]
    counts = Counter(bisect_right(ends, length) for length in lengths)
    return tuple((words, counts[place]) for place, (_, words) in enumerate(STEPS))


def _asked_again(rows: Sequence[Asked]) -> int:
    """How many people denied of which the same agent asked exactly the same within a day."""
    denied = [row for row in rows if row.status == _DENIED and row.basis == _PERSON and row.closed]
    asked: defaultdict[tuple[str, str], list[Asked]] = defaultdict(list)
    known = {(row.agent, row.action_sha256) for row in denied}
    for row in rows:
        if (key := (row.agent, row.action_sha256)) in known:
            asked[key].append(row)
    return sum(
        any(_came_after(row, other) for other in asked[row.agent, row.action_sha256])
        for row in denied
    )


def _came_after(denied: Asked, other: Asked) -> bool:
    closed = denied.closed or 0.0
    within = given.AGAIN_WITHIN.total_seconds()
    return other.number > denied.number and closed <= other.created <= closed + within


def _idle(rows: Iterable[Asked]) -> tuple[Idle, ...]:
    by_action: defaultdict[str, list[Asked]] = defaultdict(list)
    for row in rows:
        if row.closed is not None:
            by_action[row.action].append(row)
    found = [
        Idle(
            action,
            len(asked),
            timedelta(seconds=median(_length(row) for row in asked)),
        )
        for action, asked in by_action.items()
        if len(asked) >= ENOUGH and all(_was_needless(row) for row in asked)
    ]
    return tuple(sorted(found, key=lambda idle: (-idle.asked, idle.action)))


def _was_needless(row: Asked) -> bool:
    return row.status == _APPROVED and row.outcome_status not in _WENT_WRONG


def _trusted(rows: Iterable[Asked]) -> tuple[Trusted, ...]:
    by_agent: defaultdict[str, list[Asked]] = defaultdict(list)
    for row in rows:
        by_agent[row.agent].append(row)
    found = [_agent(name, asked) for name, asked in by_agent.items()]
    return tuple(sorted(found, key=lambda each: (-each.asked, each.agent)))


def _agent(name: str, asked: Sequence[Asked]) -> Trusted:
    status = Counter(row.status for row in asked)
    return Trusted(
        agent=name,
        asked=len(asked),
        approved=status[_APPROVED] + status[Status.REVOKED.value],
        denied=status[_DENIED],
        expired=status[Status.EXPIRED.value],
        failed=sum(row.outcome_status in _WENT_WRONG for row in asked),
    )


def _days(
    rows: Iterable[Asked], *, since: datetime, at: datetime
) -> tuple[tuple[date, int, int], ...]:
    """For each day of UTC: how many were asked, and how many of them ended undecided."""
    asked = Counter(_day(row) for row in rows)
    expired = Counter(_day(row) for row in rows if row.status == Status.EXPIRED.value)
    first = since.astimezone(UTC).date()
    every = [first + timedelta(days=n) for n in range((at.astimezone(UTC).date() - first).days + 1)]
    numbered = [(day, (day - _EPOCH).days) for day in every]
    return tuple((day, asked[number], expired[number]) for day, number in numbered)


def _day(row: Asked) -> int:
    """Its day in UTC, counted from the first of 1970."""
    return int(row.created // DAY)


@dataclass(frozen=True, slots=True)
class Burden:
    """What one person decided lately: shown to them and to their manager, nobody else."""

    name: str
    email: str
    decided: int
    busiest: int
    busiest_day: date | None
    quick: int
    approved: int
    at_night: int
    repeats: int
    is_whole: bool
    requests: tuple[int, ...]


def burden(person: Person, *, since: datetime) -> Burden:
    """What one person decided since a moment, each request once in each figure: history lists them so.

    A quick decision took under five seconds of looking.
    """
    found = Decision.objects.filter(person=person, at__gte=since).order_by("-id")
    rows = list(
        found.annotate(seen=given.looked_from()).values_list(
            "request", "verdict", "at", "seen", "request__agent", "request__action_sha256"
        )[: MOST + 1]
    )
    requests = {number for number, *_ in rows}
    days = Counter(day for _, day in {(row[0], row[2].astimezone(UTC).date()) for row in rows})
    busiest = max(days.items(), key=lambda day: (day[1], day[0]), default=(None, 0))
    return Burden(
        name=str(person),
        email=person.email,
        decided=len(requests),
        busiest=busiest[1],
        busiest_day=busiest[0],
        quick=len({number for number, _, at, seen, *_ in rows if at - seen < QUICK}),
        approved=len({row[0] for row in rows if row[1] == Verdict.APPROVE.value}),
        at_night=len({row[0] for row in rows if given.is_night(row[2])}),
        repeats=len(requests) - len({same for *_, same in {(row[0], row[4:]) for row in rows}}),
        is_whole=len(rows) <= MOST,
        requests=tuple(sorted(requests, reverse=True)),
    )
