"""What a request would change: before and after, as far as the agent said both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from approvals.domain import display

NO_STATE = "We cannot show what would change, because the agent gave no state before."
NO_MATCH = (
    "We cannot show what would change: what the agent says stood before has none of these "
    "parameters in it."
)
ALONE = "value"  # what `from` and `to` are of, where they say no more


@dataclass(frozen=True, slots=True)
class Change:
    """One value before and after, both safe to read."""

    name: str
    before: str
    after: str


def of(submission: Mapping[str, Any]) -> list[Change]:
    """Pairs `from_x` and `to_x` among the parameters, or `from` and `to` alone, then what the state before
    shares with them."""
    parameters = submission["parameters"]
    before = (submission.get("rollback") or {}).get("state_before")
    pairs = {
        key.removeprefix("from_"): (value, parameters[f"to_{key.removeprefix('from_')}"])
        for key, value in parameters.items()
        if key.startswith("from_") and f"to_{key.removeprefix('from_')}" in parameters
    }
    if "from" in parameters and "to" in parameters:
        pairs[ALONE] = (parameters["from"], parameters["to"])
    for key, value in before.items() if isinstance(before, dict) else ():
        after = parameters.get(f"to_{key}", parameters.get(key))
        if after is not None:
            pairs.setdefault(key, (value, after))
    return [Change(_drawn(name), _value(old), _value(new)) for name, (old, new) in pairs.items()]


def why_none(submission: Mapping[str, Any]) -> str:
    """Why `of` found nothing, in words."""
    before = (submission.get("rollback") or {}).get("state_before")
    return NO_MATCH if before else NO_STATE


def _drawn(name: str) -> str:
    return display.show_identifier(name, limit=80).text


def _value(value: object) -> str:
    """As the parameters draw it; a whole object as its leaves."""
    leaves = display.parameters({"value": value}, limit=500)
    if len(leaves) == 1 and leaves[0].path == "value":
        return leaves[0].shown.text
    return ", ".join(f"{leaf.path.removeprefix('value.')}: {leaf.shown.text}" for leaf in leaves)
