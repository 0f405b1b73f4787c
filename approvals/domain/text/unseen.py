"""Say which characters a reader cannot see for what they are.

Leaving out "format and control characters" is not enough: Hangul fillers are letters, the blank
Braille cell is a symbol, variation selectors are marks. They are listed here by what they do.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache

from approvals.domain.text.shown import Flag

OPENING, CLOSING = "\u27e6", "\u27e7"  # the brackets of every chip, ours alone

_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe0e\ufe0f\uffa0\ufffc") | {
    chr(code)
    for first, last in (
        (0x180B, 0x180F),  # Mongolian variation selectors
        (0xFE00, 0xFE0F),  # variation selectors
        (0xE0000, 0xE0FFF),  # tags and more variation selectors
        (0x16FE4, 0x16FE4),  # Khitan filler
        (0x1D159, 0x1D159),  # a note head without a note
    )
    for code in range(first, last + 1)
}
_CONTROL = frozenset({"Cc", "Zl", "Zp"})
_UNDRAWABLE = frozenset({"Cf", "Co", "Cs", "Cn"})


@lru_cache(maxsize=8192)
def flag_of(char: str) -> Flag | None:
    """Why this character may not stand as it is, or None when it may."""
    if " " <= char <= "~":
        return None
    if char in _DIRECTIONS:
        return Flag.DIRECTION_OVERRIDE
    if char in _INVISIBLE:
        return Flag.HIDDEN_CHARACTERS
    if char in (OPENING, CLOSING):
        return Flag.IMITATES_US
    return _flag_of_category(char)


def _flag_of_category(char: str) -> Flag | None:
    category = unicodedata.category(char)
    if category in _CONTROL:
        return Flag.CONTROL_CODES
    if category == "Zs":
        return Flag.ODD_SPACE
    if category in _UNDRAWABLE and not _may_be_a_new_emoji(char):
        return Flag.HIDDEN_CHARACTERS
    return None


def _may_be_a_new_emoji(char: str) -> bool:
    """Emoji younger than our Unicode tables are drawn by the reader's device all the same."""
    return "\U0001f000" <= char <= "\U0001faff" and unicodedata.category(char) == "Cn"


@lru_cache(maxsize=8192)
def chip(char: str) -> str:
    """The visible stand-in for one character: ⟦U+202E⟧."""
    return f"{OPENING}{name(char)}{CLOSING}"


def name(char: str) -> str:
    """U+ and at least four hexadecimal digits."""
    return f"U+{ord(char):04X}"


def char_class(chars: Iterable[str]) -> str:
    """The inside of a regular expression's [...] matching exactly these characters."""
    runs: list[list[int]] = []
    for code in sorted(map(ord, chars)):
        if runs and code == runs[-1][1] + 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in runs)


def _plane(test: Callable[[str], bool]) -> str:
    """The class of all characters below U+10000 that pass the test."""
    return char_class(char for char in map(chr, range(0x10000)) if test(char))


def _is_mark(char: str) -> bool:
    return unicodedata.category(char) in {"Mn", "Me"}


# Characters beyond the first plane are few in honest text: all are suspects, looked at one by one.
SUSPECTS = _plane(lambda char: char != "\n" and flag_of(char) is not None) + "\U00010000-\U0010ffff"
SUSPECT = re.compile(f"[{SUSPECTS}]")

MARKS = _plane(lambda char: _is_mark(char) and flag_of(char) is None)
# Accents of no script in particular, three of which never belong on one letter.
ACCENTS = "\u0300-\u034e\u0350-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"

SPACES = "\t " + _plane(lambda char: unicodedata.category(char) == "Zs" and char != " ")
# Nothing to see, with or without width. Tags and selectors, which can spell, are not among them.
BLANKS = SPACES + "\u00ad\u034f\u115f\u1160\u180e\u200b-\u200d\u2060-\u2064\u2800\u3164\ufeff\uffa0"


def without_unseen(text: str) -> str:
    """The text as a machine that ignores hidden characters would read it; spaces stay."""
    return SUSPECT.sub(lambda match: "" if is_hidden(match[0]) else match[0], text)


def is_hidden(char: str) -> bool:
    """Whether a machine may read over this character and a person does not see it."""
    flag = flag_of(char)
    return flag not in {None, Flag.ODD_SPACE, Flag.IMITATES_US} and char not in "\t\r"


def with_chips(text: str, *, but: str = "") -> str:
    """The text with every unseen character drawn, wherever it stands; line breaks stay."""

    def drawn(match: re.Match[str]) -> str:
        char = match[0]
        return chip(char) if flag_of(char) and char not in but else char

    return SUSPECT.sub(drawn, text)


def is_invisible(text: str) -> bool:
    """Whether nothing at all would be seen of this text."""
    return not without_unseen(text).strip()
