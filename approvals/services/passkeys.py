"""Passkeys (WebAuthn): made for one person, kept as a public key, and believed once for each challenge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import webauthn
from django.conf import settings
from django.db import IntegrityError, transaction
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from approvals.domain import errors
from approvals.models import Passkey, Person
from approvals.services import sign_in

MOST = 10
LONGEST_NAME = 80
LONGEST_ANSWER = 16 * 1024
LONGEST_ID = 400
# The library's own errors, and what odd answers do to the decoders beneath it.
BAD_ANSWER = (
    WebAuthnException,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
)


class NotProven(errors.NotAllowed):
    """This answer of an authenticator proves nobody."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the browser is asked, as the script reads it, and the challenge in it."""

    options: dict[str, Any]
    challenge: str


def domain() -> str:
    return urlsplit(settings.PUBLIC_URL).hostname or ""


def are_possible() -> bool:
    """Browsers know passkeys for names alone, and over TLS, but for `localhost`."""
    try:
        ip_address(domain())
    except ValueError:
        return domain() == "localhost" or settings.PUBLIC_URL.startswith("https://")
    return False


def ask_to_register(person: Person) -> Asked:
    """Options for a passkey that needs no name typed and always makes sure of its owner."""
    options = webauthn.generate_registration_options(
        rp_id=domain(),
        rp_name="Countersign",
        user_id=_handle(person),
        user_name=person.email,
        user_display_name=str(person),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[_descriptor(each) for each in Passkey.objects.filter(person=person)],
    )
    return _asked(webauthn.options_to_json(options), options.challenge)


