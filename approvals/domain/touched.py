"""Whom and what data an action reaches, by the agent's word, for those who decide it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from approvals.domain import display
from approvals.domain.display import Shown

ON_THE_CARD = 10
AT_A_CLICK = 50  # beyond it, only somebody who opened the list can have read it
NAME_LIMIT = 160


def recipients(submission: Mapping[str, Any]) -> Shown | None:
    """The count of all and the first few, one a line; None where there are none."""
    everybody = every_recipient(submission)
    if not everybody:
        return None
    first = [
        display.show_identifier(str(name), limit=NAME_LIMIT)
        for name in submission["recipients"][:ON_THE_CARD]
    ]
    more = len(everybody) > ON_THE_CARD
    title = f"{len(everybody)} in all" + (f", the first {ON_THE_CARD}:" if more else ":")
    return Shown(
        text="\n".join([title, *(one.text for one in first)]),
        flags=frozenset().union(*(one.flags for one in everybody)),
        notes=tuple(dict.fromkeys(note for one in everybody for note in one.notes)),
        hidden_characters_count=sum(one.hidden_characters_count for one in everybody),
        total_length=sum(one.total_length for one in everybody),
        complete=not more and all(one.complete for one in first),
    )


def every_recipient(submission: Mapping[str, Any]) -> tuple[Shown, ...]:
    """Each of them in full, in the order given."""
    return tuple(display.show_identifier(str(name)) for name in submission.get("recipients") or ())


def is_drawable(submission: Mapping[str, Any]) -> bool:
    """Whether a message can tell enough of the recipients to be answered at a click."""
    everybody = submission.get("recipients") or ()
    shown = [display.show_identifier(str(name), limit=NAME_LIMIT) for name in everybody]
    return len(shown) <= AT_A_CLICK and all(one.complete for one in shown)


def data(submission: Mapping[str, Any]) -> str:
    """The class the agent declares, and whether it is counts and sums alone; empty for neither."""
    declared = str(submission.get("data_classification") or "")
    if submission.get("aggregated") is None:
        return declared
    kind = "counts and sums alone" if submission["aggregated"] else "not aggregated"
    return ", ".join(filter(None, (declared, kind)))
