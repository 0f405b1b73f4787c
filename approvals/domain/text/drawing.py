"""Draw a text with everything in it: what cannot be seen becomes a chip, emptiness a count."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from approvals.domain.text import unseen
from approvals.domain.text.context import is_good_spelling
from approvals.domain.text.shown import Flag
from approvals.domain.text.unseen import ACCENTS, BLANKS, CLOSING, MARKS, OPENING, SPACES, SUSPECTS

MARKS_SHOWN = 6
NAMES_SHOWN = 3
SUSPICIOUS_LINES = 10  # three blank lines are folded, ten of them look like a purpose
SUSPICIOUS_SPACES = 40

_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_FLAGS_OF_NATIONS = "|".join(
    "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in region) + "\U000e007f"
    for region in ("gbeng", "gbsct", "gbwls")
)
_COMMON = (
    f"(?P<blank>[{BLANKS}]{{{SUSPICIOUS_SPACES},}})"
    f"|(?P<nation>{_FLAGS_OF_NATIONS})"
    f"|(?P<smuggled>[\U000e0000-\U000e007f]+|[{_SELECTORS}]{{3,}})"
    f"|(?P<marks>[{ACCENTS}]{{3,}}|[{MARKS}]{{5,}})"
)


class Manner(Enum):
    """How strictly a text is drawn."""

    PROSE = re.compile(
        f"(?P<lines>(?:\\A|\r?\n)(?P<empty>(?:[{BLANKS}]*\r?\n){{3,}}))|(?P<newline>\r\n)|{_COMMON}"
        f"|(?P<suspect>(?P<char>(?!\t)[{SUSPECTS}])(?P=char)*)"
    )
    IDENTIFIER = re.compile(
        f"{_COMMON}|(?P<gap> {{2,}}|\\A | \\Z)|(?P<suspect>(?P<char>[\n{SUSPECTS}])(?P=char)*)"
    )


class Piece(NamedTuple):
    """A stretch as drawn, and how many characters of the original it stands for."""

    shown: str
    length: int


@dataclass(slots=True)
class Drawing:
    """A whole text, piece by piece, and what was noticed on the way."""

    pieces: list[Piece] = field(default_factory=list)
    flags: set[Flag] = field(default_factory=set)
    unseen: Counter[str] = field(default_factory=Counter)
    messages: list[str] = field(default_factory=list)
    marks: int = 0

    @property
    def hidden(self) -> int:
        """How many characters a reader would not have seen for what they are."""
        return sum(count for char, count in self.unseen.items() if char not in OPENING + CLOSING)

    def add(self, shown: str, length: int) -> None:
        if shown:
            self.pieces.append(Piece(shown, length))

    def notice(self, chars: str) -> None:
        """Remember these unseen characters, each by its own flag."""
        for char, count in Counter(chars).items():
            self.notice_one(char, count)

    def notice_one(self, char: str, count: int) -> None:
        self.flags.add(unseen.flag_of(char) or Flag.HIDDEN_CHARACTERS)
        self.unseen[char] += count


def draw(text: str, manner: Manner) -> Drawing:
    """Draw every character of the text: itself, a chip, or counted in a fold."""
    drawing = Drawing()
    done = 0
    for match in manner.value.finditer(text):
        group = str(match.lastgroup)
        if group in _LEFT_ALONE or (group == "suspect" and _may_stand(match, manner)):
            continue
        drawing.add(text[done : match.start()], match.start() - done)
        _DRAWN[group](drawing, match)
        done = match.end()
    drawing.add(text[done:], len(text) - done)
    return drawing


def _may_stand(match: re.Match[str], manner: Manner) -> bool:
    text, at = match.string, match.start()
    if unseen.flag_of(match["char"]) is None:
        return not _is_stacked(match)
    # Good spelling never says the same unseen character twice in a row.
    return len(match[0]) == 1 and is_good_spelling(text, at, prose=manner is Manner.PROSE)


def _is_stacked(match: re.Match[str]) -> bool:
    """Whether a mark beyond the first plane stands third or higher on its letter."""
    stack = match.string[max(match.start() - 2, 0) : match.end()]
    return len(stack) >= 3 and all(unicodedata.category(char) == "Mn" for char in stack[-3:])


def _draw_lines(drawing: Drawing, match: re.Match[str]) -> None:
    empty = match["empty"]
    count = empty.count("\n")
    drawing.notice(_WELL_KNOWN.sub("", empty))
    if count >= SUSPICIOUS_LINES:
        drawing.flags.add(Flag.PADDING)
    first_break = len(match[0]) - len(empty)
    drawing.add("\n" if first_break else "", first_break)
    drawing.add(f"{OPENING}{count:,} empty lines{_with_names(empty)}{CLOSING}", len(empty) - 1)
    drawing.add("\n", 1)


def _draw_newline(drawing: Drawing, match: re.Match[str]) -> None:
    drawing.add("\n", len(match[0]))


def _draw_blank(drawing: Drawing, match: re.Match[str]) -> None:
    run = match[0]
    drawing.flags.add(Flag.PADDING)
    drawing.notice(_WELL_KNOWN.sub("", run))
    word = "spaces" if _ONLY_SPACES.fullmatch(run) else "blank characters"
    drawing.add(f"{OPENING}{len(run):,} {word}{_with_names(run)}{CLOSING}", len(run))


def _draw_gap(drawing: Drawing, match: re.Match[str]) -> None:
    run = match[0]
    drawing.flags.add(Flag.ODD_SPACE)
    shown = unseen.chip(run) if len(run) == 1 else f"{OPENING}{len(run)} spaces{CLOSING}"
    drawing.add(shown, len(run))


def _draw_smuggled(drawing: Drawing, match: re.Match[str]) -> None:
    run = match[0]
    drawing.notice(run)
    message = _decoded(run)
    if message:
        drawing.messages.append(message)
        drawing.add(f"{OPENING}{unseen.name(run[0])}… says “{message}”{CLOSING}", len(run))
    else:
        drawing.add("".join(map(unseen.chip, run)), len(run))


def _decoded(run: str) -> str:
    """The printable ASCII that tag characters, or variation selectors used as bytes, spell."""
    if run[0] in _TAGS:
        codes = [ord(char) - 0xE0000 for char in run]
    else:
        codes = [ord(c) - 0xFE00 if c < "\U00010000" else ord(c) - 0xE0100 + 16 for c in run]
    return "".join(chr(code) for code in codes if 0x20 <= code <= 0x7E).strip()


def _draw_marks(drawing: Drawing, match: re.Match[str]) -> None:
    run = match[0]
    drawing.flags.add(Flag.STACKED_MARKS)
    drawing.marks += len(run)
    shown = "".join(map(unseen.chip, run[:MARKS_SHOWN]))
    if len(run) > MARKS_SHOWN:
        shown += f"{OPENING}{len(run) - MARKS_SHOWN:,} more stacked marks{CLOSING}"
    drawing.add(shown, len(run))


def _draw_suspect(drawing: Drawing, match: re.Match[str]) -> None:
    char, count = match["char"], len(match[0])
    if unseen.flag_of(char) is None:
        _draw_marks(drawing, match)
        return
    drawing.notice_one(char, count)
    if count >= SUSPICIOUS_SPACES:
        drawing.flags.add(Flag.PADDING)
    if count <= NAMES_SHOWN:
        drawing.add(unseen.chip(char) * count, count)
    else:
        drawing.add(f"{OPENING}{unseen.name(char)} ×{count:,}{CLOSING}", count)


def _with_names(run: str) -> str:
    """Which unseen characters a fold holds, so that folding hides nothing."""
    names = [unseen.name(char) for char in sorted(set(_WELL_KNOWN.sub("", run)))]
    if not names:
        return ""
    more = "…" if len(names) > NAMES_SHOWN else ""
    return " with " + ", ".join(names[:NAMES_SHOWN]) + more


_WELL_KNOWN = re.compile("[ \t\r\n]")
_ONLY_SPACES = re.compile(f"[{SPACES}]*")
_TAGS = {chr(code) for code in range(0xE0000, 0xE0080)}
_LEFT_ALONE = frozenset({"nation"})
_DRAWN: dict[str, Callable[[Drawing, re.Match[str]], None]] = {
    "lines": _draw_lines,
    "newline": _draw_newline,
    "blank": _draw_blank,
    "gap": _draw_gap,
    "smuggled": _draw_smuggled,
    "marks": _draw_marks,
    "suspect": _draw_suspect,
}
