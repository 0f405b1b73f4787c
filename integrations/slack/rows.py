"""Write out the parameters of a request, all of them or with the count of what is missing."""

from __future__ import annotations

import json

from approvals.domain.cards import Card
from approvals.domain.display import Parameter
from approvals.domain.showing import UNSEEN
from integrations.slack.shortening import cut, fold

CHARACTERS = 2_500
MOST = 25
VALUE_CHARACTERS = 500


def fits(card: Card) -> bool:
    """Say whether a message can show everything that would run, so that it may offer Approve."""
    whole = _all(card)
    return (
        card.drawable
        and len(whole) <= CHARACTERS
        and whole.count("\n") < MOST
        and len(json.dumps(whole, ensure_ascii=False)) <= CHARACTERS * 2
    )


def drawn(card: Card) -> str:
    """All parameters, or a beginning of them with the size of the whole."""
    count = len(card.parameters)
    if card.hides:
        return f"{_unseen(card)}\n— {card.hides}"
    if not card.parameters:
        return f"This action takes no parameters.\n— fingerprint {card.fingerprint}"
    if fits(card):
        return (
            f"{_all(card)}\n— {count} of {count} parameters shown · fingerprint {card.fingerprint}"
        )
    total = sum(parameter.shown.total_length for parameter in card.parameters)
    shown = [_row(parameter, VALUE_CHARACTERS) for parameter in card.parameters]
    lines = "\n".join(shown).split("\n")[:MOST]
    return (
        f"{fold(chr(10).join(lines), CHARACTERS - 300)}\n"
        f"— NOT ALL SHOWN: {count} parameters hold {total:,} characters, too much to show in full "
        f"here. Open the full request to read them. Fingerprint {card.fingerprint}"
    )


def _unseen(card: Card) -> str:
    """The names alone, as many as fit, with the count of them all."""
    names = [cut(parameter.path, 120) for parameter in card.parameters[:MOST]]
    more = len(card.parameters) - len(names)
    lines = [f"{name} = {UNSEEN}" for name in names]
    return "\n".join([*lines, *([f"and {more} more"] if more else [])])


def _all(card: Card) -> str:
    return "\n".join(_row(parameter) for parameter in card.parameters)


def _row(parameter: Parameter, limit: int | None = None) -> str:
    """One parameter; further lines of its value are marked, so that none passes for a row."""
    value = parameter.shown.text if limit is None else fold(parameter.shown.text, limit)
    path = parameter.path if limit is None else cut(parameter.path, 120)
    means = f"   ({parameter.means})" if parameter.means else ""
    marked = value.replace("\n", "\n    │ ")
    return f"{path} = {marked}   [{parameter.kind}]{means}"
