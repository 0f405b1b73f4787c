"""Add people, their teams, identities and tokens; recognise them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from approvals.domain import errors
from approvals.domain.policy import seats
from approvals.domain.terms import EventKind
from approvals.models import Identity, Person, PersonToken, Team, TeamMember
from approvals.models.people import Role
from approvals.services import audit, keys, on_call, superiors
from approvals.services.actors import Actor
from approvals.services.agents import USED_EVERY, KeyRefused

KINDS = ("slack", "teams", "pagerduty", "servicenow", "github", "oidc")
SCOPES = ("requests:read", "requests:decide", "audit:read")
POLICY_SCOPE = "policies:write"  # never given unless it is named
READS_AUDIT = frozenset({Role.MANAGER, Role.AUDITOR, Role.OPERATOR})


def add(
    *,
    email: str,
    name: str,
    at: datetime,
    actor: Actor,
    teams: Sequence[str] = (),
    role: Role | None = None,
    manager: Person | None = None,
    password: str | None = None,
) -> Person:
    """Add a person, or bring an existing one up to date; the same call twice changes nothing.

    Teams are added to, never taken from. Raises Invalid for an unknown team or a bad address.
    """
    address = email.strip().lower()
    if "@" not in address or len(address) > 254:
        raise errors.Invalid(f"{email!r} is not an e-mail address.", field="email")
    with transaction.atomic():
        person, is_new = Person.objects.select_for_update().get_or_create(
            email=address,
            defaults={"name": name or address.split("@")[0], "created_at": at, "password": "!"},
        )
        changed = _update(person, name=name, role=role, manager=manager)
        if password is not None:
            person.set_password(password)
            changed.append("password")
        person.save()
        joined = [team for team in teams if _join(person, team)]
        if is_new or changed or joined:
            kind = EventKind.PERSON_ADDED if is_new else EventKind.PERSON_CHANGED
            detail = _detail(person, changed, joined)
            audit.append_service(kind, actor=actor, at=at, detail=detail)
            superiors.settle()
    return person


def leave(*, person: Person, team: str, at: datetime, actor: Actor) -> None:
    """Take a person out of a team; approvals they gave to open requests stop counting."""
    with transaction.atomic():
        gone, _ = TeamMember.objects.filter(person=person, team__name=team).delete()
        if gone:
            detail = {"person": person.email, "left": [team]}
            audit.append_service(EventKind.PERSON_CHANGED, actor=actor, at=at, detail=detail)
            on_call.settle(at=at)  # a shift by hand is the team's to give
            superiors.settle()


def by_email(email: str) -> Person | None:
    return Person.objects.filter(email=email.strip().lower(), is_active=True).first()


def by_identity(*, kind: str, external_id: str) -> Person | None:
    """The active person this account belongs to."""
    identity = (
        Identity.objects.select_related("person")
        .filter(kind=kind, external_id=external_id, person__is_active=True)
        .first()
    )
    return identity.person if identity else None


def link(
    *, person: Person, kind: str, external_id: str, verified_by: str, actor: Actor, at: datetime
) -> Identity:
    """Bind an account elsewhere to a person; the same link twice is one link.

    Raises Invalid for an unknown kind, Conflict when the account is another person's.
    """
    if kind not in KINDS:
        raise errors.Invalid(f"{kind!r} is not known; known: {', '.join(KINDS)}.", field="kind")
    if not external_id or len(external_id) > 200:
        raise errors.Invalid("The account's id is missing or too long.", field="external_id")
    try:
        with transaction.atomic():
            identity, is_new = Identity.objects.get_or_create(
                kind=kind,
                external_id=external_id,
                defaults={"person": person, "verified_by": verified_by, "created_at": at},
            )
            if is_new:
                detail = {
                    "person": person.email,
                    "kind": kind,
                    "id": external_id,
                    "verified_by": verified_by,
                }
                audit.append_service(EventKind.PERSON_LINKED, actor=actor, at=at, detail=detail)
    except IntegrityError:
        identity = Identity.objects.get(kind=kind, external_id=external_id)
    if identity.person_id != person.pk:
        raise errors.Conflict(
            f"This {kind} account is linked to somebody else. Nothing was changed."
        )
    return identity


def issue_token(
    *,
    person: Person,
    scopes: Sequence[str],
    at: datetime,
    actor: Actor,
    name: str = "",
    days: int | None = None,
) -> str:
    """A personal token; the raw form is returned once. Raises Invalid for an unknown scope."""
    known = (*SCOPES, POLICY_SCOPE)
    unknown = sorted(set(scopes) - set(known))
    if unknown:
        raise errors.Invalid(
            f"Unknown scope {unknown[0]!r}; known: {', '.join(known)}.", field="scopes"
        )
    minted = keys.mint("person")
    with transaction.atomic():
        PersonToken.objects.create(
            person=person,
            name=name,
            prefix=minted.prefix,
            digest=minted.digest,
            scopes=list(scopes or SCOPES),
            created_at=at,
            expires_at=at + timedelta(days=days or settings.PERSON_TOKEN_DAYS),
        )
        detail = {"person": person.email, "prefix": minted.prefix, "scopes": list(scopes or SCOPES)}
        audit.append_service(EventKind.PERSON_TOKEN_ISSUED, actor=actor, at=at, detail=detail)
    return minted.raw


def authenticate_token(raw: str, *, at: datetime) -> PersonToken:
    """The live token behind a raw one, with its person. Raises KeyRefused."""
    prefix = keys.prefix_of(raw, "person")
    token = (
        PersonToken.objects.select_related("person").filter(prefix=prefix).first()
        if prefix
        else None
    )
    if token is None or not keys.matches(raw, token.digest):
        raise KeyRefused("This token is not known.")
    if token.revoked_at or not token.person.is_active:
        raise KeyRefused("This token was revoked. Make a new one.")
    if token.expires_at <= at:
        raise KeyRefused(f"This token expired on {token.expires_at:%d %b %Y}. Make a new one.")
    if token.last_used_at is None or at - token.last_used_at > USED_EVERY:
        PersonToken.objects.filter(pk=token.pk).update(last_used_at=at)
    return token


def may_read_audit(person: Person) -> bool:
    """Managers, auditors and operators read the whole history."""
    return person.is_active and Role(person.role) in READS_AUDIT


def _update(person: Person, *, name: str, role: Role | None, manager: Person | None) -> list[str]:
    changed = []
    if name and person.name != name:
        person.name = name
        changed.append("name")
    if role is not None and person.role != role:
        person.role = role.value
        changed.append("role")
    if manager is not None and person.manager_id != manager.pk:
        person.manager = manager
        changed.append("manager")
    return changed


def _detail(person: Person, changed: Sequence[str], joined: Sequence[str]) -> dict[str, Any]:
    """What history keeps of a change; who manages somebody may decide where they were silent."""
    detail: dict[str, Any] = {"person": person.email, "role": person.role}
    if "manager" in changed and person.manager is not None:
        detail["manager"] = person.manager.email
    return {**detail, "changed": sorted(changed), "joined": list(joined)}


def _join(person: Person, name: str) -> bool:
    team = None if seats.is_seat(name) else Team.objects.filter(name=name).first()
    if team is None:
        names = Team.objects.order_by("name").values_list("name", flat=True)
        known = ", ".join(each for each in names if not seats.is_seat(each))
        raise errors.Invalid(f"There is no team {name!r}; known: {known}.", field="team")
    _, is_new = TeamMember.objects.get_or_create(team=team, person=person)
    return is_new
