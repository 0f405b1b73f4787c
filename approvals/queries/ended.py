"""Terms of a search that tell how a request ended: between which dates, and before which teams it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db.models import Q

from approvals.domain import asked, plan, search
from approvals.domain.policy import on_call, superiors
from approvals.domain.terms import EventKind
from approvals.models import ApprovalRequest, AuditEvent

AFTER, BEFORE = "ended-after", "ended-before"
ENDS = (
    EventKind.APPROVED, EventKind.DENIED, EventKind.EXPIRED, EventKind.CANCELLED, EventKind.REVOKED,
)  # fmt: skip


def between(by_key: Mapping[str, Sequence[str]], *, now: datetime) -> Q:
    """From the first of these dates to before the other. History has an index by time, requests have none."""
    if AFTER not in by_key and BEFORE not in by_key:
        return Q()
    events = AuditEvent.objects.filter(type__in=[kind.value for kind in ENDS])
    wanted = Q()
    if AFTER in by_key:
        since = max(search.moment(value, now=now) for value in by_key[AFTER])
        events, wanted = events.filter(at__gte=since), wanted & Q(closed_at__gte=since)
    if BEFORE in by_key:
        until = min(search.moment(value, now=now) for value in by_key[BEFORE])
        events, wanted = events.filter(at__lt=until), wanted & Q(closed_at__lt=until)
    return wanted & Q(number__in=events.order_by().values("request"))


def came_before(names: Sequence[str], window: Q | None) -> Q:
    """Of the requests in a window, those that any of these teams was asked about; one statement."""
    if not names:
        return Q()
    if window is None:
        return Q(number__in=())
    named = Q()
    for name in names:
        for way in (name, on_call.seat(name), superiors.seat(name)):
            named |= Q(plan__contains=way)
    found = (
        ApprovalRequest.objects.filter(window, named)
        .order_by()
        .values_list("number", "stage", "rung", "plan")
    )
    wanted = frozenset(names)
    return Q(
        number__in=[
            number
            for number, stage, rung, body in found
            if asked.teams(plan.from_json(body), stage=stage, rung=rung) & wanted
        ]
    )
