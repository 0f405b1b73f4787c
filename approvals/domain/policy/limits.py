"""Read the limits that policies set: amounts and percentages."""

from __future__ import annotations

import re

from approvals.domain.policy.reading import Value

Number = int | float
_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?")


def amount(value: Value) -> Number:
    """A number of at least 0, such as `20` or `12.5`. Raises PolicyInvalid."""
    found = _plain(value.plain)
    if found is None:
        raise value.fail("a number of at least 0 is wanted here, such as 20 or 12.5")
    return found


def percent(value: Value) -> Number:
    """A percentage such as `50`, `50%` or `12.5%`. Raises PolicyInvalid."""
    plain = value.plain
    found = _plain(plain.removesuffix("%").rstrip() if isinstance(plain, str) else plain)
    if found is None:
        raise value.fail("a percentage of at least 0 is wanted here, such as 50 or 12.5%")
    return found


def _plain(plain: object) -> Number | None:
    """A whole number, or what YAML leaves as text for us: a number with a fraction."""
    if isinstance(plain, bool) or _AMOUNT.fullmatch(str(plain)) is None:
        return None
    text = str(plain)
    return float(text) if "." in text else int(text)
