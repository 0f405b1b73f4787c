"""The parameters of an action as rows of text, for channels that have little room: all, or honestly not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from approvals.domain.cards import Card
from approvals.domain.display import Parameter

LONGEST_PATH = 120


@dataclass(frozen=True, slots=True)
class Space:
    """What a channel has room for where not all fits: so many lines and characters, and so many of one
    value. `cut` keeps the beginning of a text, `fold` its beginning and end; both say what is missing."""

    lines: int
    characters: int
    value: int
    cut: Callable[[str, int], str]
    fold: Callable[[str, int], str]


def whole(card: Card) -> str:
    """A row for each parameter, in full."""
    return "\n".join(
        _row(parameter, parameter.path, parameter.shown.text) for parameter in card.parameters
    )


def drawn(card: Card, space: Space, *, fits: bool) -> str:
    """All parameters where they fit, else a beginning of them with the size of the whole."""
    count = len(card.parameters)
    if not card.parameters:
        return f"This action takes no parameters.\n— fingerprint {card.fingerprint}"
    if fits:
        return (
            f"{whole(card)}\n— {count} of {count} parameters shown · fingerprint {card.fingerprint}"
        )
    total = sum(parameter.shown.total_length for parameter in card.parameters)
    beginning = "\n".join(_short(each, space) for each in card.parameters[: space.lines])
    lines = "\n".join(beginning.split("\n")[: space.lines])
    return (
        f"{space.fold(lines, space.characters)}\n"
        f"— NOT ALL SHOWN: {count} parameters hold {total:,} characters, too much to show in full "
        f"here. Open the full request to read them. Fingerprint {card.fingerprint}"
    )


def _short(parameter: Parameter, space: Space) -> str:
    path = space.cut(parameter.path, LONGEST_PATH)
    return _row(parameter, path, space.fold(parameter.shown.text, space.value))


def _row(parameter: Parameter, path: str, value: str) -> str:
    """One parameter; further lines of its value are marked, so that none passes for a row."""
    means = f"   ({parameter.means})" if parameter.means else ""
    marked = value.replace("\n", "\n    │ ")
    return f"{path} = {marked}   [{parameter.kind}]{means}"
