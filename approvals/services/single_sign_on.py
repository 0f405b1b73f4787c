"""Sign people in by what the identity provider says of them.

A person is found by the account that was linked to them, and the first time by a verified e-mail
address; from then on that account is theirs, and no other account of the provider ever becomes
theirs by itself. Rights never come from a claim.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from approvals.domain import errors
from approvals.domain.terms import ActorKind
from approvals.models import Identity, Person
from approvals.services import people
from approvals.services.actors import Actor
from approvals.services.identity_provider import NotBelieved, ProviderSilent, provider
from approvals.services.sign_in import contact

KIND = "oidc"
BACK = "/sign-in/single-sign-on/back"
LEFT = "/sign-in"  # where the provider may send a browser that signed out there
LONGEST_ID = 200
LONGEST_HINT = 6_000  # of a token that travels in an address
LEEWAY = timedelta(seconds=60)
BY = Actor(ActorKind.SYSTEM, "single-sign-on", "single sign-on")


class NotLetIn(errors.NotAllowed):
    """The provider proved somebody, and nobody here is them."""


@dataclass(frozen=True, slots=True)
class Journey:
    """One way to the provider and back; all but the address stays with the browser, sealed."""

    address: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Proven:
    """Who the provider says somebody is; `email` is empty unless it says it is verified.

    `token` is what it signed, for it to know later whom to sign out; empty where it is too long.
    """

    account: str
    issuer: str
    email: str
    name: str
    proved_at: datetime | None
    token: str = ""


def is_on() -> bool:
    return bool(settings.OIDC_ISSUER and settings.OIDC_CLIENT_ID and settings.OIDC_CLIENT_SECRET)


def name() -> str:
    """What people call it."""
    return str(settings.OIDC_NAME)


def refuse_other_issuer(said: str | None) -> None:
    """An answer that names its sender must name ours (RFC 9207). Raises NotBelieved."""
    if said is not None and said.rstrip("/") != settings.OIDC_ISSUER.rstrip("/"):
        raise NotBelieved("This answer is another provider's. Nobody was signed in. Begin again.")


def begin(*, again: bool = False) -> Journey:
    """A new journey; `again` asks the provider to make sure anew. Raises ProviderSilent."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    parameters = {
        "response_type": "code",
        "client_id": settings.OIDC_CLIENT_ID,
        "redirect_uri": settings.PUBLIC_URL + BACK,
        "scope": "openid email profile",
        "state": state,
        "nonce": nonce,
        "code_challenge": _challenge(verifier),
        "code_challenge_method": "S256",
    }
    if again:
        parameters |= {"prompt": "login", "max_age": "0"}
    return Journey(provider().address(parameters), state, nonce, verifier)


def way_out(*, token: str) -> str:
    """Where to send the browser of somebody who signs out here, so that they are out there, too.

    Empty where the provider publishes no such address, or does not answer: they are out here all the same.
    """
    parameters = {
        "client_id": settings.OIDC_CLIENT_ID,
        "post_logout_redirect_uri": settings.PUBLIC_URL + LEFT,
        **({"id_token_hint": token} if token else {}),
    }
    try:
        return provider().way_out(parameters) if is_on() else ""
    except ProviderSilent:
        return ""


def finish(*, code: str, nonce: str, verifier: str, newer_than: datetime | None = None) -> Proven:
    """Who came back. Raises NotBelieved, also where the proof is older than asked, and ProviderSilent."""
    token = provider().redeem(code=code, verifier=verifier, redirect_uri=settings.PUBLIC_URL + BACK)
    claims = provider().claims(token, nonce=nonce)
    proved_at = _moment(claims.get("auth_time"))
    if newer_than is not None and (proved_at is None or proved_at < newer_than - LEEWAY):
        raise NotBelieved(
            f"{settings.OIDC_NAME} did not make sure anew that it is you. You are signed in as before; "
            "nothing was decided."
        )
    issuer, email = str(claims["iss"]), claims.get("email")
    is_verified = claims.get("email_verified") is True and _is_address(email)
    return Proven(
        account=account_of(issuer, str(claims["sub"])),
        issuer=issuer,
        email=str(email).lower() if is_verified else "",
        name=_name(claims),
        proved_at=proved_at,
        token=token if len(token) <= LONGEST_HINT else "",
    )


def account_of(issuer: str, subject: str) -> str:
    """Issuer and subject as one id; a long one by its digest."""
    account = f"{issuer} {subject}"
    if len(account) <= LONGEST_ID and account.isprintable():
        return account
    return f"{issuer[:100]} sha256:{hashlib.sha256(account.encode()).hexdigest()}"


def whose(proven: Proven, *, at: datetime) -> Person:
    """The active person this is; linked, or added, the first time. Raises NotLetIn."""
    known = Identity.objects.select_related("person").filter(
        kind=KIND, external_id=proven.account
    ).first()  # fmt: skip
    if known is not None:
        return _active(known.person)
    if not proven.email:
        raise NotLetIn(
            f"{settings.OIDC_NAME} does not say that your e-mail address is verified, so nobody here "
            f"can be you. Nobody was signed in. Ask {contact()}."
        )
    with transaction.atomic():
        person = _by_email(proven, at=at)
        _refuse_second_account(person, proven)
        people.link(
            person=person, kind=KIND, external_id=proven.account, verified_by="verified_email",
            actor=BY, at=at,
        )  # fmt: skip
    return person


def _by_email(proven: Proven, *, at: datetime) -> Person:
    found = Person.objects.select_for_update().filter(email=proven.email).first()
    if found is not None:
        return _active(found)
    if not settings.OIDC_CREATE:
        raise NotLetIn(
            f"Nobody here has the address {proven.email}. Nobody was signed in. "
            f"Ask {contact()} to add you."
        )
    return people.add(email=proven.email, name=proven.name, at=at, actor=BY)


def _refuse_second_account(person: Person, proven: Proven) -> None:
    """An address given to somebody new must not bring them into an old account."""
    others = Identity.objects.filter(person=person, kind=KIND)
    if others.filter(external_id__startswith=f"{proven.issuer[:100]}").exists():
        raise NotLetIn(
            f"{person.email} is linked to another account at {settings.OIDC_NAME}. Nobody was signed in. "
            f"Ask {contact()}; if that account is gone, it can be unlinked."
        )


def _active(person: Person) -> Person:
    if not person.is_active:
        raise NotLetIn(f"Your account here is switched off. Nobody was signed in. Ask {contact()}.")
    return person


def _challenge(verifier: str) -> str:
    from_bytes = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(from_bytes).rstrip(b"=").decode()


def _moment(said: object) -> datetime | None:
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 < said < 2**33:
        return None
    return datetime.fromtimestamp(said, UTC)


def _is_address(said: object) -> bool:
    """Of a form that cannot surprise a database; that it is theirs is the provider's word."""
    return (
        isinstance(said, str) and said.isascii() and said.isprintable() and " " not in said
        and "@" in said and len(said) <= 254
    )  # fmt: skip


def _name(claims: Mapping[str, Any]) -> str:
    name = claims.get("name")
    return name.strip()[:120] if isinstance(name, str) and name.isprintable() else ""
