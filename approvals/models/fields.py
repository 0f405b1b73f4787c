"""Small things several tables share."""

from __future__ import annotations

import secrets
import time
import uuid
from enum import StrEnum

from django.db.models import Q


def uuid7() -> uuid.UUID:
    """A time-ordered unique id (RFC 9562, version 7): 48 bits of milliseconds, then random."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)


def choices(words: type[StrEnum]) -> list[tuple[str, str]]:
    """A StrEnum as Django choices; the words are their own labels."""
    return [(word.value, word.value) for word in words]


def one_of(column: str, words: type[StrEnum]) -> Q:
    """The condition that a column holds one of these words."""
    return Q(**{f"{column}__in": [word.value for word in words]})
