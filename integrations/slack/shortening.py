"""Fit text into Slack's limits, and say so where something was left out."""

from __future__ import annotations

import re

CHIP = re.compile(r"⟦[^⟦⟧]{0,80}⟧")
MORE = "…"
TAIL_LENGTH = 100


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
    start = _safe_start(text, len(text) - TAIL_LENGTH)
    return f"{text[:end]} [… {start - end:,} characters not shown here …] {text[start:]}"


def escape(text: str) -> str:
    """Text for the places where Slack reads mark-up: no link, mention or channel can come of it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _safe_end(text: str, at: int) -> int:
    """A place to stop near `at`: before a chip or word rather than inside it."""
    for chip in CHIP.finditer(text, max(0, at - 90), at + 90):
        if chip.start() < at < chip.end():
            return chip.start()
    space = text.rfind(" ", max(0, at - 60), at)
    return space if space > 0 else at


def _safe_start(text: str, at: int) -> int:
    for chip in CHIP.finditer(text, max(0, at - 90), at + 90):
        if chip.start() < at < chip.end():
            return chip.end()
    space = text.find(" ", at, at + 60)
    return space + 1 if space >= 0 else at
