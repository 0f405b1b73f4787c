"""Fit text into a card, say so where something was left out, and let Teams read nothing into it."""

from __future__ import annotations

import re

CHIP = re.compile(r"⟦[^⟦⟧]{0,80}⟧")
MORE = "…"
TAIL_LENGTH = 100
# Teams fills in {{DATE()}} and {{TIME()}} wherever they stand. A word joiner is not seen, and parts
# no line; after it there is nothing left to fill in.
BRACES = re.compile(r"\{(?=\{)|\$(?=\{)")
JOINER = "\u2060"


def inert(text: str) -> str:
    """Text in which Teams finds no function and no template."""
    return BRACES.sub(lambda brace: brace[0] + JOINER, text)


def cut(text: str, limit: int) -> str:
    """The beginning of a text, ending in … when it was longer than `limit` code points."""
    if len(text) <= limit:
        return text
    return text[: _safe_end(text, limit - len(MORE))] + MORE


def fold(text: str, limit: int) -> str:
    """Beginning and end of a text, with the number of characters left out between them."""
    if len(text) <= limit:
        return text
    end = _safe_end(text, limit - TAIL_LENGTH)
    start = len(text) - TAIL_LENGTH
    for chip in CHIP.finditer(text, max(0, start - 90), start + 90):
        if chip.start() < start < chip.end():
            start = chip.end()
    return f"{text[:end]} [… {start - end:,} characters not shown here …] {text[start:]}"


def _safe_end(text: str, at: int) -> int:
    """A place to stop near `at`: before a chip rather than inside it."""
    for chip in CHIP.finditer(text, max(0, at - 90), at + 90):
        if chip.start() < at < chip.end():
            return chip.start()
    return at
