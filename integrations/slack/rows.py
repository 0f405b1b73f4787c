"""Write out the parameters of a request, all of them or with the count of what is missing."""

from __future__ import annotations

import json

from approvals.domain import cards_checks, cards_rows
from approvals.domain.cards import Card
from approvals.domain.cards_rows import LONGEST_PATH, Space
from approvals.domain.showing import UNSEEN
from integrations.slack.shortening import cut, fold

CHARACTERS = 2_500
MOST = 25
CHECKS, CHECK = 10, 300  # lines of checks, and characters of each
SPACE = Space(lines=MOST, characters=CHARACTERS - 300, value=500, cut=cut, fold=fold)


def fits(card: Card) -> bool:
    """Say whether a message can show everything that would run, so that it may offer Approve."""
    whole = cards_rows.whole(card)
    return (
        card.drawable
        and len(whole) <= CHARACTERS
        and whole.count("\n") < MOST
        and len(json.dumps(whole, ensure_ascii=False)) <= CHARACTERS * 2
    )


def warns(card: Card) -> bool:
    """Say whether every warning of ours stands whole on a message."""
    return cards_checks.have_room(card.checks, most=CHECKS, characters=CHECK)


def drawn(card: Card) -> str:
    """All parameters, or a beginning of them with the size of the whole."""
    if card.hides:
        return f"{_unseen(card)}\n— {card.hides}"
    return cards_rows.drawn(card, SPACE, fits=fits(card))


def _unseen(card: Card) -> str:
    """The names alone, as many as fit, with the count of them all."""
    names = [cut(parameter.path, LONGEST_PATH) for parameter in card.parameters[:MOST]]
    more = len(card.parameters) - len(names)
    lines = [f"{name} = {UNSEEN}" for name in names]
    return "\n".join([*lines, *([f"and {more} more"] if more else [])])
