"""The parameters that say how much, where an action has any: what a person looks for first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from approvals.domain import display

NAMES = ("amount", "total", "sum", "price", "value", "quantity", "count")
MOST_TOLD = 3
_CURRENCY = re.compile(r"[A-Z]{3}")


def of(parameters: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Each that says how much, by its name, with its value as it would run; all safe to draw."""
    return tuple(
        (name, display.parameters({name: parameters[name]})[0].raw)
        for name in NAMES
        if isinstance(parameters.get(name), (int, float)) and not isinstance(parameters[name], bool)
    )


def rank(path: str) -> int:
    """Where a number stands among those of an action, so that what says how much comes first."""
    return NAMES.index(path) if path in NAMES else len(NAMES)


def named(parameters: Mapping[str, Any]) -> str:
    """`amount 1, total 9000000`: several, for a small one must not hide a great one; the rest are counted."""
    found = of(parameters)
    more = len(found) - MOST_TOLD
    words = ", ".join(f"{name} {value}" for name, value in found[:MOST_TOLD])
    return words + (f" and {more} more" if more > 0 else "")


def told(parameters: Mapping[str, Any]) -> str:
    """The same in one line, `amount 124000, currency EUR`; empty where nothing says how much.

    The currency stands beside it and is never joined to it: whether cents are meant is not known.
    """
    found = named(parameters)
    if not found:
        return ""
    currency = parameters.get("currency")
    is_known = isinstance(currency, str) and _CURRENCY.fullmatch(currency)
    return found + (f", currency {currency}" if is_known else "")
