"""Paper: a PDF with its fonts inside, in which every character is either drawn or named.

Latin, Greek, Cyrillic, Hebrew, Arabic and the common characters of Japanese, Chinese and Korean are drawn;
any other stands as a chip like ⟦U+1F680⟧, and is counted.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Container
from datetime import datetime
from pathlib import Path

from django.conf import settings
from fpdf import FPDF
from fpdf.enums import WrapMode, XPos, YPos

TEXT, MONO, OTHER = "text", "mono", "other"
MARGIN, LABEL = 18.0, 44.0  # millimetres
INK, FAINT, LINE, TINT = (31, 41, 51), (82, 96, 109), (201, 209, 217), (238, 241, 244)
# The font of texts lacks a few shapes of ours; these say the same.
INSTEAD = {"⌛": "◔", "\t": "    "}
_JOINED = frozenset({"R", "AL", "AN", "NSM"})


def fonts() -> Path:
    return Path(settings.BASE_DIR) / "static" / "vendor"


class Paper(FPDF):
    """Pages of headings, facts and texts. `unshown` counts the characters that no font here has."""

    def __init__(self, *, title: str, foot: str, at: datetime) -> None:
        super().__init__(format="A4", unit="mm")
        self.foot, self.unshown = foot, 0
        self.set_creation_date(at)
        self.set_title(title)
        self.set_creator("Countersign")
        self.set_lang("en-GB")
        places = fonts()
        self.add_font(TEXT, fname=places / "dejavu" / "DejaVuSans.ttf")
        self.add_font(TEXT, style="B", fname=places / "dejavu" / "DejaVuSans-Bold.ttf")
        self.add_font(MONO, fname=places / "dejavu" / "DejaVuSansMono.ttf")
        self.add_font(OTHER, fname=places / "noto" / "NotoSansCJKjp-subset.otf")
        drawn_by = (self.fonts[TEXT], self.fonts[OTHER])
        self.known = frozenset[int]().union(*(getattr(font, "cmap", {}) for font in drawn_by))
        self.set_margins(MARGIN, MARGIN, MARGIN)
        self.set_auto_page_break(auto=True, margin=MARGIN + 4)
        self.add_page()

    def footer(self) -> None:
        """What this is, and which page of how many."""
        self.set_y(-MARGIN + 2)
        self.set_draw_color(*LINE)
        self.line(MARGIN, self.get_y(), self.w - MARGIN, self.get_y())
        self.set_font(TEXT, size=7)
        self.set_text_color(*FAINT)
        self.cell(self.epw - 30, 7, self.foot)
        self.cell(30, 7, f"page {self.page_no()} of {{nb}}", align="R")

    def heading(self, words: str, *, size: float = 11) -> None:
        """A heading, never alone at the foot of a page."""
        if self.get_y() > self.h - MARGIN - 30:
            self.add_page()
        self.ln(2.5 if size < 14 else 1)
        self._write(words, TEXT, size, "B", INK, self.epw, 1.35)
        self.ln(0.8)

    def text_block(self, words: str, *, mono: bool = False, faint: bool = False) -> None:
        """A paragraph over the whole width."""
        ink = FAINT if faint else INK
        self._write(words, MONO if mono else TEXT, 8 if mono else 9, "", ink, self.epw, 1.45)

    def fact(self, name: str, value: str, *, mono: bool = False) -> None:
        """A name on the left and its value beside it."""
        if self.get_y() > self.h - MARGIN - 12:
            self.add_page()
        top, page = self.get_y(), self.page_no()
        self._write(name, TEXT, 8, "", FAINT, LABEL - 3, 1.5)
        below, name_page = self.get_y(), self.page_no()
        self.page = page
        self.set_xy(MARGIN + LABEL, top)
        self._write(value or "–", MONO if mono else TEXT, 8.5, "", INK, self.epw - LABEL, 1.42)
        if (name_page, below) > (self.page_no(), self.get_y()):
            self.set_y(below)
        self.set_x(MARGIN)
        self.ln(0.6)

    def boxed(self, label: str, words: str) -> None:
        """What somebody else said, set apart with who said it."""
        self.set_fill_color(*TINT)
        self._write(label, TEXT, 7.5, "B", FAINT, self.epw, 1.5)
        self._write(words or "–", TEXT, 9, "", INK, self.epw, 1.45, fill=True)
        self.ln(1)

    def _write(
        self, words: str, font: str, size: float, style: str, ink: tuple[int, int, int],
        width: float, leading: float, *, fill: bool = False,
    ) -> None:  # fmt: skip
        drawn, unshown = drawable(words, self.known)
        self.unshown += unshown
        self.set_font(font, style=style, size=size)
        self.set_text_color(*ink)
        is_plain = _is_plain(drawn)
        self.set_fallback_fonts([] if is_plain else [TEXT, OTHER], exact_match=False)
        self.set_text_shaping(_needs_shaping(drawn), direction="ltr")
        height = size * 0.3528 * leading
        wrap = WrapMode.WORD if _has_breaks(drawn) else WrapMode.CHAR
        self.multi_cell(
            width, height, drawn, align="L", fill=fill, wrapmode=wrap,
            new_x=XPos.LEFT, new_y=YPos.NEXT,
        )  # fmt: skip


def drawable(words: str, known: Container[int]) -> tuple[str, int]:
    """The words with a chip for each character that no font has, and how many those are."""
    if words.isascii():
        return words, 0
    unshown, drawn = 0, []
    for char in words:
        shape = INSTEAD.get(char, char)
        is_drawn = char == "\n" or shape.isascii() or ord(shape) in known
        drawn.append(shape if is_drawn else f"⟦U+{ord(char):04X}⟧")
        unshown += not is_drawn
    return "".join(drawn), unshown


def _is_plain(words: str) -> bool:
    """Latin text, which each font here has."""
    return all(ord(char) < 0x180 for char in words)


def _needs_shaping(words: str) -> bool:
    return not words.isascii() and any(unicodedata.bidirectional(char) in _JOINED for char in words)


def _has_breaks(words: str) -> bool:
    """Whether lines can break between words; one long value breaks anywhere."""
    return all(len(word) < 60 for word in words.split())
