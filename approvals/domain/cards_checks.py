"""Which of a card's checks a person must have read, and whether a message has room for them."""

from __future__ import annotations

from collections.abc import Sequence

from approvals.domain.cards import CheckLine

FINE = "OK"
_WEIGHT = {"CAUTION": 0, "COULD NOT CHECK": 1}


def by_weight(checks: Sequence[CheckLine]) -> list[CheckLine]:
    """What warns first, so that whatever has no room is of what is in order."""
    return sorted(checks, key=lambda check: _WEIGHT.get(check.mark, len(_WEIGHT)))


def warnings(checks: Sequence[CheckLine]) -> list[CheckLine]:
    """All but what is in order, the gravest first."""
    return [check for check in by_weight(checks) if check.mark != FINE]


def have_room(checks: Sequence[CheckLine], *, most: int, characters: int) -> bool:
    """Whether every warning stands whole in so many lines of so many characters each."""
    warn = warnings(checks)
    return len(warn) <= most and all(len(check.words) <= characters for check in warn)
