"""The parameters of an action as rows, all of them or honestly not."""

from __future__ import annotations

from dataclasses import replace

from approvals.domain import cards_checks, cards_rows
from approvals.domain.cards import Card
from approvals.domain.cards_rows import Space
from integrations.teams.texts import cut, fold

CHARACTERS = 2_500
BYTES = 7_500
MOST = 25
CHECKS, CHECK = 10, 300  # lines of checks, and characters of each
SPACE = Space(lines=MOST, characters=CHARACTERS - 300, value=300, cut=cut, fold=fold)


def fits(card: Card) -> bool:
    """Say whether a card can show everything that would run, so that it may offer Approve."""
    rows = cards_rows.whole(card)
    return (
        card.drawable
        and len(rows) <= CHARACTERS
        and len(rows.encode()) <= BYTES
        and rows.count("\n") < MOST
    )


def warns(card: Card) -> bool:
    """Say whether every warning of ours stands whole on a card."""
    return cards_checks.have_room(card.checks, most=CHECKS, characters=CHECK)


def drawn(card: Card, *, most: int = SPACE.characters) -> str:
    """All parameters, or a beginning of them with the size of the whole."""
    return cards_rows.drawn(card, replace(SPACE, characters=most), fits=fits(card))
