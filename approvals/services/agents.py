"""Register agents, issue their keys, recognise them, stop them."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from approvals.domain import display, errors
from approvals.domain.policy import agent_policy
from approvals.domain.terms import EventKind
from approvals.models import Agent, AgentKey, AuditEvent, Person
from approvals.services import audit, keys, stage_rows
from approvals.services.actors import Actor

SCOPES = ("requests:write", "requests:read")
USED_EVERY = timedelta(minutes=1)
SECRET_PREFIX = "whsec_"
SHORT_SECRET = 24  # bytes; Standard Webhooks allows 24 to 64
BOTH_SECRETS = timedelta(hours=24)
ITSELF = agent_policy.ITSELF  # asks for the service itself, and has no key


def add(
    *,
    name: str,
    owner: Person | None,
    at: datetime,
    actor: Actor,
    days: int | None = None,
    time_zone: str = "",
) -> tuple[Agent, str]:
    """Register an agent and issue its first key; returns the agent and the raw key.

    `time_zone` is where it works, if anybody knows, as `agent_zones.sound` lets it through.

    Raises Invalid for a name that is taken, or that people could mistake for another.
    """
    _refuse_name(name)
    with transaction.atomic():
        agent = Agent.objects.create(
            name=name, owner=owner, webhook_secret=webhook_secret(), created_at=at,
            time_zone=time_zone,
        )  # fmt: skip
        owner_name = owner.email if owner else ""
        audit.append_service(
            EventKind.AGENT_ADDED, actor=actor, at=at,
            detail={"agent": name, "owner": owner_name}
            | ({"time_zone": time_zone} if time_zone else {}),
        )  # fmt: skip
        raw = issue_key(agent=agent, name="first key", by=None, at=at, actor=actor, days=days)
    return agent, raw


def issue_key(
    *,
    agent: Agent,
    name: str,
    by: Person | None,
    at: datetime,
    actor: Actor,
    days: int | None = None,
) -> str:
    """A new key; the raw form is returned once and never kept. Raises Invalid for the service itself."""
    if agent.name == ITSELF:
        raise errors.Invalid(
            f"{ITSELF} is the service itself and has no key, so that nobody else asks as it. "
            "Nothing was made.",
            field="agent",
        )
    minted = keys.mint("agent")
    with transaction.atomic():
        AgentKey.objects.create(
            agent=agent,
            name=name,
            prefix=minted.prefix,
            digest=minted.digest,
            scopes=list(SCOPES),
            created_by=by,
            created_at=at,
            expires_at=at + timedelta(days=days or settings.AGENT_KEY_DAYS),
        )
        audit.append_service(
            EventKind.AGENT_KEY_ISSUED,
            actor=actor,
            at=at,
            detail={"agent": agent.name, "prefix": minted.prefix},
        )
    return minted.raw


def revoke_key(*, agent: Agent, prefix: str, at: datetime, actor: Actor) -> None:
    """End a key at once. Raises NotFound."""
    with transaction.atomic():
        ended = agent.keys.filter(prefix=prefix, revoked_at=None).update(revoked_at=at)
        if not ended:
            raise errors.NotFound(f"{agent.name} has no live key {prefix!r}.")
        audit.append_service(
            EventKind.AGENT_KEY_REVOKED,
            actor=actor,
            at=at,
            detail={"agent": agent.name, "prefix": prefix},
        )


def authenticate(raw: str, *, at: datetime) -> AgentKey:
    """The live key behind a raw one, with its agent. Raises `KeyRefused`."""
    prefix = keys.prefix_of(raw, "agent")
    key = AgentKey.objects.select_related("agent").filter(prefix=prefix).first() if prefix else None
    if key is None or not keys.matches(raw, key.digest):
        raise KeyRefused("This key is not known.")
    if key.revoked_at:
        raise KeyRefused("This key was revoked. Ask the agent's owner for a new one.")
    if key.expires_at <= at:
        raise KeyRefused(
            f"This key expired on {key.expires_at:%d %b %Y}. Ask the agent's owner for a new one."
        )
    if not key.agent.is_enabled:
        raise KeyRefused("This agent is stopped. Ask its owner.")
    if key.last_used_at is None or at - key.last_used_at > USED_EVERY:
        AgentKey.objects.filter(pk=key.pk).update(last_used_at=at)
    return key


class KeyRefused(errors.Refusal):
    """A key that opens nothing."""

    code = "unauthenticated"
    status = 401


def rotate_webhook_secret(*, agent: Agent, at: datetime, actor: Actor) -> str:
    """A new secret to sign this agent's webhooks with; for a day they are signed with the old one too.

    Rotated again within that day, the oldest is forgotten.
    """
    with transaction.atomic():
        locked = Agent.objects.select_for_update().get(pk=agent.pk)
        before = locked.webhook_secret.split()[0].removeprefix(SECRET_PREFIX)
        new = base64.b64encode(secrets.token_bytes(SHORT_SECRET)).decode()
        # Both stand in the one column: what it must hold for two is why a new one is 24 bytes long.
        locked.webhook_secret = f"{new} {before}"
        locked.save(update_fields=["webhook_secret"])
        audit.append_service(
            EventKind.AGENT_SECRET_ROTATED, actor=actor, at=at, detail={"agent": agent.name}
        )
    agent.webhook_secret = locked.webhook_secret
    return f"{SECRET_PREFIX}{new}"


def webhook_secrets(agent: Agent, *, at: datetime) -> tuple[str, ...]:
    """The secrets that webhooks to this agent are signed with now, the newest first."""
    new, *before = (
        f"{SECRET_PREFIX}{each.removeprefix(SECRET_PREFIX)}"
        for each in agent.webhook_secret.split()
    )
    if not before:
        return (new,)
    rotated = AuditEvent.objects.filter(
        type=EventKind.AGENT_SECRET_ROTATED, agent=agent.name, at__gt=at - BOTH_SECRETS
    )
    return (new, *before) if rotated.exists() else (new,)


def stop(*, agent: Agent, at: datetime, actor: Actor, reason: str = "") -> None:
    """Refuse everything this agent asks from now on. What it asked is left to people; a stage that was
    planned for it begins no more, and one that was asked for it is withdrawn."""
    with transaction.atomic():
        planned = stage_rows.hold_planned(agent)
        _enable(agent, False, EventKind.AGENT_STOPPED, at=at, actor=actor, reason=reason)
        words = f"The agent was stopped. {reason}"
        stage_rows.drop(planned, why=words, actor=actor, at=at)
        stage_rows.lapse(agent, lambda _: True, why=words, at=at)


def start(*, agent: Agent, at: datetime, actor: Actor, reason: str = "") -> None:
    """Let a stopped agent ask again."""
    _enable(agent, True, EventKind.AGENT_STARTED, at=at, actor=actor, reason=reason)


def by_name(name: str) -> Agent:
    """Raises NotFound."""
    # PostgreSQL keeps no null characters, and does not look for them either.
    named = Agent.objects.select_related("owner").filter(name=name)
    agent = None if "\x00" in name else named.first()
    if agent is None:
        raise errors.NotFound(f"There is no agent {name!r}.")
    return agent


def _enable(
    agent: Agent, enabled: bool, kind: EventKind, *, at: datetime, actor: Actor, reason: str
) -> None:
    with transaction.atomic():
        changed = Agent.objects.filter(pk=agent.pk, is_enabled=not enabled).update(
            is_enabled=enabled
        )
        if changed:
            audit.append_service(
                kind, actor=actor, at=at, detail={"agent": agent.name, "reason": reason}
            )
    agent.is_enabled = enabled


def _refuse_name(name: str) -> None:
    if not 1 <= len(name) <= 80 or name != name.strip() or not name.isprintable():
        raise errors.Invalid("An agent's name has 1 to 80 visible characters.", field="name")
    if display.show_identifier(name).flags or not name.isascii():
        raise errors.Invalid(
            "An agent's name has plain letters, so that nobody can mistake it.", field="name"
        )
    likeness = display.skeleton(name.casefold())
    for other in [ITSELF, *Agent.objects.values_list("name", flat=True)]:
        if display.skeleton(other.casefold()) == likeness:
            raise errors.Conflict(f"There is an agent {other!r} already; {name!r} reads like it.")


def webhook_secret() -> str:
    """A Standard Webhooks secret: `whsec_` and 32 random bytes in base64."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
