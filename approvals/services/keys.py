"""Keys that look like `cs_agent_<prefix>_<secret>`: shown once, kept as a hash.

The secret has 256 random bits, so a plain SHA-256 is enough (OWASP ASVS 5.0, 6.5.2).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

PREFIX_BYTES = 5


@dataclass(frozen=True, slots=True)
class Minted:
    """A new key: `raw` goes to its holder once, `prefix` and `digest` into the database."""

    raw: str
    prefix: str
    digest: str


def mint(kind: str) -> Minted:
    """A new key of one kind, `agent` or `person`."""
    prefix = secrets.token_hex(PREFIX_BYTES)
    raw = f"cs_{kind}_{prefix}_{secrets.token_urlsafe(32)}"
    return Minted(raw, prefix, digest(raw))


def digest(raw: str) -> str:
    return hashlib.sha256(raw.encode("utf-8", "replace")).hexdigest()


def prefix_of(raw: str, kind: str) -> str | None:
    """The prefix of a key of this kind, None when it cannot be one."""
    parts = raw.split("_", 3)
    if len(raw) > 200 or len(parts) != 4 or parts[:2] != ["cs", kind]:
        return None
    return parts[2]


def matches(raw: str, kept: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(digest(raw), kept)
