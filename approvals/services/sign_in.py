"""The rules of signing in: who may use a password, who needs a second proof, and whom to ask for help."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from approvals.domain.terms import EventKind
from approvals.models import Identity, OneTimeSecret, Passkey, Person
from approvals.models.people import Role
from approvals.services import audit
from approvals.services.actors import Actor
from approvals.services.actors import person as person_actor

MOST_NAMED = 2


def contact() -> str:
    """Whom to ask, as words that go on after "Ask": SUPPORT_CONTACT, or the operators' addresses."""
    if settings.SUPPORT_CONTACT:
        return str(settings.SUPPORT_CONTACT)
    operators = Person.objects.filter(role=Role.OPERATOR.value, is_active=True).order_by("pk")
    named = list(operators.values_list("email", flat=True)[:MOST_NAMED])
    return " or ".join(named) if named else "whoever runs Countersign here"


def passwords_are_hidden() -> bool:
    """Single sign-on alone lets people in, but for the operators named for emergencies."""
    return bool(settings.OIDC_ONLY and settings.OIDC_ISSUER)


def may_use_password(person: Person) -> bool:
    """Always, unless single sign-on alone counts; then operators named in OIDC_BREAK_GLASS."""
    if not passwords_are_hidden():
        return True
    named = {each.lower() for each in settings.OIDC_BREAK_GLASS}
    return person.role == Role.OPERATOR and person.email in named


def needs_second_factor(person: Person) -> bool:
    """What REQUIRE_SECOND_FACTOR asks of somebody who came with a password."""
    asked = settings.REQUIRE_SECOND_FACTOR
    return asked == "all" or (asked == "managers" and person.role != Role.MEMBER)


def has_codes(person: Person) -> bool:
    return OneTimeSecret.objects.filter(person=person, confirmed_at__isnull=False).exists()


def has_passkey(person: Person) -> bool:
    return Passkey.objects.filter(person=person).exists()


def note(
    person: Person, detail: Mapping[str, object], *, at: datetime, actor: Actor | None = None
) -> None:
    """Write into history how somebody's ways of signing in changed, or were used in an emergency."""
    audit.append_service(
        EventKind.SIGN_IN_CHANGED,
        actor=actor or person_actor(person),
        at=at,
        detail={"person": person.email, **detail},
    )


def reset(*, person: Person, actor: Actor, at: datetime) -> dict[str, int]:
    """Forget somebody's passkeys, one-time codes and account of single sign-on; how many of each.

    For whoever lost their device, or whose account at the identity provider was made anew.
    """
    ways: dict[str, QuerySet[Any]] = {
        "passkeys": Passkey.objects.filter(person=person),
        "codes": OneTimeSecret.objects.filter(person=person),
        "single_sign_on": Identity.objects.filter(person=person, kind="oidc"),
    }
    with transaction.atomic():
        gone = {name: rows.delete()[0] for name, rows in ways.items()}
        note(person, {"reset": gone}, at=at, actor=actor)
    return gone
