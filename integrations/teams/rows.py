"""The parameters of an action as rows, all of them or honestly not."""

from __future__ import annotations

from approvals.domain.cards import Card
from approvals.domain.display import Parameter
from integrations.teams.texts import cut, fold

CHARACTERS = 2_500
BYTES = 7_500
MOST = 25
VALUE_CHARACTERS = 300


def fits(card: Card) -> bool:
    """Say whether a card can show everything that would run, so that it may offer Approve."""
    rows = _all(card)
    return (
        card.drawable
        and len(rows) <= CHARACTERS
        and len(rows.encode()) <= BYTES
        and rows.count("\n") < MOST
    )


def drawn(card: Card, *, most: int = CHARACTERS - 300) -> str:
    """All parameters, or a beginning of them with the size of the whole."""
    count = len(card.parameters)
    if not card.parameters:
        return f"This action takes no parameters.\n— fingerprint {card.fingerprint}"
    if fits(card):
        return (
            f"{_all(card)}\n— {count} of {count} parameters shown · fingerprint {card.fingerprint}"
        )
    total = sum(parameter.shown.total_length for parameter in card.parameters)
    shown = [_row(parameter, VALUE_CHARACTERS) for parameter in card.parameters[:MOST]]
    lines = "\n".join(shown).split("\n")[:MOST]
    return (
        f"{fold(chr(10).join(lines), most)}\n"
        f"— NOT ALL SHOWN: {count} parameters hold {total:,} characters, too much to show in full "
        f"here. Open the full request to read them. Fingerprint {card.fingerprint}"
    )


def _all(card: Card) -> str:
    return "\n".join(_row(parameter) for parameter in card.parameters)


def _row(parameter: Parameter, limit: int | None = None) -> str:
    """One parameter; further lines of its value are marked, so that none passes for a row."""
    value = parameter.shown.text if limit is None else fold(parameter.shown.text, limit)
    path = parameter.path if limit is None else cut(parameter.path, 120)
    means = f"   ({parameter.means})" if parameter.means else ""
    marked = value.replace("\n", "\n    │ ")
    return f"{path} = {marked}   [{parameter.kind}]{means}"
