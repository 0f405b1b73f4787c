"""Print for people and for programs, so that no text of an agent can move the cursor or hide."""

from __future__ import annotations

import io
import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

# What can be read over although no category says so: fillers, blanks and variation selectors.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe0e\ufe0f\uffa0\ufffc") | {
    chr(code)
    for first, last in (
        (0x180B, 0x180F),
        (0xFE00, 0xFE0F),
        (0xE0000, 0xE0FFF),
        (0x16FE4, 0x16FE4),
        (0x1D159, 0x1D159),
    )
    for code in range(first, last + 1)
}
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})


def escape(text: str, *, keep_lines: bool = False) -> str:
    """The text with every control code and every unseen character drawn as ⟦U+202E⟧."""
    return "".join(
        char
        if _may_stand(char) or (keep_lines and char == "\n")
        else f"\u27e6U+{ord(char):04X}\u27e7"
        for char in text
    )


def _may_stand(char: str) -> bool:
    if " " <= char <= "~":
        return True
    if char in _BLANK:
        return False
    category = unicodedata.category(char)
    return category not in _UNSEEN or (category == "Cn" and "\U0001f000" <= char <= "\U0001faff")


def say(text: str = "", *, to: TextIO | None = None) -> None:
    """Print lines that we laid out; whatever stands in them is made harmless."""
    out = to or sys.stdout
    out.write(escape(text, keep_lines=True) + "\n")  # whole lines, also from several threads
    out.flush()


def complain(text: str) -> None:
    """The same, where errors and remarks go."""
    say(text, to=sys.stderr)


def give(value: Any, *, lines: bool = False) -> None:
    """JSON for programs, in ASCII; on one line when it is one of many."""
    print(
        json.dumps(value, indent=None if lines else 2, ensure_ascii=True, default=str), flush=True
    )


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows under headings, each cell on one line."""
    cells = [[escape(str(cell)) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [list(columns), *cells]
    ]
    return "\n".join(lines)


def can_ask() -> bool:
    """Whether a person sits here, reads what we write and types what we read."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> str:
    """What the person typed; empty when the input ended."""
    print(escape(question, keep_lines=True), end=" ", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def prepare() -> None:
    """Let no character that this terminal cannot show end a command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def swallow_broken_pipe() -> None:
    """The reader has left; Python would complain about it once more when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
