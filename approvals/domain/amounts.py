"""The parameter that says how much, where an action has one: what a person looks for first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from approvals.domain import display

NAMES = ("amount", "total", "sum", "price", "value", "quantity", "count")
_CURRENCY = re.compile(r"[A-Z]{3}")


def of(parameters: Mapping[str, Any]) -> tuple[str, str] | None:
    """Its name and its value as it would run; both safe to draw. None where nothing says how much."""
    for name in NAMES:
        value = parameters.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return name, display.parameters({name: value})[0].raw
    return None


def told(parameters: Mapping[str, Any]) -> str:
    """The same in one line, `amount 124000, currency EUR`; empty where nothing says how much.

    The currency stands beside it and is never joined to it: whether cents are meant is not known.
    """
    found = of(parameters)
    if found is None:
        return ""
    currency = parameters.get("currency")
    is_known = isinstance(currency, str) and _CURRENCY.fullmatch(currency)
    return f"{found[0]} {found[1]}" + (f", currency {currency}" if is_known else "")
