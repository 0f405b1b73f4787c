"""What people do with an alert before it is closed: take it, or mute its kind for a while."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from approvals.domain import errors
from approvals.domain.terms import AlertKind, EventKind
from approvals.models import Agent, Alert, AlertMute, Person
from approvals.services import actors, alerts, audit

TAKEN_FOR = timedelta(hours=2)
LONGEST_MUTE = timedelta(hours=24)


class MayNotMute(errors.NotAllowed):
    """Alerts are muted by managers and operators, never by who answers for the agent."""


class NeverMuted(errors.Invalid):
    """This kind of alert is always raised."""

    code = "never_muted"


def is_taken(alert: Alert, *, at: datetime) -> bool:
    """Whether somebody looks into it now; after two hours without a closing it counts as left."""
    return alert.taken_at is not None and at < alert.taken_at + TAKEN_FOR


def take(*, number: int, person: Person, at: datetime) -> Alert:
    """Somebody says that they look into it. Raises NoSuchAlert, MayNotClose, AlreadyClosed."""
    with transaction.atomic():
        alert = alerts.held(number, person)
        alert.taken_at, alert.taken_by = at, person.email
        alert.save(update_fields=["taken_at", "taken_by"])
        detail = {
            "alert": alert.pk,
            "kind": alert.kind,
            "agent": alert.agent.name if alert.agent else "",
        }
        audit.append_service(
            EventKind.ALERT_TAKEN, actor=actors.person(person), at=at, detail=detail
        )
    return alert


def mute(
    *, kind: AlertKind, agent: Agent, person: Person, reason: str, length: timedelta, at: datetime
) -> AlertMute:
    """Raise no alert of this kind about this agent for `length`, at most a day.

    Scope violations are never muted. Raises Invalid, NeverMuted, MayNotMute.
    """
    if kind is AlertKind.SCOPE_VIOLATION:
        raise NeverMuted("Asking for more than is allowed is always told. Nothing was muted.")
    if not reason.strip():
        raise errors.Invalid("Say in a sentence why. Nothing was muted.", field="reason")
    if not timedelta() < length <= LONGEST_MUTE:
        raise errors.Invalid("Alerts are muted for at most 24 hours. Nothing was muted.")
    if person.role not in alerts.CLOSERS or agent.owner_id == person.pk:
        raise MayNotMute(
            "Managers and operators mute alerts, and not those of an agent they answer for. "
            "Nothing was muted."
        )
    with transaction.atomic():
        muted = AlertMute.objects.create(
            kind=kind.value, agent=agent, by=person, reason=reason[: alerts.LONGEST_REASON],
            at=at, until=at + length,
        )  # fmt: skip
        detail = {
            "agent": agent.name,
            "kind": kind.value,
            "reason": muted.reason,
            "until": audit.stamp(muted.until),
        }
        audit.append_service(
            EventKind.ALERT_MUTED, actor=actors.person(person), at=at, detail=detail
        )
    return muted
