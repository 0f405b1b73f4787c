"""Take from a card what a channel may not see, before any channel draws it.

What is left never offers Approve: nobody approves what they were not shown.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from approvals.domain.cards import Card, Fact
from approvals.domain.display import Parameter, Shown
from approvals.domain.terms import Verdict

NO_VALUES = "Values are not shown in this channel. Open the full request to read them."
NO_CONTENT = "What it is about is not shown in this channel. Open the full request to read it."
HEADLINE = "A request that is not shown here"
UNSEEN = "not shown in this channel"
KEPT_FACTS = frozenset({"Agent", "Owner", "Needs"})
NOTHING_SAID = Shown("", frozenset(), (), 0, 0, complete=True)


def only_names(card: Card) -> Card:
    """What is asked, of whom, and the names of its parameters; no value, and no word of anybody that
    could hold one."""
    return replace(
        _without_words(card),
        headline=card.object,
        summary=card.summary.replace(card.headline, card.object, 1),
        facts=_facts(card, KEPT_FACTS),
        parameters=tuple(_named(parameter) for parameter in card.parameters),
        said=tuple(replace(one, shown=NOTHING_SAID) for one in card.said),
        buttons=tuple(verdict for verdict in card.buttons if verdict is not Verdict.APPROVE),
        hides=NO_VALUES,
    )


def only_that_it_waits(card: Card) -> Card:
    """How grave it is, where it stands and where to open it; neither the object nor who asks."""
    return replace(
        _without_words(card),
        object=HEADLINE,
        headline=HEADLINE,
        summary=f"{card.badge}. {card.state_line} {NO_CONTENT} {card.ref}.",
        facts=_facts(card, frozenset({"Needs"})),
        parameters=(_unseen("parameters"),),
        said=(),
        buttons=(),
        may_add=timedelta(0),
        pending=(),
        flags=frozenset(),
        hides=NO_CONTENT,
    )


def _without_words(card: Card) -> Card:
    return replace(
        card,
        because=(),
        checks=(),
        claims=(),
        notes=(),
        report=None,
        changes=(),
        no_changes="",
        drawable=False,
        fingerprint=UNSEEN,
    )


def _facts(card: Card, names: frozenset[str]) -> tuple[Fact, ...]:
    return tuple(fact for fact in card.facts if fact.name in names)


def _named(parameter: Parameter) -> Parameter:
    return replace(_unseen(parameter.path), kind=parameter.kind)


def _unseen(path: str) -> Parameter:
    shown = Shown(UNSEEN, frozenset(), (), 0, len(UNSEEN), complete=False)
    return Parameter(path=path, raw="", kind="hidden", shown=shown, means="")
