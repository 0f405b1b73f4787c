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
MOST_TRIES = 100


@dataclass(frozen=True, slots=True)
class Trips:
    """How many breakers stand open now, and how many opened since a moment."""

    open: int
    opened: int
    last: datetime | None


def trips(*, since: datetime) -> Trips:
    """Counted up to a thousand, which no page could list usefully."""
    opened = BreakerTrip.objects.order_by("-pk").values_list("opened_at", "closed_at")
    rows = list(opened[:MOST_COUNTED])
    return Trips(
        open=sum(closed is None for _, closed in rows),
        opened=sum(at >= since for at, _ in rows),
        last=max((at for at, _ in rows), default=None),
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


def alerts(*, kind: AlertKind, below: int | None = None) -> tuple[list[Alert], int | None]:
    """A page of a kind's alerts that nobody has closed, the newest first, and where the next goes on."""
    rows = Alert.objects.filter(kind=kind.value, closed_at=None).order_by("-pk")
    if below is not None:
        rows = rows.filter(pk__lt=below)
    found = list(rows.select_related("agent__owner", "request")[: PER_PAGE + 1])
    return found[:PER_PAGE], found[PER_PAGE - 1].pk if len(found) > PER_PAGE else None


def last_outcome() -> datetime | None:
    """When an agent last reported how something went: what breakers are fed with."""
    told = AuditEvent.objects.filter(type=EventKind.OUTCOME_REPORTED.value)
    return told.order_by("-id").values_list("at", flat=True).first()


def refusals(*, since: datetime) -> list[ApprovalRequest]:
    """The newest requests a rule refused since a moment; suggestions are judged on their own pages."""
    rows = ApprovalRequest.objects.filter(status=Status.DENIED.value, basis=Basis.POLICY.value)
    slim = rows.select_related("agent").defer("plan", "submission", "because")
    found = slim.order_by("-number")[:MOST_SAMPLED]
    return [row for row in found if row.created_at >= since and row.reason_code != SHADOW_MODE]


def tries(numbers: Iterable[int]) -> Mapping[int, ApprovalRequest]:
    """Requests by number, each with its final decision; two statements."""
    final = Decision.objects.filter(is_final=True).select_related("person").order_by("id")
    rows = ApprovalRequest.objects.filter(number__in=sorted(numbers, reverse=True)[:MOST_TRIES])
    return {row.pk: row for row in rows.prefetch_related(Prefetch("decisions", final, "final"))}
