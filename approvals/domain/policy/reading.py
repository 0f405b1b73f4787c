"""Values that know their file, line, column and key, and say what was wanted when they do not fit.

Nothing here stops at the first mistake it could step over: whoever writes policies is told all of them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from approvals.domain import timing

LONGEST_NAME = 200
_DIGITS = re.compile(r"[+-]?[0-9]{1,18}")
Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: 1-based line and column."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason a document cannot be taken: where, under which key (`spec.actions[2].name`), and why.

    `suggestion` is the word that was probably meant; the words say it as well.
    """

    place: Place
    words: str
    key: str = ""
    suggestion: str = ""

    def __str__(self) -> str:
        return (
            f"{self.place}: {self.key}: {self.words}" if self.key else f"{self.place}: {self.words}"
        )


class PolicyInvalid(Exception):
    """The documents were refused as a whole; the policy that was in force stays."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class Gathered:
    """Problems met so far, so that one mistake does not hide the next."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    @contextmanager
    def also(self) -> Iterator[None]:
        """Keep what is refused inside, and go on after it."""
        try:
            yield
        except PolicyInvalid as error:
            self.problems.extend(error.problems)

    def settle(self) -> None:
        """Raise PolicyInvalid with all of them, if there were any."""
        if self.problems:
            raise PolicyInvalid(self.problems)


def each_of(values: Iterable[Value], read: Callable[[Value], Read]) -> tuple[Read, ...]:
    """Read every one of them. Raises PolicyInvalid with the problems of all, not only the first's."""
    met, found = Gathered(), []
    for value in values:
        with met.also():
            found.append(read(value))
    met.settle()
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Value:
    """A YAML value with its place and the path of keys to it; containers hold further `Value`s."""

    place: Place
    plain: Any
    key: str = ""

    def fail(self, words: str, *, suggestion: str = "") -> PolicyInvalid:
        return PolicyInvalid([Problem(self.place, words, self.key, suggestion)])

    def unknown(self, word: str, known: Iterable[str]) -> PolicyInvalid:
        """The refusal of a word that is none of the known ones, with the one that is near."""
        listed = [str(each) for each in known]
        near = nearest(word, listed)
        return self.fail(_unknown(word, listed, near), suggestion=near)

    def mapping(self, *known: str) -> dict[str, Value]:
        """This value as a mapping that has only the `known` keys (any, when none is given)."""
        met = Gathered()
        found = self.known_part(met, *known)
        met.settle()
        return found

    def known_part(self, met: Gathered, *known: str) -> dict[str, Value]:
        """The known keys of this mapping; every other one is kept among the problems met."""
        if not isinstance(self.plain, dict):
            raise self.fail("a mapping (key: value) is wanted here")
        if not known:
            return self.plain
        for key, value in self.plain.items():
            if key not in known:
                met.problems.extend(value.unknown(key, known).problems)
        return {key: value for key, value in self.plain.items() if key in known}

    def items(self) -> list[Value]:
        if not isinstance(self.plain, list):
            raise self.fail("a list is wanted here")
        return self.plain

    def text(self) -> str:
        if not isinstance(self.plain, str) or not self.plain.strip():
            raise self.fail("text is wanted here")
        return self.plain

    def name(self, *, at_most: int = LONGEST_NAME) -> str:
        """Text on one line, short enough to be kept and shown as a name."""
        found = self.text()
        if len(found) > at_most or not found.isprintable():
            raise self.fail(f"a name of at most {at_most} characters on one line is wanted here")
        return found

    def texts(self) -> tuple[str, ...]:
        """A list of texts; an empty one is an empty tuple."""
        return each_of(self.items(), Value.text)

    def whole(self, *, at_least: int = 0) -> int:
        if type(self.plain) is not int or self.plain < at_least:
            raise self.fail(f"a whole number of at least {at_least} is wanted here")
        return self.plain

    def yes_no(self) -> bool:
        if not isinstance(self.plain, bool):
            raise self.fail("true or false is wanted here")
        return self.plain

    def one_of(self, *words: str) -> str:
        if not isinstance(self.plain, str) or self.plain not in words:
            raise self.unknown(_shown(self.plain), words)
        return str(self.plain)

    def span(self) -> timedelta:
        try:
            return timing.span(self.plain)
        except ValueError as error:
            raise self.fail(str(error)) from None

    def fraction(self) -> float:
        text = str(self.plain).removesuffix("%")
        if _DIGITS.fullmatch(text) is None or not 0 < int(text) < 100:
            raise self.fail("a share of the time such as 50% is wanted here")
        return int(text) / 100


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant; empty when none is near. Case and _ - are no distance."""
    folded: dict[str, str] = {}
    for each in known:
        folded.setdefault(_folded(each), each)
    near = difflib.get_close_matches(_folded(word[:LONGEST_NAME]), folded, n=1)
    return str(folded[near[0]]) if near else ""


def _shown(plain: Any) -> str:
    """A value as its author wrote it, near enough to be recognised."""
    if isinstance(plain, bool):
        return str(plain).lower()
    if isinstance(plain, dict | list):
        return "a mapping" if isinstance(plain, dict) else "a list"
    return "nothing" if plain is None else str(plain)[:LONGEST_NAME]


def _folded(word: str) -> str:
    return word.casefold().replace("_", "").replace("-", "")


def _unknown(word: str, known: Sequence[str], near: str) -> str:
    hint = f"; did you mean {near!r}?" if near else f"; known here: {', '.join(known)}"
    return f"{word[:LONGEST_NAME]!r} is not known here{hint}"
