"""One-time codes of an authenticator app (RFC 6238), and the recovery codes for a day without it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.db import transaction

from approvals.domain import errors
from approvals.models import OneTimeSecret, Person
from approvals.services import sealing, sign_in

STEP_SECONDS = 30
DIGITS = 6
# One step to each side, for clocks that differ and people who type slowly.
WITHIN = (0, -1, 1)
SECRET_LENGTH = 20
RECOVERY_CODES = 10
RECOVERY_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that reads like another
RECOVERY_LENGTH = 16  # 79 bits: beyond guessing even for whoever holds the digests
PURPOSE = "one-time-codes"
WRONG = "This code does not count. It may be old or used already; wait for the next one."


def begin(*, person: Person, at: datetime) -> OneTimeSecret:
    """A new secret that counts for nothing until a code of it came back. Raises Conflict if one counts."""
    with transaction.atomic():
        Person.objects.select_for_update(no_key=True).get(pk=person.pk)
        known = OneTimeSecret.objects.filter(person=person).first()
        if known is not None and known.confirmed_at is not None:
            raise errors.Conflict("You have one-time codes already. Nothing was changed.")
        if known is not None:
            return known
        secret = base64.b32encode(os.urandom(SECRET_LENGTH)).decode()
        return OneTimeSecret.objects.create(
            person=person, sealed_secret=_sealed(secret, person), created_at=at
        )


def letters(row: OneTimeSecret) -> str:
    """The secret as an app takes it, in Base32. Raises sealing.Unopenable."""
    return sealing.unseal(row.sealed_secret, purpose=PURPOSE, place=_place(row.person_id))


def address(row: OneTimeSecret) -> str:
    """The `otpauth:` address that stands in the QR code."""
    return _totp(letters(row)).get_provisioning_uri(row.person.email, "Countersign")


def confirm(*, person: Person, code: str, at: datetime) -> list[str]:
    """Let the codes count from now on; returns the recovery codes, this once. Raises Invalid, Conflict."""
    with transaction.atomic():
        row = _row(person)
        if row is None or row.confirmed_at is not None:
            raise errors.Conflict("There is nothing to confirm. Nothing was changed.")
        step = _step(row, code, at=at)
        if step is None:
            raise errors.Invalid(f"{WRONG} Nothing was changed.", field="code")
        row.confirmed_at, row.last_step = at, step
        raw = _renew(row)
        sign_in.note(person, {"codes": "on"}, at=at)
    return raw


def check(*, person: Person, code: str, at: datetime) -> None:
    """Take a code, or a recovery code, once. Raises Invalid for any other."""
    with transaction.atomic():
        row = _row(person)
        if row is None or row.confirmed_at is None:
            raise errors.Invalid("You have no one-time codes. Nobody was signed in.", field="code")
        step = _step(row, code, at=at)
        if step is not None:
            row.last_step = step
            row.save(update_fields=["last_step"])
            return
        digest = _digest(code, person)
        if not any(hmac.compare_digest(digest, kept) for kept in row.recovery_digests):
            raise errors.Invalid(f"{WRONG} Nobody was signed in.", field="code")
        row.recovery_digests = [kept for kept in row.recovery_digests if kept != digest]
        row.save(update_fields=["recovery_digests"])
        sign_in.note(person, {"recovery_code_used": len(row.recovery_digests)}, at=at)


def renew(*, person: Person, at: datetime) -> list[str]:
    """Ten new recovery codes; the old ones stop counting. Raises Conflict without one-time codes."""
    with transaction.atomic():
        row = _row(person)
        if row is None or row.confirmed_at is None:
            raise errors.Conflict("You have no one-time codes. Nothing was changed.")
        raw = _renew(row)
        sign_in.note(person, {"recovery_codes": "renewed"}, at=at)
    return raw


def remove(*, person: Person, at: datetime) -> None:
    """Ask for codes no longer. Raises NotAllowed where they are required, Conflict where there are none."""
    if sign_in.needs_second_factor(person) and not sign_in.has_passkey(person):
        raise errors.NotAllowed(
            "A second proof is required here, and these codes are yours. Add a passkey first; "
            "nothing was changed."
        )
    with transaction.atomic():
        gone, _ = OneTimeSecret.objects.filter(person=person).delete()
        if not gone:
            raise errors.Conflict("You have no one-time codes. Nothing was changed.")
        sign_in.note(person, {"codes": "off"}, at=at)


def _row(person: Person) -> OneTimeSecret | None:
    """Locked, so that of two who send the same code one is second."""
    return OneTimeSecret.objects.select_for_update().filter(person=person).first()


def _step(row: OneTimeSecret, code: str, *, at: datetime) -> int | None:
    """The time step a code belongs to, if it is newer than every one used."""
    typed = "".join(code.split())
    if len(typed) != DIGITS or not (typed.isascii() and typed.isdigit()):
        return None
    totp, now = _totp(letters(row)), int(at.timestamp()) // STEP_SECONDS
    fitting = [
        now + off
        for off in WITHIN
        if hmac.compare_digest(totp.generate((now + off) * STEP_SECONDS), typed.encode())
    ]
    return next((step for step in fitting if step > row.last_step), None)


def _renew(row: OneTimeSecret) -> list[str]:
    raw = [
        "".join(secrets.choice(RECOVERY_LETTERS) for _ in range(RECOVERY_LENGTH))
        for _ in range(RECOVERY_CODES)
    ]
    row.recovery_digests = [_digest(code, row.person) for code in raw]
    row.save()
    return ["-".join(code[at : at + 4] for at in range(0, RECOVERY_LENGTH, 4)) for code in raw]


def _digest(code: str, person: Person) -> str:
    """Plain SHA-256 is enough for what nobody can guess; bound to its person."""
    plain = code.replace("-", "").replace(" ", "").strip().lower()
    return hashlib.sha256(f"recovery:{person.pk}:{plain}".encode()).hexdigest()


def _totp(secret: str) -> TOTP:
    # SHA-1 is what every app speaks; as HMAC it is sound.
    return TOTP(base64.b32decode(secret), DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303


def _sealed(secret: str, person: Person) -> str:
    return sealing.seal(secret, purpose=PURPOSE, place=_place(person.pk))


def _place(number: int) -> str:
    return f"person:{number}"
