"""Tell operators what they should look at: once for each cause and hour, until a person closes it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from django.db import transaction
from django.db.models import QuerySet

from approvals.domain import errors
from approvals.domain.display import redact
from approvals.domain.terms import AlertKind, EventKind
from approvals.models import Agent, Alert, AlertMute, ApprovalRequest, Person
from approvals.models.people import Role
from approvals.services import actors, audit

logger = structlog.get_logger(__name__)
LONGEST_KEY = 200
LONGEST_REASON = 2_000
LARGEST = 2**63 - 1  # no number of ours is larger, and no database compares one that is
CLOSERS = (Role.MANAGER.value, Role.OPERATOR.value)


class NoSuchAlert(errors.NotFound):
    """No alert has this number."""


class AlreadyClosed(errors.Conflict):
    """Somebody closed this alert before."""

    code = "already_closed"


class MayNotClose(errors.NotAllowed):
    """Alerts are closed by managers and operators, never by who answers for the agent."""


class ReasonMissing(errors.Invalid):
    """An alert is closed with a reason people can read."""


def hourly(agent: Agent | None, *about: str, at: datetime) -> str:
    """A key that is new every hour of UTC, for each agent and each thing it is about."""
    whose = agent.name if agent else "service"
    return ":".join([at.astimezone(UTC).strftime("%Y-%m-%dT%H"), whose, *about])


def raise_once(
    *,
    kind: AlertKind,
    key: str,
    agent: Agent | None,
    words: str,
    at: datetime,
    values: Mapping[str, Any] | None = None,
    request: ApprovalRequest | None = None,
) -> Alert | None:
    """Write an alert with its line of history, or nothing when this `key` was told before.

    `words` say what was seen, as one sentence; `values` are the figures behind it, as JSON, whose texts
    are masked where they are secrets. Needs the transaction of whatever caused it.
    """
    figures = {name: _masked(value) for name, value in (values or {}).items()}
    same = {"kind": kind.value, "key": _bounded(key)}
    if Alert.objects.filter(**same).exists() or _is_muted(kind, agent, at=at):
        return None
    # History first: two requests that each raise two alerts would else wait for one another.
    audit.hold_service()
    alert, is_new = Alert.objects.get_or_create(
        **same,
        defaults={
            "agent": agent,
            "words": words,
            "values": figures,
            "request": request,
            "at": at,
        },
    )
    if not is_new:
        return None
    _tell(alert, at=at)
    return alert


def _is_muted(kind: AlertKind, agent: Agent | None, *, at: datetime) -> bool:
    if agent is None or kind is AlertKind.SCOPE_VIOLATION:
        return False
    return AlertMute.objects.filter(agent=agent, kind=kind.value, at__lte=at, until__gt=at).exists()


def _tell(alert: Alert, *, at: datetime) -> None:
    facts = {
        "alert": alert.pk,
        "kind": alert.kind,
        "agent": alert.agent.name if alert.agent else "",
        "ref": alert.request.ref if alert.request else "",
    }
    detail = {**facts, "words": alert.words, "values": alert.values}
    audit.append_service(EventKind.ALERT_RAISED, actor=actors.POLICY, at=at, detail=detail)
    logger.warning("alert raised", **facts, words=alert.words)


def _masked(value: Any) -> Any:
    """What an agent wrote may stand among the figures, so no text of it keeps a secret."""
    if isinstance(value, str):
        return redact(value)[0]
    return [_masked(each) for each in value] if isinstance(value, list | tuple) else value


def close(*, number: int, person: Person, reason: str, at: datetime) -> Alert:
    """A person has looked, and says what came of it. Raises NoSuchAlert, MayNotClose, AlreadyClosed."""
    if not reason.strip():
        raise ReasonMissing("Say in a sentence what you found. The alert stays open.")
    with transaction.atomic():
        alert = held(number, person)
        alert.closed_at, alert.closed_by = at, person.email
        alert.values = {**alert.values, "closed_because": reason[:LONGEST_REASON]}
        alert.save(update_fields=["closed_at", "closed_by", "values"])
        detail = {
            "alert": alert.pk,
            "kind": alert.kind,
            "agent": alert.agent.name if alert.agent else "",
            "reason": reason[:LONGEST_REASON],
        }
        audit.append_service(
            EventKind.ALERT_CLOSED, actor=actors.person(person), at=at, detail=detail
        )
    return alert


def held(number: int, person: Person) -> Alert:
    """An open alert this person may close, held. Needs a transaction.

    Raises NoSuchAlert, MayNotClose, AlreadyClosed.
    """
    rows = Alert.objects.select_for_update(of=("self",)).select_related("agent")
    alert = rows.filter(pk=number).first() if number <= LARGEST else None
    if alert is None:
        raise NoSuchAlert(f"There is no alert {number}. Nothing was changed.")
    _refuse_unless_theirs(alert, person)
    if alert.closed_at is not None:
        raise AlreadyClosed(
            f"{alert.closed_by} closed this alert at {audit.stamp(alert.closed_at)}.",
            closed_by=alert.closed_by,
        )
    return alert


def matching(
    *, kinds: list[str] | None = None, agent: str | None = None, is_open: bool | None = None
) -> QuerySet[Alert]:
    """The alerts that fit every filter given, newest first."""
    rows = Alert.objects.select_related("agent", "request").order_by("-pk")
    if kinds is not None:
        rows = rows.filter(kind__in=kinds)
    if agent is not None:
        rows = rows.filter(agent__name=agent)
    return rows if is_open is None else rows.filter(closed_at__isnull=is_open)


def _refuse_unless_theirs(alert: Alert, person: Person) -> None:
    if person.role not in CLOSERS:
        raise MayNotClose(
            "Managers and operators close alerts; your role is neither. It stays open."
        )
    if alert.agent is not None and alert.agent.owner_id == person.pk:
        raise MayNotClose(
            f"You answer for {alert.agent.name}, so somebody else closes its alerts. It stays open."
        )


def _bounded(key: str) -> str:
    """Names and targets may be long; a key that is cut keeps a digest of all of it."""
    if len(key) <= LONGEST_KEY:
        return key
    return f"{key[: LONGEST_KEY - 33]}:{hashlib.sha256(key.encode()).hexdigest()[:32]}"
