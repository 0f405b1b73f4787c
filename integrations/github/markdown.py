"""Put text into GitHub's Markdown so that nothing in it is obeyed.

GitHub looks for mentions, issue numbers and addresses after it has read the Markdown, so a backslash
stops none of them. Only code is left alone: whatever others wrote stands in a fence or in a span.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

COLUMNS = 100  # a fence does not wrap, and what runs out of sight to the right is not read
TICKS = re.compile(r"`+")
CUT = "… cut here"


def fenced(text: str) -> str:
    """A block of code whose fence is longer than any run of backticks in the text."""
    lines = [part for line in text.split("\n") for part in _broken(line)]
    fence = "`" * max(3, _longest_run(text) + 1)
    return "\n".join((fence, *lines, fence))


def span(text: str, *, limit: int = 300) -> str:
    """One line of code within a sentence, at most about `limit` characters."""
    line = " ".join(text.split()) or " "
    if len(line) > limit:
        line = line[:limit] + CUT
    fence = "`" * (_longest_run(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") or not line.strip() else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def fenced_within(text: str, limit: int) -> tuple[str, bool]:
    """A block of at most so many bytes of UTF-8, and whether the text is all there."""
    block, size = fenced(text), limit
    if len(_bytes(block)) <= limit:
        return block, True
    while len(_bytes(block)) > limit and size > len(CUT):
        size = size * 3 // 4  # long runs of backticks make long fences, so one cut may not do
        kept = _bytes(text)[:size].decode("utf-8", "ignore")
        block = fenced(f"{kept}\n{CUT}")
    return block, False


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _broken(line: str) -> Iterator[str]:
    """The line in pieces no wider than the page; a piece that goes on is set in."""
    rest = line.replace("\r", " ").replace("\t", "    ")
    inset = ""
    while len(rest) > COLUMNS - len(inset):
        room = COLUMNS - len(inset)
        at = rest.rfind(" ", room // 2, room) + 1 or room
        yield inset + rest[:at]
        rest, inset = rest[at:], "    "
    yield inset + rest


def _longest_run(text: str) -> int:
    return max((len(run) for run in TICKS.findall(text)), default=0)
