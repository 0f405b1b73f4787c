"""Agents as the dashboard lists them, and everything known about one; each page a fixed number of reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Subquery, When
from django.db.models import Count as Number

from approvals.domain import errors
from approvals.domain.policy.agent_policy import ITSELF
from approvals.domain.terms import OPEN, Basis, Status, TimerKind
from approvals.models import (
    Agent,
    AgentKey,
    AgentStage,
    Alert,
    ApprovalRequest,
    BreakerTrip,
    Timer,
)
from approvals.models.stages import as_of
from approvals.queries.seconds import Seconds

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
PER_PAGE = 50
LOOKED_BACK = 2_000
RECENT = 10
MOST_LISTED = 100
MOST_OFFERED = 1_000
MOST_TOGETHER = 50  # what the page to deny several takes
MOST_DENIED = 5_000
_OPEN = [status.value for status in OPEN]
_COUNTED = (*_OPEN, Status.APPROVED.value)
STATES = ("active", "stopped", "breaker")


@dataclass(frozen=True, slots=True)
class Line:
    """One agent in the list."""

    agent: Agent
    stages: tuple[AgentStage, ...]
    breaker: bool
    waiting: int
    denied: int
    denied_is_all: bool
    last: ApprovalRequest | None


@dataclass(frozen=True, slots=True)
class Fate:
    """What stopping an agent concerns: what waits, what it may still begin, and what it has begun.

    `cards` names the requests whose cards wait longest, for whoever wants to deny them together.
    """

    waiting: int
    cards: tuple[str, ...]
    unused: int
    running: tuple[ApprovalRequest, ...]
    more_run: bool


def known() -> int:
    """How many agents there are, without the service itself."""
    return Agent.objects.exclude(name=ITSELF).count()


def page(*, words: str, state: str, stage: str, after: str, at: datetime) -> tuple[list[Line], str]:
    """The next agents by name, and the name the page after them begins behind, empty on the last."""
    open_trip = BreakerTrip.objects.filter(agent=OuterRef("pk"), closed_at=None)
    rows = Agent.objects.exclude(name=ITSELF).filter(name__gt=after).select_related("owner")
    if words:
        rows = rows.filter(
            Q(name__icontains=words)
            | Q(owner__name__icontains=words)
            | Q(owner__email=words.lower())
        )
    if state == "stopped":
        rows = rows.filter(is_enabled=False)
    elif state in STATES:
        rows = rows.filter(Exists(open_trip) if state == "breaker" else ~Exists(open_trip))
        rows = rows.filter(is_enabled=True)
    if stage:
        is_over = Q(ends_at__lte=at)
        counts_as = Q(is_over, falls_to=stage) | Q(~is_over | Q(ends_at=None), stage=stage)
        held = AgentStage.objects.filter(counts_as, agent=OuterRef("pk"), until=None)
        rows = rows.filter(Exists(held))
    found = list(rows.order_by("name")[: PER_PAGE + 1])
    following = found[PER_PAGE - 1].name if len(found) > PER_PAGE else ""
    return _lines(found[:PER_PAGE], at=at), following


def by_name(name: str) -> Agent:
    """Raises NotFound, also for the service itself: nobody stops or trusts that."""
    found = Agent.objects.select_related("owner").filter(name=name).exclude(name=ITSELF).first()
    if found is None:
        raise errors.NotFound(f"There is no agent {name[:80]!r}.")
    return found


def everyone() -> tuple[list[Agent], bool]:
    """Agents to choose from when one must be stopped, those that ask first; and whether more are left out."""
    rows = Agent.objects.exclude(name=ITSELF).order_by("-is_enabled", "name")
    found = list(rows[: MOST_OFFERED + 1])
    return found[:MOST_OFFERED], len(found) > MOST_OFFERED


def fate(agent: Agent) -> Fate:
    """What runs is looked for among its newest `LOOKED_BACK` requests."""
    mine = ApprovalRequest.objects.filter(agent=agent)
    approved = mine.filter(status=Status.APPROVED.value, grant_lapsed=False)
    newest = mine.order_by("-number").values("number")[:LOOKED_BACK]
    begun = approved.filter(number__in=newest, consumed_at__isnull=False, outcome_at=None)
    # Each grant that runs has a timer that ends it: of those there are few, of approved requests many.
    running_out = Timer.objects.filter(
        kind=TimerKind.GRANT_EXPIRY.value, fired_at=None, dropped_at=None
    ).values("request")
    unused = approved.filter(number__in=running_out, consumed_at=None)
    cards = mine.filter(status__in=_OPEN, joined=None).order_by("number")
    running = list(begun.order_by("-number")[: MOST_LISTED + 1])
    return Fate(
        cards=tuple(row.ref for row in cards.only("number")[:MOST_TOGETHER]),
        waiting=mine.filter(status__in=_OPEN).count(),
        unused=unused.filter(grant_expires_at__isnull=False).count(),
        running=tuple(running[:MOST_LISTED]),
        more_run=len(running) > MOST_LISTED,
    )


def keys_of(agent: Agent, *, at: datetime) -> tuple[list[AgentKey], bool]:
    """The keys that still open something first, each the newest first; and whether more are left out."""
    is_live = Q(revoked_at=None, expires_at__gt=at)
    rows = AgentKey.objects.filter(agent=agent).select_related("created_by")
    found = list(rows.order_by(Case(When(is_live, then=0), default=1), "-pk")[: MOST_LISTED + 1])
    return found[:MOST_LISTED], len(found) > MOST_LISTED


def lately(agent: Agent) -> list[ApprovalRequest]:
    """The requests asked last."""
    return list(ApprovalRequest.objects.filter(agent=agent).order_by("-number")[:RECENT])


def touched(agent: Agent) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """The classes, targets and actions of the last requests, with how often each was named."""
    rows = list(
        ApprovalRequest.objects.filter(agent=agent)
        .order_by("-number")
        .values_list("action_class", "target", "action")[:LOOKED_BACK]
    )
    return (
        Counter(row[0] for row in rows),
        Counter(row[1] for row in rows),
        Counter(row[2] for row in rows),
    )


def alerts_of(agent: Agent) -> tuple[list[Alert], bool]:
    """What waits for an answer, the newest first; and whether more are left out."""
    rows = Alert.objects.filter(agent=agent, closed_at=None).select_related("request")
    found = list(rows.order_by("-pk")[: MOST_LISTED + 1])
    return found[:MOST_LISTED], len(found) > MOST_LISTED


def breakers_of(agent: Agent) -> tuple[list[BreakerTrip], bool]:
    """Those that stand open, the longest first; and whether more are left out."""
    rows = BreakerTrip.objects.filter(agent=agent, closed_at=None)
    found = list(rows.order_by("opened_at")[: MOST_LISTED + 1])
    return found[:MOST_LISTED], len(found) > MOST_LISTED


def _lines(agents: Sequence[Agent], *, at: datetime) -> list[Line]:
    ids = [agent.pk for agent in agents]
    stages: dict[UUID, list[AgentStage]] = {}
    for row in AgentStage.objects.filter(agent__in=ids, until=None).order_by("action_class"):
        stages.setdefault(row.agent_id, []).append(as_of(row, at=at))
    # As the queue lists them: identical ones as one.
    open_now = ApprovalRequest.objects.filter(agent__in=ids, status__in=_OPEN, joined=None)
    trips = set(
        BreakerTrip.objects.filter(agent__in=ids, closed_at=None).values_list("agent", flat=True)
    )
    waiting, last = _by_agent(open_now), _last(ids)
    refused, is_all = _denied(since=at - WEEK)
    return [
        Line(
            agent=agent,
            stages=tuple(stages.get(agent.pk, ())),
            breaker=agent.pk in trips,
            waiting=waiting.get(agent.pk, 0),
            denied=refused[agent.pk],
            denied_is_all=is_all,
            last=last.get(agent.pk),
        )
        for agent in agents
    ]


def _denied(*, since: datetime) -> tuple[Counter[UUID], bool]:
    """How many of each agent were denied since then, among the newest; and whether those are all."""
    newest = (
        ApprovalRequest.objects.filter(
            status=Status.DENIED.value, basis__in=[Basis.PERSON.value, Basis.POLICY.value]
        )
        .order_by("-number")
        .values_list("agent", Seconds("created_at"))[: MOST_DENIED + 1]
    )
    first, rows = since.timestamp(), list(newest)
    counted = Counter(agent for agent, when in rows[:MOST_DENIED] if when > first)
    return counted, len(rows) <= MOST_DENIED or rows[-1][1] <= first


def _by_agent(rows: QuerySet[ApprovalRequest]) -> Mapping[UUID, int]:
    return dict(rows.order_by().values_list("agent").annotate(count=Number("pk")))


def _last(ids: Sequence[UUID]) -> dict[UUID, ApprovalRequest]:
    newest = ApprovalRequest.objects.filter(agent=OuterRef("pk")).order_by("-number")
    numbers = Agent.objects.filter(pk__in=ids).annotate(last=Subquery(newest.values("number")[:1]))
    rows = ApprovalRequest.objects.filter(number__in=numbers.values("last"))
    slim = rows.only("number", "agent", "action", "target", "created_at")
    return {row.agent_id: row for row in slim}
