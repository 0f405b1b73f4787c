"""What stands behind the numbers of the guardrails page: breakers one by one, refusals, and tries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch

from approvals.domain.policy.autonomy import SHADOW_MODE
from approvals.domain.terms import AlertKind, Basis, EventKind, Status
from approvals.models import Alert, ApprovalRequest, AuditEvent, BreakerTrip, Decision

PER_PAGE = 50
MOST_COUNTED = 1_000
MOST_SAMPLED = 200
MOST_TRIES = 500
MOST_ALERTS = 5_000
CAUSES_PER_PAGE = 20
MOST_REPEATS = 25


@dataclass(frozen=True, slots=True)
class Trips:
    """How many breakers stand open now, and how many opened since a moment.

    `opened` is not whole where all that were read lie in the span; `open` always is.
    """

    open: int
    opened: int
    last: datetime | None
    is_whole: bool


def trips(*, since: datetime) -> Trips:
    """Those that opened are counted up to a thousand, which no page could list usefully."""
    told = BreakerTrip.objects.order_by("-pk").values_list("opened_at", flat=True)
    newest = list(told[: MOST_COUNTED + 1])
    opened = sum(at >= since for at in newest)
    return Trips(
        open=BreakerTrip.objects.filter(closed_at=None).count(),
        opened=min(opened, MOST_COUNTED),
        last=max(newest, default=None),
        is_whole=opened <= MOST_COUNTED,
    )


def breakers(
    *, only_open: bool, since: datetime, below: int | None
) -> tuple[list[BreakerTrip], int | None]:
    """One page, the newest first, and where the next one goes on."""
    rows = BreakerTrip.objects.select_related("agent", "trial").order_by("-pk")
    rows = rows.filter(closed_at=None) if only_open else rows.filter(opened_at__gte=since)
    if below is not None:
        rows = rows.filter(pk__lt=below)
    found = list(rows[: PER_PAGE + 1])
    return found[:PER_PAGE], found[PER_PAGE - 1].pk if len(found) > PER_PAGE else None


@dataclass(frozen=True, slots=True)
class Cause:
    """Open alerts of one cause: the newest few, how many there are, and when the first came."""

    alerts: tuple[Alert, ...]
    times: int
    first: datetime


@dataclass(frozen=True, slots=True)
class Causes:
    """A page of causes, the last told first, how many there are in all, and where the next page goes on."""

    page: tuple[Cause, ...]
    count: int
    is_all: bool
    following: int | None


def causes(*, kind: AlertKind, below: int | None = None) -> Causes:
    """What the open alerts of a kind are about. Two statements, over the newest five thousand alerts."""
    rows = Alert.objects.filter(kind=kind.value, closed_at=None).order_by("-pk")
    told: dict[tuple[str, str], list[tuple[int, datetime]]] = {}
    found = list(rows.values_list("pk", "agent__name", "key", "at")[: MOST_ALERTS + 1])
    for number, agent, key, at in found[:MOST_ALERTS]:
        told.setdefault(_cause(agent or "", key), []).append((number, at))
    wanted = [same for same in told.values() if below is None or same[0][0] < below]
    page = wanted[:CAUSES_PER_PAGE]
    numbers = [number for same in page for number, _ in same[:MOST_REPEATS]]
    whole = Alert.objects.select_related("agent__owner", "request")
    # 0 is nobody's number: an empty list would be asked in no statement.
    drawn = {alert.pk: alert for alert in whole.filter(pk__in=[0, *numbers])}
    return Causes(
        page=tuple(
            Cause(tuple(drawn[number] for number, _ in same[:MOST_REPEATS]), len(same), same[-1][1])
            for same in page
        ),
        count=len(told),
        is_all=len(found) <= MOST_ALERTS,
        following=page[-1][0][0] if len(wanted) > len(page) else None,
    )


def _cause(agent: str, key: str) -> tuple[str, str]:
    """Keys begin with the hour they were told in; the rest of one names what it is about."""
    hour, _, about = key.partition(":")
    return agent, about if hour[:2] == "20" and about else key


def last_outcome() -> datetime | None:
    """When an agent last reported how something went: what breakers are fed with."""
    told = AuditEvent.objects.filter(type=EventKind.OUTCOME_REPORTED.value)
    return told.order_by("-id").values_list("at", flat=True).first()


def refusals(*, since: datetime) -> tuple[list[ApprovalRequest], bool]:
    """The newest requests a rule refused since a moment, and whether these are all of them.

    Suggestions are judged on their own pages.
    """
    rows = ApprovalRequest.objects.filter(status=Status.DENIED.value, basis=Basis.POLICY.value)
    slim = rows.select_related("agent").defer("plan", "submission", "because")
    found = slim.order_by("-number")[: MOST_SAMPLED + 1]
    lately = [row for row in found if row.created_at >= since]
    read = lately[:MOST_SAMPLED]
    return [row for row in read if row.reason_code != SHADOW_MODE], len(lately) <= MOST_SAMPLED


def tries(numbers: Iterable[int]) -> Mapping[int, ApprovalRequest]:
    """Requests by number, each with its final decision; two statements."""
    final = Decision.objects.filter(is_final=True).select_related("person").order_by("id")
    rows = ApprovalRequest.objects.filter(number__in=sorted(numbers, reverse=True)[:MOST_TRIES])
    return {row.pk: row for row in rows.prefetch_related(Prefetch("decisions", final, "final"))}
