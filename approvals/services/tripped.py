"""Breakers that opened, as they stand at a moment: open, half-open with a trial, or closed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from approvals.domain.policy import breakers as rules
from approvals.domain.terms import Phase, Status
from approvals.models import Agent, ApprovalRequest, BreakerTrip
from approvals.services import audit

GIVEN_BACK = (Status.DENIED, Status.EXPIRED, Status.CANCELLED, Status.REVOKED)


def matching(
    *, agent: str | None = None, phases: Sequence[str] | None = None, at: datetime
) -> QuerySet[BreakerTrip]:
    """The breakers that ever opened and fit every filter given, newest first."""
    rows = BreakerTrip.objects.select_related("agent", "trial").order_by("-pk")
    if agent is not None:
        rows = rows.filter(agent__name=agent)
    if phases is None:
        return rows
    in_phase = {
        Phase.CLOSED: Q(closed_at__isnull=False),
        Phase.HALF_OPEN: Q(closed_at=None, half_open_at__lte=at),
        Phase.OPEN: Q(closed_at=None, half_open_at__gt=at),
    }
    wanted = Q(pk__in=[])
    for phase in phases:
        wanted |= in_phase[Phase(phase)]
    return rows.filter(wanted)


def open_ones(agent: Agent) -> list[BreakerTrip]:
    """Every breaker of an agent that is not closed, with its trial."""
    rows = BreakerTrip.objects.filter(agent=agent, closed_at=None)
    return list(rows.select_related("agent", "trial").order_by("pk"))


def phase(trip: BreakerTrip, *, at: datetime) -> Phase:
    """Where it stands now."""
    return rules.phase_of(trip.half_open_at, trip.closed_at, at=at)


def on_trial(trip: BreakerTrip, *, at: datetime) -> ApprovalRequest | None:
    """The request on trial, unless it will never run: then its place is free."""
    row = trip.trial
    if row is None or trip.closed_at is not None or row.status in GIVEN_BACK:
        return None
    ends = row.grant_expires_at
    lapsed = row.grant_lapsed or (ends is not None and row.consumed_at is None and at >= ends)
    return None if lapsed else row


def told(trip: BreakerTrip, *, at: datetime) -> dict[str, Any]:
    """One breaker as programs and operators read it, as it stands at a moment."""
    trial = on_trial(trip, at=at)
    return {
        "id": trip.pk,
        "agent": trip.agent.name,
        "policy": trip.policy,
        "kind": trip.kind,
        "does": trip.does,
        "phase": phase(trip, at=at).value,
        "words": trip.words,
        "values": trip.values,
        "opened_at": audit.stamp(trip.opened_at),
        "half_open_at": audit.stamp(trip.half_open_at),
        "trial": trial.ref if trial else None,
        "closed_at": audit.stamp(trip.closed_at) if trip.closed_at else None,
        "closed_by": trip.closed_by or None,
        "close_reason": trip.close_reason or None,
    }
