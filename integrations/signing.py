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

PREFIX = "whsec_"
KEY_LENGTHS = range(24, 65)

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


def standard_signed_content(*, message_id: str, timestamp: str, body: bytes) -> bytes:
    """Return the bytes a Standard Webhooks signature covers."""
    return f"{message_id}.{timestamp}.".encode() + body


def standard_signature(*, key: bytes, signed_content: bytes) -> str:
    """Return one `v1,<base64>` signature."""
    digest = hmac.new(key, signed_content, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def standard_webhook_headers(
    *, secrets: Sequence[str], message_id: str, at: datetime, body: bytes
) -> dict[str, str]:
    """Return the three headers that prove who sent this body, and when.

    `at` is the moment of this attempt; `message_id` stays the same across attempts. With several
    secrets there are several signatures, so that a receiver may change its secret at leisure.
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
        standard_signature(key=webhook_key(secret), signed_content=content) for secret in secrets
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }
