"""Notice text that copies the labels by which this service speaks for itself."""

from __future__ import annotations

import re

from approvals.domain.text.lookalikes import latin_reading
from approvals.domain.text.unseen import CLOSING, OPENING, without_unseen

_LINE_START = r"^[ \t>*#•·–—-]{0,20}"
_NUMBERED = r"^[ \t>*#•·–—\d.)-]{0,20}"  # a list's number hides no label
_OUR_SEPARATOR = r"\s·\s"  # what we put between the parts of a headline
_OUR_SIGNS = "[✔✅☑✓▲⚠]"
_OUR_LABELS = (
    r"(?:ok|caution)[ \t]*:|could not check\b"
    r"|checked by us\b|recorded by this service\b|the agent says\b"
)
_OUR_WORDS = r"(?:pre-?)?approved\b|verified\b|req-[0-9]*"
_IN_PROSE = re.compile(
    f"{_NUMBERED}(?:{_OUR_SIGNS}|{_OUR_LABELS})|{_LINE_START}(?:{_OUR_WORDS})", re.I | re.M
)
_IN_IDENTIFIER = re.compile(
    f"{_NUMBERED}(?:{_OUR_SIGNS}|{_OUR_LABELS})|{_OUR_SEPARATOR}", re.I | re.M
)


def imitates_us(text: str, *, prose: bool) -> bool:
    """Whether a line begins as our own lines do, or a chip is forged.

    A value may be "approved" or "REQ-7" and mean no harm; a line of prose may not begin so.
    """
    if OPENING in text or CLOSING in text:
        return True
    reading = latin_reading(without_unseen(text))
    return bool((_IN_PROSE if prose else _IN_IDENTIFIER).search(reading))
