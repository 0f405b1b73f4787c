"""Sign what the service sends, as Standard Webhooks 1.0 asks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime
from secrets import token_bytes

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PREFIX = "whsec_"
PRIVATE_PREFIX, PUBLIC_PREFIX = "whsk_", "whpk_"
KEY_LENGTHS = range(24, 65)
SEED_LENGTH = 32

# Visible ASCII but the full stop: with one inside, "a.1" and body "2.x" would be signed like
# "a" at second 1, and a receiver could be told one message for the other.
MESSAGE_ID = re.compile(r"[!-\-/-~]{1,256}")


def new_webhook_secret() -> str:
    """Make a secret to share with one receiver, fit to be shown once and stored encrypted."""
    return PREFIX + base64.b64encode(token_bytes(32)).decode()


def webhook_key(secret: str) -> bytes:
    """Read the key out of a `whsec_` secret; the prefix and the padding may be missing.

    Raises ValueError unless it is base64 of 24 to 64 bytes.
    """
    text = secret.removeprefix(PREFIX)
    key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    if len(key) not in KEY_LENGTHS:
        raise ValueError("A webhook secret holds 24 to 64 bytes.")
    return key


def new_signing_key() -> str:
    """Make an Ed25519 key to sign with, for receivers that shall not be able to sign themselves."""
    return PRIVATE_PREFIX + base64.b64encode(token_bytes(SEED_LENGTH)).decode()


def read_signing_key(text: str) -> Ed25519PrivateKey:
    """Read a `whsk_` key: base64 of the 32 bytes of the seed, which the public key may follow.

    Raises ValueError for anything else.
    """
    raw = base64.b64decode(text.removeprefix(PRIVATE_PREFIX), validate=True)
    if len(raw) not in (SEED_LENGTH, 2 * SEED_LENGTH):
        raise ValueError("A signing key holds 32 or 64 bytes.")
    key = Ed25519PrivateKey.from_private_bytes(raw[:SEED_LENGTH])
    if raw[SEED_LENGTH:] not in (b"", key.public_key().public_bytes_raw()):
        raise ValueError("The two halves of a signing key do not belong together.")
    return key


def public_text(key: Ed25519PrivateKey) -> str:
    """The `whpk_` form of a key's public half."""
    return PUBLIC_PREFIX + base64.b64encode(key.public_key().public_bytes_raw()).decode()


def standard_signed_content(*, message_id: str, timestamp: str, body: bytes) -> bytes:
    """Return the bytes a Standard Webhooks signature covers."""
    return f"{message_id}.{timestamp}.".encode() + body


def standard_signature(*, key: bytes, signed_content: bytes) -> str:
    """Return one `v1,<base64>` signature."""
    digest = hmac.new(key, signed_content, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def asymmetric_signature(*, key: Ed25519PrivateKey, signed_content: bytes) -> str:
    """Return one `v1a,<base64>` signature."""
    return "v1a," + base64.b64encode(key.sign(signed_content)).decode()


def standard_webhook_headers(
    *,
    secrets: Sequence[str],
    message_id: str,
    at: datetime,
    body: bytes,
    keys: Sequence[Ed25519PrivateKey] = (),
) -> dict[str, str]:
    """Return the three headers that prove who sent this body, and when.

    `at` is the moment of this attempt; `message_id` stays the same across attempts. With several
    secrets there are several signatures, so that a receiver may change its secret at leisure; each
    of the `keys` adds one that everybody can verify.
    Raises ValueError for an unfit secret or id, for no secret at all and for a naive datetime.
    """
    if not secrets:
        raise ValueError("A webhook needs a secret to be signed with.")
    if not MESSAGE_ID.fullmatch(message_id):
        raise ValueError("A webhook id is visible ASCII without a full stop.")
    if at.tzinfo is None:
        raise ValueError("A webhook is signed at a moment with a time zone.")
    timestamp = str(int(at.timestamp()))
    content = standard_signed_content(message_id=message_id, timestamp=timestamp, body=body)
    signatures = [
        *(standard_signature(key=webhook_key(each), signed_content=content) for each in secrets),
        *(asymmetric_signature(key=key, signed_content=content) for key in keys),
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }
