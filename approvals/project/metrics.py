"""Prometheus metrics: counted in this process, or read from the database when asked."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest

from approvals.domain.terms import OPEN, RiskLevel, Status
from approvals.models import ApprovalRequest, Delivery, Timer
from approvals.models.outbox import DeliveryState
from approvals.services import clock, deliveries, timers

REGISTRY = CollectorRegistry()
HTTP_SECONDS = Histogram(
    "countersign_http_seconds",
    "Time to answer an HTTP request.",
    ("method", "route", "status"),
    registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
PENDING = Gauge(
    "approval_requests_pending",
    "Requests that wait for people, by risk.",
    ("risk",),
    registry=REGISTRY,
)
BLOCKED = Gauge(
    "actions_blocked_by_policy", "Requests that policy denied, ever.", (), registry=REGISTRY
)
REQUESTS = Gauge("countersign_requests", "Requests by status.", ("status",), registry=REGISTRY)
TIMER_AGE = Gauge(
    "countersign_oldest_due_timer_seconds", "Age of the oldest due timer.", registry=REGISTRY
)
TIMERS_OPEN = Gauge("countersign_timers_open", "Timers that have not fired yet.", registry=REGISTRY)
DELIVERY_AGE = Gauge(
    "countersign_oldest_due_delivery_seconds", "Age of the oldest due delivery.", registry=REGISTRY
)
DELIVERIES = Gauge(
    "countersign_deliveries_open",
    "Deliveries not yet finished, and dead ones.",
    ("state",),
    registry=REGISTRY,
)


def page() -> bytes:
    """The metrics in Prometheus' text format, the database's part read now."""
    at = clock.now()
    waiting = ApprovalRequest.objects.filter(status__in=[status.value for status in OPEN])
    for level in RiskLevel:
        PENDING.labels(level.value).set(waiting.filter(risk=level.value).count())
    for status in Status:
        REQUESTS.labels(status.value).set(
            ApprovalRequest.objects.filter(status=status.value).count()
        )
    BLOCKED.set(ApprovalRequest.objects.filter(status=Status.DENIED.value, basis="policy").count())
    TIMER_AGE.set(timers.oldest_due(at=at))
    TIMERS_OPEN.set(Timer.objects.filter(fired_at=None, dropped_at=None).count())
    DELIVERY_AGE.set(deliveries.oldest_due(at=at))
    for state in (DeliveryState.WAITING, DeliveryState.DEAD):
        DELIVERIES.labels(state.value).set(Delivery.objects.filter(state=state.value).count())
    return generate_latest(REGISTRY)
