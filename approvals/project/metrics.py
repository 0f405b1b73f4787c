"""Prometheus metrics: counted in this process, or read from the database when asked.

What the database tells is right whichever process answers. A family without a sample means "no
data": nothing was ever asked, nothing waits, or the database is away. Counts are 0 when they are 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from django.db import DatabaseError
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from approvals.domain.policy.documents import PolicySet
from approvals.domain.terms import AlertKind
from approvals.models import Delivery, Timer
from approvals.models.outbox import DeliveryState
from approvals.services import clock, deliveries, policies, signals, timers, watch

REGISTRY = CollectorRegistry()
HTTP_SECONDS = Histogram(
    "countersign_http_seconds",
    "Time to answer an HTTP request.",
    ("method", "route", "status"),
    registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
Family = GaugeMetricFamily


def page() -> bytes:
    """The metrics in Prometheus' text format, the database's part read now."""
    read_now = CollectorRegistry()
    read_now.register(Stored(at=clock.now()))
    return generate_latest(REGISTRY) + generate_latest(read_now)


class Stored(Collector):
    """Everything the database knows at one moment."""

    def __init__(self, *, at: datetime) -> None:
        self.at = at

    def describe(self) -> Iterable[Family]:
        """Nothing beforehand, so that registering reads nothing."""
        return []

    def collect(self) -> Iterator[Family]:
        try:
            found = [*_waiting(self.at), *_guardrails(), *_alerts(), *_promises(self.at)]
            found += [*_in_force(), *_history()]
        except DatabaseError:
            found = []
        about = "Whether the database answered; where it is 0, everything read from it is missing."
        yield _one("countersign_database_up", about, bool(found))
        yield from found


def _waiting(at: datetime) -> Iterator[Family]:
    yield _each(
        "approval_requests_pending", "Requests that wait for people.", "risk",
        signals.waiting_by_risk(),
    )  # fmt: skip
    yield _one(
        "countersign_oldest_waiting_seconds", "Age of the oldest waiting request; none waits: absent.",
        _age(signals.waiting_since(), at),
    )  # fmt: skip
    yield _one(
        "countersign_last_request_seconds", "Time since the last request; before the first: absent.",
        _age(signals.last_asked(), at),
    )  # fmt: skip
    yield _each("countersign_requests", "Requests by status.", "status", signals.by_status())
    yield _each(
        "countersign_blocked_last_hour",
        "Requests that policy denied within an hour, for the agents with the most.",
        "agent", signals.blocked_lately(at=at),
    )  # fmt: skip


def _guardrails() -> Iterator[Family]:
    blocked = Family(
        "actions_blocked_by_policy",
        "Requests that policy denied, ever.",
        labels=["reason", "layer"],
    )
    denied = signals.blocked()
    for names, count in denied.items():
        blocked.add_metric(names, count)
    yield blocked
    yield _each(
        "scope_violation_attempts", "Requests beyond their agent's scope, ever.", "reason",
        signals.attempts(denied),
    )  # fmt: skip
    yield _each(
        "circuit_breaker_activations", "Circuit breakers opened, ever.", "kind", signals.trips()
    )
    yield _each(
        "countersign_breakers_open", "Circuit breakers not closed now.", "kind",
        signals.trips_open(),
    )  # fmt: skip


def _alerts() -> Iterator[Family]:
    raised = signals.alerts()
    yield _one(
        "rate_limit_approaches", "Times an agent came to 80 % of a rate, once an hour, ever.",
        raised[AlertKind.RATE_APPROACHED],
    )  # fmt: skip
    yield _one(
        "repeated_approval_denials", "Times people denied an agent again and again, ever.",
        raised[AlertKind.REPEATED_DENIALS],
    )  # fmt: skip
    yield _each(
        "unusual_action_patterns", "Times an agent was not like its own past, ever.", "pattern",
        signals.unusual(),
    )  # fmt: skip
    yield _each("countersign_alerts", "Alerts raised, ever.", "kind", raised)
    yield _each(
        "countersign_alerts_open", "Alerts nobody has closed.", "kind", signals.alerts_open()
    )


def _promises(at: datetime) -> Iterator[Family]:
    yield _one(
        "countersign_oldest_due_timer_seconds", "Age of the oldest due timer.",
        timers.oldest_due(at=at),
    )  # fmt: skip
    unfired = Timer.objects.filter(fired_at=None, dropped_at=None)
    yield _one("countersign_timers_open", "Timers that have not fired yet.", unfired.count())
    yield _one(
        "countersign_oldest_due_delivery_seconds", "Age of the oldest due delivery.",
        deliveries.oldest_due(at=at),
    )  # fmt: skip
    counts = {
        state.value: Delivery.objects.filter(state=state.value).count()
        for state in (DeliveryState.WAITING, DeliveryState.DEAD)
    }
    about = "Deliveries not yet finished, and dead ones."
    yield _each("countersign_deliveries_open", about, "state", counts)


def _in_force() -> Iterator[Family]:
    """The policy, and whether requests are judged and promises kept in time, as /readyz says."""
    policy = _policy()
    ready = policy is not None and not watch.late()
    yield _one("countersign_ready", "Whether /readyz answers 200.", ready)
    yield _one(
        "countersign_policy_version", "The policy in force; absent without one.",
        policy.version if policy else None,
    )  # fmt: skip
    yield _each(
        "countersign_guardrails_in_force", "Sections of the policy that feed each layer.", "layer",
        signals.sections(policy) if policy else {},
    )  # fmt: skip


def _history() -> Iterator[Family]:
    yield _one(
        "countersign_chain_broken", "Events among the newest fifty that are not as written.",
        signals.broken_lately(),
    )  # fmt: skip


def _policy() -> PolicySet | None:
    try:
        return policies.current()
    except policies.NoPolicy:
        return None


def _age(since: datetime | None, at: datetime) -> float | None:
    return max(0.0, (at - since).total_seconds()) if since else None


def _one(name: str, about: str, value: float | None) -> Family:
    return Family(name, about, value=None if value is None else float(value))


def _each(name: str, about: str, label: str, counts: Mapping[str, float]) -> Family:
    family = Family(name, about, labels=[label])
    for word, count in counts.items():
        family.add_metric([word], count)
    return family
