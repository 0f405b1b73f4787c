"""Every string of a JSON value, keys and values, each with a place that gives nothing away."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from approvals.domain.text.unseen import ACCENTS, without_unseen

DEPTH_LIMIT = 64
COUNT_LIMIT = 100_000
LENGTH_LIMIT = 1_000_000
_LARGEST_NUMBER = 10**40  # longer than any number that counts as one of somebody
_ACCENT = re.compile(f"[{ACCENTS}]+")
# Letters that Unicode does not take apart.
_STROKED = {
    "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "\u0131": "i",
    "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe",
}  # fmt: skip
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,59}")


def bare(text: str) -> str:
    """The text in its plainest letters: nothing hidden, no wide or styled forms, no accents.

    Letter by letter, because normalising a text of many marks as a whole costs the square of its length.
    """
    if text.isascii() and text.isprintable():
        return text
    seen = without_unseen(text)
    return _ACCENT.sub("", seen.translate({ord(char): _plainest(char) for char in set(seen)}))


def _plainest(char: str) -> str:
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    return _STROKED.get(char) or unicodedata.normalize("NFKD", char)


def folded(text: str) -> str:
    """The same whatever the case, for comparing."""
    return bare(text).casefold()


class TooMuch(Exception):
    """More than anybody wants to look through: deeper, more or longer than the limits."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step on the way to a string, and the way before it; `at` is its position among its like."""

    before: Step | None
    key: str | int
    at: int


@dataclass(frozen=True, slots=True)
class Text:
    """One string, or a number or `true` written as one. `key` is the nearest name above a value."""

    words: str
    way: Step | None
    root: str
    is_key: bool = False
    is_string: bool = True

    @property
    def key(self) -> str:
        return next((step.key for step in _back(self.way) if isinstance(step.key, str)), "")

    @property
    def keys(self) -> list[str]:
        """The names above it, nearest first."""
        return [step.key for step in _back(self.way) if isinstance(step.key, str)]


def _back(way: Step | None) -> Iterator[Step]:
    while way is not None:
        yield way
        way = way.before


def texts(value: Any, root: str) -> Iterator[Text]:
    """All strings, numbers and truths below `root` (a JSON pointer), in their order.

    Raises TooMuch past the limits, as soon as they are met.
    """
    count = length = 0
    for text in _walk(value, root):
        count, length = count + 1, length + len(text.words)
        if count > COUNT_LIMIT or length > LENGTH_LIMIT:
            raise TooMuch
        yield text


def pointer(text: Text, *, tells: Sequence[str] = ()) -> str:
    """Where it stands, as a JSON pointer; a key that is no plain name, or `tells`, is counted instead.

    `/parameters/people/(key 2)` is the second key there: a key may itself be what must not be told.
    """
    steps = [_drawn(step, tells) for step in _back(text.way)]
    return "".join((text.root, *(f"/{step}" for step in reversed(steps))))


def _drawn(step: Step, tells: Sequence[str]) -> str:
    if isinstance(step.key, int):
        return str(step.key)
    if step.key in tells or not _PLAIN_KEY.fullmatch(step.key):
        return f"(key {step.at + 1})"
    return step.key


def _walk(value: Any, root: str) -> Iterator[Text]:
    waiting: list[tuple[Step | None, Any, int]] = [(None, value, 0)]
    while waiting:
        way, item, depth = waiting.pop()
        if depth > DEPTH_LIMIT:
            raise TooMuch
        if isinstance(item, Mapping):
            below = [Step(way, str(key), at) for at, key in enumerate(item)]
            yield from (Text(str(step.key), step, root, is_key=True) for step in below)
            waiting += [
                (step, part, depth + 1)
                for step, part in zip(below[::-1], list(item.values())[::-1], strict=True)
            ]
        elif isinstance(item, list | tuple):
            waiting += [
                (Step(way, at, at), part, depth + 1) for at, part in reversed([*enumerate(item)])
            ]
        elif isinstance(item, str):
            yield Text(item, way, root)
        elif written := _written(item):
            yield Text(written, way, root, is_string=False)


def _written(value: Any) -> str:
    """A number as people write it, and what is true; nothing for all else, and what is endless."""
    if value is True:
        return "true"
    if value is False or not isinstance(value, int | float):
        return ""
    if not abs(value) < _LARGEST_NUMBER:  # not-a-number is not below it either
        return ""
    return str(int(value)) if value == int(value) else str(value)
