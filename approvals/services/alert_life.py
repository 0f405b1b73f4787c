"""What people do with an alert before it is closed: take it, watch it, or mute its kind for a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import transaction

from approvals.domain import errors
from approvals.domain.terms import AlertKind, EventKind
from approvals.models import Agent, Alert, AlertMute, Person
from approvals.services import actors, alerts, audit

TAKEN_FOR = timedelta(hours=2)
ANSWERED_WITHIN = timedelta(minutes=30)
WATCHED_FOR = timedelta(hours=24)
LONGEST_MUTE = timedelta(hours=24)
WATCHED = "watched"  # among an alert's values: who watches it, until when, and why


class Life(StrEnum):
    """Where an open alert stands: `asked` is taken two hours ago, and whoever took it is asked again."""

    OPEN = "open"
    TAKEN = "taken"
    ASKED = "asked"
    LEFT = "left"
    WATCHED = "watched"


class MayNotMute(errors.NotAllowed):
    """Alerts are muted by managers and operators, never by who answers for the agent."""


class NeverMuted(errors.Invalid):
    """This kind of alert is always raised."""

    code = "never_muted"


def life(alert: Alert, *, at: datetime) -> Life:
    """Taking wears off after two hours and half an hour to answer; watching after a day."""
    if (until := watched_until(alert)) is not None and at < until:
        return Life.WATCHED
    if alert.taken_at is None:
        return Life.OPEN
    if at < alert.taken_at + TAKEN_FOR:
        return Life.TAKEN
    return Life.ASKED if at < alert.taken_at + TAKEN_FOR + ANSWERED_WITHIN else Life.LEFT


def watched_until(alert: Alert) -> datetime | None:
    """Until when somebody said they watch it; None when nobody did since it was last taken."""
    said = alert.values.get(WATCHED)
    return datetime.fromisoformat(said["until"]) if isinstance(said, dict) else None


def take(*, number: int, person: Person, at: datetime) -> Alert:
    """Somebody says that they look into it, or still do. Raises NoSuchAlert, MayNotClose, AlreadyClosed."""
    with transaction.atomic():
        alert = alerts.held(number, person)
        alert.taken_at, alert.taken_by = at, person.email
        alert.values = {name: value for name, value in alert.values.items() if name != WATCHED}
        alert.save(update_fields=["taken_at", "taken_by", "values"])
        _tell(alert, person, at=at)
    return alert


def watch(*, number: int, person: Person, reason: str, at: datetime) -> Alert:
    """Leave it open and out of the way for a day; then it stands there again, as do new ones meanwhile.

    Raises Invalid without a reason, and what `take` raises.
    """
    if not reason.strip():
        raise errors.Invalid("Say what you are waiting for. Nothing was changed.", field="reason")
    until = audit.stamp(at + WATCHED_FOR)
    because = reason.strip()[: alerts.LONGEST_REASON]
    with transaction.atomic():
        alert = alerts.held(number, person)
        alert.taken_at, alert.taken_by = None, ""
        watched = {"by": person.email, "until": until, "because": because}
        alert.values = {**alert.values, WATCHED: watched}
        alert.save(update_fields=["taken_at", "taken_by", "values"])
        _tell(alert, person, at=at, watched_until=until, reason=because)
    return alert


def _tell(alert: Alert, person: Person, *, at: datetime, **more: str) -> None:
    detail: dict[str, Any] = {
        "alert": alert.pk,
        "kind": alert.kind,
        "agent": alert.agent.name if alert.agent else "",
        **more,
    }
    audit.append_service(EventKind.ALERT_TAKEN, actor=actors.person(person), at=at, detail=detail)


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
