"""Keep small secrets of others encrypted in the database, so that a copy of it gives none away.

AES-256-GCM under a key made by HKDF-SHA256 from SECRET_KEY, another key for each purpose. What was
sealed under a former SECRET_KEY opens as long as that stands in SECRET_KEY_FALLBACKS.
"""

from __future__ import annotations

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

FORM = "s1."
NONCE_LENGTH = 12
KEY_LENGTH = 32


class Unopenable(Exception):
    """What was sealed was damaged, moved to another place, or sealed under a key we no longer have."""


def seal(text: str, *, purpose: str, place: str) -> str:
    """Encrypt a secret; `place` names the row it belongs to, and it opens nowhere else."""
    nonce = os.urandom(NONCE_LENGTH)
    sealed = AESGCM(_key(settings.SECRET_KEY, purpose)).encrypt(
        nonce, text.encode(), place.encode()
    )
    return FORM + base64.urlsafe_b64encode(nonce + sealed).decode()


def unseal(sealed: str, *, purpose: str, place: str) -> str:
    """The secret again. Raises Unopenable."""
    raw = _raw(sealed)
    for known in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        try:
            opened = AESGCM(_key(known, purpose)).decrypt(
                raw[:NONCE_LENGTH], raw[NONCE_LENGTH:], place.encode()
            )
        except InvalidTag:
            continue
        return opened.decode()
    raise Unopenable("No key that SECRET_KEY or SECRET_KEY_FALLBACKS gives opens this secret.")


def _raw(sealed: str) -> bytes:
    try:
        raw = base64.b64decode(sealed.removeprefix(FORM), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not sealed.startswith(FORM) or len(raw) <= NONCE_LENGTH:
        raise Unopenable("This is nothing that was sealed here.")
    return raw


def _key(secret: str | bytes, purpose: str) -> bytes:
    material = secret.encode() if isinstance(secret, str) else secret
    derived = HKDF(SHA256(), KEY_LENGTH, salt=None, info=f"countersign:{purpose}".encode())
    return derived.derive(material)
