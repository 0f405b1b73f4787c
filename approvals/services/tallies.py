"""Add up what agents reported, as circuit breakers count it: two queries for each breaker, by index."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count, Min, Q, QuerySet, Sum

from approvals.domain.policy import breakers as rules
from approvals.domain.policy.breakers import Breaker, Counted, Spent, Trip
from approvals.domain.terms import BreakerKind, OutcomeStatus
from approvals.models import Agent, ApprovalRequest, BreakerTrip


def trip(breaker: Breaker, agent: Agent, *, at: datetime) -> Trip | None:
    """Why a breaker of this agent opens now, by what was reported since it last closed; or None."""
    closed = BreakerTrip.objects.filter(
        agent=agent, policy=breaker.policy, kind=breaker.kind.value, closed_at__isnull=False
    )
    last = closed.order_by("-closed_at").values_list("closed_at", flat=True).first()
    since = max(filter(None, (at - breaker.window, last)))
    outcomes = ApprovalRequest.objects.filter(agent=agent).order_by()
    if breaker.kind is BreakerKind.COST_SPIKE:
        return rules.cost(breaker, _spent(outcomes, since, at=at))
    rows = outcomes.filter(outcome_at__gt=since).values("action", "outcome_status")
    return rules.outcomes(
        breaker,
        [
            Counted(each["action"], OutcomeStatus(each["outcome_status"]), each["number"])
            for each in rows.annotate(number=Count("pk"))
        ],
    )


def _spent(outcomes: QuerySet[ApprovalRequest], since: datetime, *, at: datetime) -> Spent:
    told = outcomes.filter(outcome_at__isnull=False, cost__isnull=False)
    first = told.aggregate(at=Min("outcome_at"))["at"]
    day_ago = at - rules.DAY
    sums = told.filter(outcome_at__gt=day_ago - 7 * rules.DAY).aggregate(
        last_day=Sum("cost", filter=Q(outcome_at__gt=since)),
        before=Sum("cost", filter=Q(outcome_at__lte=day_ago)),
    )
    last_day, before = (round(sums[name] or 0.0, 6) for name in ("last_day", "before"))
    return Spent(last_day, before, rules.days_known(first, at=at))
