"""Whether an action's parameters fit the comparisons of a search: `param.amount>500`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from approvals.domain import search
from approvals.domain.search import PARAM, Term


def fits(parameters: Mapping[str, Any], terms: Iterable[Term]) -> bool:
    """True when every term holds; a parameter that is not there fits nothing."""
    return all(_compare(_at(parameters, term.key.removeprefix(PARAM)), term) for term in terms)


_MISSING = object()


def _at(value: Any, path: str) -> Any:
    """The value at a dotted path; a name that holds dots itself is found whole."""
    if isinstance(value, dict) and path in value:
        return value[path]
    for step in path.split("."):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return _MISSING
    return value


def _compare(value: Any, term: Term) -> bool:
    if value is _MISSING or isinstance(value, (dict, list)):
        return False
    theirs, ours = _figure(value), search.number(term.value)
    if theirs is not None and ours is not None:
        return {
            "=": theirs == ours, "!=": theirs != ours, ">": theirs > ours, "<": theirs < ours,
            ">=": theirs >= ours, "<=": theirs <= ours,
        }[term.operator]  # fmt: skip
    text = _spoken(value)
    if term.operator in {"=", "!="}:
        return (text == term.value) == (term.operator == "=")
    return False


def _figure(value: Any) -> float | None:
    """A number, or a text that is one: agents write amounts both ways."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return float(value) if abs(value) < 1e300 else None
    return search.number(value) if isinstance(value, str) else None


def _spoken(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