def ask_to_prove(person: Person | None = None) -> Asked:
    """Options to sign in with: any passkey of this place, or one of this person's."""
    known = Passkey.objects.filter(person=person) if person else ()
    options = webauthn.generate_authentication_options(
        rp_id=domain(),
        allow_credentials=[_descriptor(each) for each in known],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _asked(webauthn.options_to_json(options), options.challenge)


def register(*, person: Person, answer: str, challenge: str, name: str, at: datetime) -> Passkey:
    """Keep a new passkey. Raises Invalid for a bad answer or name, Conflict for one too many."""
    called = _named(name)
    try:
        seen = webauthn.verify_registration_response(
            credential=_read(answer),
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=domain(),
            expected_origin=settings.PUBLIC_URL,
            require_user_verification=True,
        )
    except BAD_ANSWER:
        raise errors.Invalid(
            "The browser's answer makes no passkey. Nothing was added; try once more.",
            field="answer",
        ) from None
    credential_id = bytes_to_base64url(seen.credential_id)
    if len(credential_id) > LONGEST_ID:
        raise errors.Invalid("This authenticator's ids are too long. Nothing was added.")
    with transaction.atomic():
        Person.objects.select_for_update(no_key=True).get(pk=person.pk)
        if Passkey.objects.filter(person=person).count() >= MOST:
            raise errors.Conflict(f"You have {MOST} passkeys. Remove one first; nothing was added.")
        row = _keep(
            person=person,
            name=called,
            credential_id=credential_id,
            public_key=seen.credential_public_key,
            sign_count=seen.sign_count,
            transports=_transports(answer),
            created_at=at,
        )
        sign_in.note(person, {"passkey_added": called}, at=at)
    return row


def prove(*, answer: str, challenge: str, at: datetime, person: Person | None = None) -> Person:
    """Whose passkey answered, if its owner was made sure of; it must be `person`'s where one is given.

    Raises NotProven, also for a count that went back: then somebody has a copy of the key.
    """
    try:
        credential = _read(answer)
        number = str(credential["id"])
        handle = credential["response"].get("userHandle")
    except BAD_ANSWER:
        raise _not_proven() from None
    with transaction.atomic():
        row = (
            Passkey.objects.select_for_update(of=("self",))
            .select_related("person")
            .filter(credential_id=number[: LONGEST_ID + 1], person__is_active=True)
            .first()
        )
        if row is None or (person is not None and row.person_id != person.pk):
            raise _not_proven()
        if handle and handle != bytes_to_base64url(_handle(row.person)):
            raise _not_proven()
        _verify(row, credential, challenge, at=at)
    return row.person


def rename(*, person: Person, number: int, name: str, at: datetime) -> None:
    """Raises Invalid, NotFound."""
    called = _named(name)
    with transaction.atomic():
        row = _own(person, number)
        detail = {"passkey_renamed": row.name, "to": called}
        row.name = called
        row.save(update_fields=["name"])
        sign_in.note(person, detail, at=at)


def remove(*, person: Person, number: int, at: datetime) -> None:
    """Raises NotFound, and NotAllowed for the last proof that is required here."""
    with transaction.atomic():
        row = _own(person, number)
        is_last = not Passkey.objects.filter(person=person).exclude(pk=row.pk).exists()
        if is_last and sign_in.needs_second_factor(person) and not sign_in.has_codes(person):
            raise errors.NotAllowed(
                "A second proof is required here, and this is your only one. Nothing was changed."
            )
        row.delete()
        sign_in.note(person, {"passkey_removed": row.name}, at=at)


def _verify(row: Passkey, credential: Mapping[str, Any], challenge: str, *, at: datetime) -> None:
    try:
        seen = webauthn.verify_authentication_response(
            credential=dict(credential),
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=domain(),
            expected_origin=settings.PUBLIC_URL,
            credential_public_key=bytes(row.public_key),
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except BAD_ANSWER:
        raise _not_proven() from None
    row.sign_count, row.last_used_at = seen.new_sign_count, at
    row.save(update_fields=["sign_count", "last_used_at"])


def _keep(**facts: Any) -> Passkey:
    try:
        with transaction.atomic():
            return Passkey.objects.create(**facts)
    except IntegrityError:
        raise errors.Conflict("This passkey is known here already. Nothing was added.") from None


def _own(person: Person, number: int) -> Passkey:
    row = Passkey.objects.select_for_update().filter(person=person, pk=min(number, 2**63 - 1))
    found = row.first()
    if found is None:
        raise errors.NotFound("No passkey of yours is that one. Nothing was changed.")
    return found


def _read(answer: str) -> dict[str, Any]:
    """Raises ValueError, TypeError."""
    if len(answer) > LONGEST_ANSWER:
        raise ValueError("too long")
    try:
        read = json.loads(answer)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(read, dict) or not isinstance(read.get("response"), dict):
        raise TypeError("no credential")
    if not str(read.get("id", "")).isprintable():
        raise ValueError("no id")
    return read


def _transports(answer: str) -> list[str]:
    said = _read(answer)["response"].get("transports")
    known = {each.value for each in AuthenticatorTransport}
    return [each for each in said if each in known][:8] if isinstance(said, list) else []


def _descriptor(row: Passkey) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(
        id=base64url_to_bytes(row.credential_id),
        transports=[AuthenticatorTransport(each) for each in row.transports] or None,
    )


def _handle(person: Person) -> bytes:
    """What an authenticator keeps as the account: nothing that says who it is."""
    return f"person:{person.pk}".encode()


def _named(name: str) -> str:
    called = " ".join(name.split())
    if not called or len(called) > LONGEST_NAME or not called.isprintable():
        raise errors.Invalid(
            f"Give it a name of 1 to {LONGEST_NAME} characters, such as Laptop. Nothing was changed.",
            field="name",
        )
    return called


def _asked(as_json: str, challenge: bytes) -> Asked:
    return Asked(json.loads(as_json), bytes_to_base64url(challenge))


def _not_proven() -> NotProven:
    return NotProven(
        "This passkey is not known here, or its answer does not prove who you are. "
        "Nobody was signed in. Try again, or sign in another way."
    )
