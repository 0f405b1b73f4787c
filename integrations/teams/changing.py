"""What would stand otherwise than now, on a card: before and after."""

from __future__ import annotations

from approvals.domain import changes
from approvals.domain.cards import Card
from approvals.domain.cards_parts import left_out
from approvals.domain.changes import Change
from integrations.teams import elements as el
from integrations.teams.elements import Part
from integrations.teams.texts import cut, fold

CHANGE_CHARACTERS = 200


def drawn(card: Card) -> list[Part]:
    """Name, before and after, each in a run of its own: nothing of an agent's passes for another."""
    name = "What changes" if card.is_open else "What was to change"
    if not card.changes:
        why = card.no_changes if card.is_open else ""
        return [el.title(name), el.line(el.run(why))] if why else []
    lines = [_change(each) for each in card.changes[: changes.ON_THE_CARD]]
    more = [el.small(each) for each in left_out(len(card.changes) - len(lines))]
    origin = changes.source(card.changes)
    return [el.title(name, f" · {origin}" if origin else ""), *lines, *more]


def _change(change: Change) -> Part:
    before, after = (fold(each, CHANGE_CHARACTERS) for each in (change.before, change.after))
    whose = [el.run(f" ({changes.CLAIMED})", italic=True)] if change.is_claim else []
    return el.line(
        el.run("• "), el.run(cut(change.name, 60), fontType="Monospace"), el.run(": "),
        el.run(before, fontType="Monospace"), *whose,
        el.run(" → "), el.run(after, fontType="Monospace"), spacing="Small",
    )  # fmt: skip
