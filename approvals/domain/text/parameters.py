"""Lay out every parameter of an action, to the last leaf, in the order it was given."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from approvals.domain.text.shown import Shown
from approvals.domain.text.unseen import SUSPECT, flag_of

Show = Callable[[str], Shown]

_PLAIN_KEY = re.compile(r"[^\W\d]\w*(?:-\w+)*")
_DIGITS_LIMIT = 4_000  # Python itself refuses to write longer integers
_POINT_LIMIT = 30


@dataclass(frozen=True, slots=True)
class Parameter:
    """One leaf: where it stands, its exact value as JSON, and the same made safe to read.

    `shown` is the text itself without quotes, else the value; its flags also speak of the path.
    `means` says the value plainly where that adds something, and is empty where it does not.
    """

    path: str
    raw: str
    kind: str
    shown: Shown
    means: str


class _Place(NamedTuple):
    """A step on the way to a leaf, and the way before it."""

    parent: _Place | None
    key: str | int

    def steps(self) -> list[str | int]:
        steps: list[str | int] = []
        place: _Place | None = self
        while place is not None:
            steps.append(place.key)
            place = place.parent
        return steps[::-1]


def leaves(values: Mapping[str, object]) -> Iterator[tuple[list[str | int], object]]:
    """Every leaf with its path; an empty object or list is a leaf. As deep as one likes."""
    waiting = _children(None, values)
    while waiting:
        place, value = waiting.pop()
        children = _children(place, value)
        if children:
            waiting += children
        else:
            yield place.steps(), value


def _children(place: _Place | None, value: object) -> list[tuple[_Place, object]]:
    """What lies directly below, last first."""
    found: list[tuple[_Place, object]] = []
    if isinstance(value, Mapping):
        found = [(_Place(place, str(key)), item) for key, item in value.items()]
    elif isinstance(value, (list, tuple)):
        found = [(_Place(place, index), item) for index, item in enumerate(value)]
    return found[::-1]


def drawn_path(steps: list[str | int], show_key: Show) -> tuple[str, list[Shown]]:
    """metadata.items[0]["odd key"], and what was noticed about its keys."""
    path, noticed = "", []
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
            continue
        shown = show_key(step)
        noticed.append(shown)
        if _PLAIN_KEY.fullmatch(shown.text):
            path += f".{shown.text}" if path else shown.text
        else:
            path += f"[{json.dumps(shown.text, ensure_ascii=False)}]"
    return path, noticed


def raw(value: object) -> str:
    """The value as JSON, safe to print: what cannot be seen is escaped as JSON allows."""
    if isinstance(value, (Mapping, list, tuple)):
        return "{}" if isinstance(value, Mapping) else "[]"
    if value is None or isinstance(value, (bool, float)):
        return json.dumps(value)
    if isinstance(value, int):
        return str(value) if abs(value) < 10**_DIGITS_LIMIT else hex(value)
    if isinstance(value, Decimal):
        return str(value)
    return SUSPECT.sub(_escaped, json.dumps(str(value), ensure_ascii=False))


def _escaped(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1] if flag_of(match[0]) else match[0]


def kind(value: object) -> str:
    """The type in words people use."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true/false"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, (float, Decimal)):
        return "number"
    if isinstance(value, Mapping):
        return "empty object"
    if isinstance(value, (list, tuple)):
        return "empty list"
    return "text" if str(value) else "empty text"


def means(value: object) -> str:
    """The value said plainly: digits in groups, yes and no. Nothing is guessed."""
    if value is None:
        return "no value"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if 1_000 <= abs(value) < 10**_POINT_LIMIT else ""
    if isinstance(value, (float, Decimal)):
        return _grouped(Decimal(str(value)))
    return ""


def _grouped(value: Decimal) -> str:
    if not value.is_finite() or abs(value.adjusted()) > _POINT_LIMIT:
        return ""
    grouped = f"{value:,f}"
    return grouped if grouped != str(value) else ""
