"""What must not be touched: a word or a glob, found however its parts are separated or spelled.

Two readings of every text. In the *plain* one, dashes, dots, slashes and the other marks of names
count alike, and so do the ends: what is found there is excluded. In the *loose* one, spaces, commas,
brackets, capitals inside a word, %-signs and letters that only look Latin separate and spell too: what
is found only there may be the resource or a word about it, so a person is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from urllib.parse import unquote

from approvals.domain.policy.reading import Place, Value
from approvals.domain.policy.strings import Text, folded, pointer
from approvals.domain.text.lookalikes import latin_reading
from approvals.domain.text.unseen import without_unseen

_MARKS = r"-_./:\\@#~+=&|$\u2010-\u2015\u2212"
_MARK_OF_GLOB = re.compile(f"[{_MARKS}]+")  # where ? stands for any character
_MARK = re.compile(f"[{_MARKS}?]+")
_ANY_MARK = re.compile(r"[\W_]+")
_BETWEEN_WORDS = re.compile(r"[\s,;!()\[\]{}\"'<>]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Excluded:
    """One entry of `excluded`: as written, and as it is sought."""

    words: str
    place: Place
    sought: str
    verbatim: str
    is_glob: bool


@dataclass(frozen=True)
class Reading:
    """One text as exclusions read it."""

    text: str
    source: str | Text

    @property
    def where(self) -> str:
        """Where it stands, as a JSON pointer."""
        return self.source if isinstance(self.source, str) else pointer(self.source)

    @cached_property
    def verbatim(self) -> str:
        return folded(self.text)

    @cached_property
    def plain(self) -> str:
        """Between dashes, so that both ends count as separators."""
        return _between_dashes(_MARK.sub("-", self.verbatim))

    @cached_property
    def loose(self) -> tuple[str, ...]:
        found = (_ANY_MARK.sub("-", folded(spelling)) for spelling in _spellings(self.text))
        return tuple(dict.fromkeys(_between_dashes(each) for each in found))

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word, and every spelling as a whole, for globs to match."""
        found = set(self.loose)
        for spelling in _spellings(self.text):
            found.update(_BETWEEN_WORDS.split(folded(spelling)))
        return frozenset(_between_dashes(_MARK.sub("-", word)) for word in found)


def read(item: Value) -> Excluded:
    """Raises PolicyInvalid for an entry that would exclude everything or nothing."""
    words = item.text()
    if not any(char.isalnum() for char in words):
        raise item.fail("what is excluded needs a letter or a digit, such as '-database-'")
    is_glob = "*" in words or "?" in words
    marks = _MARK_OF_GLOB if is_glob else _ANY_MARK
    verbatim = folded(words.strip())
    return Excluded(words, item.place, marks.sub("-", verbatim), verbatim, is_glob)


def stands_in(excluded: Excluded, reading: Reading) -> bool | None:
    """Whether it is there; None when only a loose reading finds it."""
    if excluded.is_glob:
        if _fits(reading.plain, excluded.sought):
            return True
        return None if any(_fits(word, excluded.sought) for word in reading.words) else False
    if excluded.sought in reading.plain or excluded.verbatim in reading.verbatim:
        return True
    return None if any(excluded.sought in loose for loose in reading.loose) else False


def _fits(between_dashes: str, glob: str) -> bool:
    return fnmatchcase(between_dashes[1:-1], glob) or fnmatchcase(between_dashes, glob)


def _between_dashes(text: str) -> str:
    return f"-{text.strip('-')}-"


def _spellings(text: str) -> Iterator[str]:
    """The text, and what else it may be read as."""
    found = [text]
    if "%" in text:
        found.append(unquote(text))
    if not text.isascii():
        found.append(latin_reading(without_unseen(text)))
    for spelling in found:
        yield spelling
        yield _HUMP.sub(" ", spelling)
