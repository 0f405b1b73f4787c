"""Mask secrets, also those split by a hidden character or a line break."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from approvals.domain.text.secret_kinds import KINDS, Kind
from approvals.domain.text.unseen import SUSPECT, is_hidden

# What stands where a secret stood; texts that were kept before rules had names do not name one.
MASK = re.compile("•••• [0-9]+ characters(?: hidden|, hidden by rule [a-z0-9-]+)")

Span = tuple[int, int]
Found = tuple[int, int, str]

_BREAK = re.compile("\r?\n[ \t]*|[\u00a0\u2000-\u200a\u202f\u205f\u3000]+")
_ESCAPES = frozenset({"\\n", "\\r", "\\t"})
_WIDE_TO_ASCII = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}


def redact(text: str) -> tuple[str, int]:
    """The text with every known kind of secret masked by its length and the rule that knew it, and how
    many there were."""
    found = _merged(_secrets(text))
    done, parts = 0, []
    for start, end, rule in found:
        parts += [text[done:start], f"•••• {end - start} characters, hidden by rule {rule}"]
        done = end
    return "".join((*parts, text[done:])), len(found)


class _Reading(NamedTuple):
    """A text with some stretches left out, which still knows where its characters came from."""

    text: str
    starts: list[int]
    origins: list[int]

    def origin(self, at: int) -> int:
        kept = bisect_right(self.starts, at) - 1
        return self.origins[kept] + at - self.starts[kept]


def _without(text: str, stretches: Iterable[Span]) -> _Reading:
    parts: list[str] = []
    starts, origins = [0], [0]
    length = done = 0
    for start, end in chain(stretches, [(len(text), len(text))]):
        if start > done:
            parts.append(text[done:start])
            starts.append(length)
            origins.append(done)
            length += start - done
        done = end
    return _Reading("".join(parts), starts, origins)


def _secrets(text: str) -> Iterator[Found]:
    """Where secrets stand, kind by kind."""
    plain = text.translate(_WIDE_TO_ASCII)
    hidden = (match.span() for match in SUSPECT.finditer(plain) if is_hidden(match[0]))
    seen = _without(plain, hidden)
    joined = _without(seen.text, (match.span() for match in _BREAK.finditer(seen.text)))
    for kind in KINDS:
        places = _places_in_lines(kind, joined, seen) if kind.may_be_broken else _places(kind, seen)
        for start, end in places:
            yield seen.origin(start), seen.origin(end - 1) + 1, kind.rule


def _places(kind: Kind, seen: _Reading) -> Iterator[Span]:
    for match in kind.pattern.finditer(seen.text):
        group = match.lastindex or 0
        if kind.test(match[group]):
            yield match.span(group)


def _places_in_lines(kind: Kind, joined: _Reading, seen: _Reading) -> Iterator[Span]:
    """Found with the line breaks taken out, told in places of the text that has them."""
    covered = 0
    for match in kind.pattern.finditer(joined.text):
        start, end = joined.origin(match.start()), joined.origin(match.end() - 1) + 1
        if start < covered or (kind.stands_alone and not _starts_a_word(seen.text, start)):
            continue
        rest = kind.rest.match(seen.text, end)
        covered = rest.end() if rest else end
        yield start, covered


def _starts_a_word(text: str, at: int) -> bool:
    return not text[max(at - 1, 0) : at].isalnum() or text[max(at - 2, 0) : at] in _ESCAPES


def _merged(found: Iterable[Found]) -> list[Found]:
    """In order, overlapping ones as one under the rule that hides most of it."""
    merged: list[Found] = []
    for start, end, rule in sorted(found):
        if not merged or start >= merged[-1][1]:
            merged.append((start, end, rule))
            continue
        begins, ends, named = merged[-1]
        longer = rule if end - start > ends - begins else named
        merged[-1] = (begins, max(end, ends), longer)
    return merged
