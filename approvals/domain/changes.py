"""What a request would change: before and after, as far as the agent said both."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from approvals.domain import display
from approvals.domain.display import Parameter

NO_STATE = "We cannot see the present value, and the agent says nothing of it."
NO_MATCH = (
    "We cannot see the present value, and what the agent says stood before has none of these "
    "parameters in it."
)
ALONE = "value"  # what `from` and `to` are of, where they say no more
CLAIMED = "the agent's word, not checked"
FROM_PARAMETERS = "from its parameters"
# What a message has room for; the request's page shows all.
ON_THE_CARD = 8


@dataclass(frozen=True, slots=True)
class Change:
    """One value before and after, both safe to read.

    `is_claim`: what stood before is the agent's word, and no part of what would run; `notes` say what
    is odd about it.
    """

    name: str
    before: str
    after: str
    is_claim: bool = False
    notes: tuple[str, ...] = ()


def of(submission: Mapping[str, Any]) -> list[Change]:
    """Pairs `from_x` and `to_x` among the parameters, or `from` and `to` alone, then what the state before
    shares with them.

    What is a parameter itself lends its name to no pair of others: those stand under both their own.
    """
    parameters = submission["parameters"]
    before = (submission.get("rollback") or {}).get("state_before")
    pairs = list(_pairs(parameters))
    taken = {name for name, _, _ in pairs if name}
    said = [
        _change(
            _drawn(name) if name else f"{_drawn(first)} → {_drawn(last)}",
            parameters[first],
            parameters[last],
            is_claim=False,
        )
        for name, first, last in pairs
    ]
    claimed = [
        _change(_drawn(name), value, parameters[after], is_claim=True)
        for name, value in (before.items() if isinstance(before, dict) else ())
        if name not in taken
        for after in [name if name in parameters else f"to_{name}"]
        if after in parameters
    ]
    return said + claimed


def _pairs(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What each pair is of, and the names of both its ends; of nothing where that name is not free."""
    for key in parameters:
        name = key.removeprefix("from_")
        if name != key and (last := f"to_{name}") in parameters:
            yield "" if name in parameters else name, key, last
    if "from" in parameters and "to" in parameters:
        taken = {ALONE, f"from_{ALONE}", f"to_{ALONE}"} & parameters.keys()
        yield "" if taken else ALONE, "from", "to"


def source(found: Sequence[Change]) -> str:
    """Where both ends stand, for a title; empty where what stood before is the agent's word."""
    return FROM_PARAMETERS if found and not any(change.is_claim for change in found) else ""


def lines(change: Change) -> tuple[str, str]:
    """Before and after, each on a line of its own: no value can pass for the other, or for our label."""
    whose = f" ({CLAIMED})" if change.is_claim else ""
    name, before, after = (
        part.replace("\n", " ") for part in (change.name, change.before, change.after)
    )
    return f"{name}, before{whose}: {before}", f"{name}, after: {after}"


def why_none(submission: Mapping[str, Any]) -> str:
    """Why `of` found nothing, in words."""
    before = (submission.get("rollback") or {}).get("state_before")
    return NO_MATCH if before else NO_STATE


def _change(name: str, old: object, new: object, *, is_claim: bool) -> Change:
    before = display.parameters({"value": old}, limit=500)
    notes = dict.fromkeys(note for leaf in before for note in leaf.shown.notes)
    after = display.parameters({"value": new}, limit=500)
    return Change(name, _value(before), _value(after), is_claim=is_claim, notes=tuple(notes))


def _drawn(name: str) -> str:
    """As the parameters draw it: what is no plain name is quoted, and passes for none of our words."""
    return display.parameters({name: None}, limit=80)[0].path


def _value(leaves: Sequence[Parameter]) -> str:
    """As the parameters draw it; a whole object as its leaves, its texts in quotes."""
    if len(leaves) == 1 and leaves[0].path == "value":
        return leaves[0].shown.text
    return ", ".join(
        f"{leaf.path.removeprefix('value').removeprefix('.')}: {_quoted(leaf)}" for leaf in leaves
    )


def _quoted(leaf: Parameter) -> str:
    is_text = leaf.kind == "text"
    return json.dumps(leaf.shown.text, ensure_ascii=False) if is_text else leaf.shown.text
