"""Small things several tables share."""

from __future__ import annotations

import json
import secrets
import time
import uuid
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q

if TYPE_CHECKING:
    _Field = models.Field[Any, Any]
else:
    _Field = models.Field  # generic for the type checker only


class ExactJSON(_Field):
    """A JSON value kept as the text it was written as.

    What is hashed and shown must come back as it went in. PostgreSQL's jsonb would sort the keys
    and spell 1e22 as an integer, which has another meaning in RFC 8785.
    """

    def get_internal_type(self) -> str:
        return "TextField"

    def get_prep_value(self, value: Any) -> str | None:
        return (
            None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        )

    def from_db_value(
        self, value: str | None, expression: object, connection: BaseDatabaseWrapper
    ) -> Any:
        del expression, connection
        return None if value is None else json.loads(value)

    def to_python(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value


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
