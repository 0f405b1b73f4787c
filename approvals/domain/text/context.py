"""The few places where an unseen character is good spelling.

Joined emoji, Persian and Indic joiners, French spacing and the wide space of Japanese are honest
prose. An identifier needs none of them but the emoji's.
"""

from __future__ import annotations

import re
import unicodedata

JOINER, NON_JOINER = "\u200d", "\u200c"
_SELECTORS = "\ufe0e\ufe0f"
_NO_BREAK_SPACES = "\u00a0\u202f"
_WIDE_SPACE = "\u3000"
_PICTURE = re.compile(
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f"
    "\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_JOINING_SCRIPT = re.compile("[\u0620-\u06ff\u0710-\u077f\u08a0-\u08c9]")
_WIDE = re.compile("[\u3001-\u9fff\uac00-\ud7a3\uff01-\uffee]")


def is_good_spelling(text: str, at: int, *, prose: bool) -> bool:
    """Whether the unseen character at this place belongs where it stands."""
    char = text[at]
    if char in _SELECTORS:
        return _selects_a_picture(text, at)
    if char == JOINER and _joins_pictures(text, at):
        return True
    if not prose:
        return False
    if char in (JOINER, NON_JOINER):
        return _shapes_letters(text, at)
    if char in _NO_BREAK_SPACES:
        return _after(text, at) in tuple("!?:;»%€") or _before(text, at) == "«"
    return char == _WIDE_SPACE and _stands_among_wide(text, at)


def _before(text: str, at: int, steps: int = 1) -> str:
    return text[at - steps] if at >= steps else ""


def _after(text: str, at: int) -> str:
    return text[at + 1 : at + 2]


def _is_picture(char: str) -> bool:
    return bool(_PICTURE.match(char))


def _selects_a_picture(text: str, at: int) -> bool:
    keycap = _after(text, at) == "\u20e3" and _before(text, at) in tuple("0123456789#*")
    return keycap or _is_picture(_before(text, at))


def _joins_pictures(text: str, at: int) -> bool:
    before = _before(text, at)
    if before == "\ufe0f":
        before = _before(text, at, 2)
    return _is_picture(before) and _is_picture(_after(text, at))


def _shapes_letters(text: str, at: int) -> bool:
    """Between joining letters (Persian), or after a virama and before a letter or mark (Indic)."""
    before, after = _before(text, at), _after(text, at)
    if _JOINING_SCRIPT.match(before) and _JOINING_SCRIPT.match(after):
        return True
    return before != "" and unicodedata.combining(before) == 9 and after.isalpha()


def _stands_among_wide(text: str, at: int) -> bool:
    before, after = _before(text, at), _after(text, at)
    return bool(_WIDE.match(before) or _WIDE.match(after)) and _WIDE_SPACE not in (before, after)
