"""One exact form for JSON: strict reading, canonical writing, digests.

Reading refuses what two programs could understand differently (duplicate keys, NaN, numbers out of
range, bad UTF-8, deep nesting). Writing follows RFC 8785 (JSON Canonicalization Scheme), so equal
values have equal bytes and equal digests, whoever computes them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import rfc8785

from approvals.domain.errors import Refusal

DEPTH_LIMIT = 32
KEYS_LIMIT = 10_000
SAFE_INTEGER = 2**53 - 1
ACTION_DOMAIN = b"approval-action-v1\0"
_BRACKET_OR_STRING = re.compile(r'[\[\]{}]|"(?:[^"\\]|\\.)*"?', re.DOTALL)


class Malformed(Refusal):
    """The bytes are not JSON that everybody reads alike."""

    code = "malformed"
    status = 400


def loads(raw: bytes) -> Any:
    """Read JSON strictly.

    Raises `Malformed` for invalid UTF-8, a byte order mark, duplicate keys, NaN and infinities,
    integers beyond ±(2^53 − 1), lone surrogates, NUL in text, or nesting deeper than 32.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("The body is not valid UTF-8. Nothing was recorded.") from None
    _refuse_deep(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except (json.JSONDecodeError, RecursionError) as error:
        raise Malformed(f"The body is not valid JSON: {error}. Nothing was recorded.") from None
    _refuse_unpaired(value)
    return value


def dumps(value: object) -> bytes:
    """The canonical bytes of a JSON value (RFC 8785).

    Raises `Malformed` for values JSON cannot carry without ambiguity.
    """
    try:
        return rfc8785.dumps(value)  # type: ignore[arg-type]  # its alias is recursive and private
    except (rfc8785.CanonicalizationError, ValueError, RecursionError) as error:
        raise Malformed(f"The value has no canonical JSON form: {error}.") from None


def digest(value: object) -> str:
    """SHA-256 of the canonical bytes, in lower-case hex."""
    return hashlib.sha256(dumps(value)).hexdigest()


def parameters_sha256(parameters: Mapping[str, object]) -> str:
    """The digest that binds an approval to exactly these parameters."""
    return digest(parameters)


def action_sha256(*, action: str, target: str, parameters: Mapping[str, object]) -> str:
    """The digest of the whole action: what a person is shown and what may run."""
    body = dumps({"action": action, "target": target, "parameters": parameters})
    return hashlib.sha256(ACTION_DOMAIN + body).hexdigest()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise Malformed(f"The key {key!r} stands twice in one object. Nothing was recorded.")
        seen[key] = value
    return seen


def _constant(name: str) -> NoReturn:
    raise Malformed(f"{name} is not JSON. Nothing was recorded.")


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > SAFE_INTEGER:
        raise Malformed(
            f"The integer {digits[:24]} is beyond 2^53 − 1 and would not survive every reader; "
            "send it as text. Nothing was recorded."
        )
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    # Databases keep 1e20 as the integer it is, and a larger integer than 2^53 − 1 has no canonical form.
    if abs(value) > SAFE_INTEGER:
        raise Malformed(f"The number {digits[:24]} is too large. Nothing was recorded.")
    return value


def _refuse_deep(text: str) -> None:
    """Count brackets outside strings before the parser recurses into them."""
    depth = 0
    for bracket in _BRACKET_OR_STRING.findall(text):
        if bracket in "[{":
            depth += 1
        elif bracket in "]}":
            depth -= 1
        if depth > DEPTH_LIMIT:
            raise Malformed(f"The body is nested deeper than {DEPTH_LIMIT}. Nothing was recorded.")


def _refuse_unpaired(value: object) -> None:
    """Refuse text that no database or UTF-8 encoder can keep: lone surrogates and NUL."""
    waiting, keys = [value], 0
    while waiting:
        current = waiting.pop()
        if isinstance(current, str):
            if "\0" in current or any("\ud800" <= c <= "\udfff" for c in current):
                raise Malformed("Text holds a NUL or half a surrogate pair. Nothing was recorded.")
        elif isinstance(current, dict):
            keys += len(current)
            waiting.extend(current)
            waiting.extend(current.values())
        elif isinstance(current, list):
            waiting.extend(current)
    if keys > KEYS_LIMIT:
        raise Malformed(f"The body has more than {KEYS_LIMIT} keys. Nothing was recorded.")
