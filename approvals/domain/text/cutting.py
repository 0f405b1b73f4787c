"""Cut a long text so that no amount, address or domain is cut in two."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from approvals.domain.text.drawing import Piece
from approvals.domain.text.unseen import CLOSING, OPENING

_SPACES = " \t\u3000"
_SEPARATORS = "/;&?|,"


def cut(pieces: Sequence[Piece], limit: int | None) -> tuple[str, bool]:
    """At most `limit` characters, three quarters from the start and one from the end.

    The count of what is missing comes on top. A word longer than its share is left out whole.
    Returns the text and whether it is complete.
    """
    shown = "".join(piece.shown for piece in pieces)
    if limit is None or len(shown) <= max(limit, 0):
        return shown, True
    limit = max(limit, 0)
    head = _boundary(shown, range(limit * 3 // 4, 0, -1), otherwise=0)
    tail = _boundary(shown, range(len(shown) - limit // 4, len(shown)), otherwise=len(shown))
    unseen = _original_position(pieces, tail) - _original_position(pieces, head)
    total = sum(piece.length for piece in pieces)
    marker = f"{OPENING}{unseen:,} of {total:,} characters not shown{CLOSING}"
    return f"{shown[:head]}{marker}{shown[tail:]}", False


def _boundary(shown: str, places: range, *, otherwise: int) -> int:
    """The first place where a reader expects a break, near by; else any where one does no harm."""
    inside_chips = _inside_chips(shown, places)
    near = places[: max(len(places) // 4, 1)]
    for at in near:
        if at not in inside_chips and _is_space(shown, at):
            return at
    for at in places:
        if at not in inside_chips and _is_harmless(shown, at):
            return at
    return otherwise


def _inside_chips(shown: str, places: range) -> set[int]:
    """Places between the brackets of a chip; the original's own brackets are chips themselves."""
    low, high = min(places, default=0), max(places, default=0)
    start = max(shown.rfind(OPENING, 0, low), 0)
    inside: set[int] = set()
    while (start := shown.find(OPENING, start, high)) >= 0:
        end = shown.index(CLOSING, start) + 1
        inside.update(range(max(start + 1, low), min(end, high + 1)))
        start = end
    return inside


def _is_space(shown: str, at: int) -> bool:
    """A line break here, or a space that does not belong to an amount: "EUR 1 240" stays whole."""
    before, after = shown[at - 1], shown[at]
    if "\n" in (before, after):
        return True
    if after in _SPACES:
        return not _is_amount(before, shown[at + 1 : at + 2])
    return before in _SPACES and not _is_amount(shown[max(at - 2, 0)], after)


def _is_amount(before: str, after: str) -> bool:
    """Whether what stands around a space is two groups of digits, or digits and a currency."""
    if before.isdecimal() and after.isdecimal():
        return True
    other = after if before.isdecimal() else before
    is_currency = other.isupper() or (other != "" and unicodedata.category(other) == "Sc")
    return is_currency and (before.isdecimal() or after.isdecimal())


def _is_harmless(shown: str, at: int) -> bool:
    before, after = shown[at - 1], shown[at]
    if _is_space(shown, at) or (_needs_no_space(before) and _needs_no_space(after)):
        return True
    is_doubled = before == after or before == shown[max(at - 2, 0)]
    return before in _SEPARATORS and after.isalpha() and not is_doubled


def _needs_no_space(char: str) -> bool:
    """Letters and stops of scripts written without spaces."""
    category = unicodedata.category(char)
    wide = unicodedata.east_asian_width(char) == "W" or "\u0e00" <= char <= "\u0eff"
    return wide and category in {"Lo", "Po", "Ps", "Pe"}


def _original_position(pieces: Iterable[Piece], at: int) -> int:
    """How much of the original is drawn before this place of the drawing."""
    position = 0
    for shown, length in pieces:
        if at < len(shown):
            return position + at
        at -= len(shown)
        position += length
    return position
