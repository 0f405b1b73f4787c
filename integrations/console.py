"""Print cards to the log: the smallest adapter there is, and the one to copy for the next."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from approvals.domain.cards import Card
from approvals.domain.display import Parameter, escape_terminal
from approvals.domain.terms import EventKind
from approvals.ports import Message, MessageKind, Notice

logger = logging.getLogger(__name__)

ADDRESS = "log"
WORTH_A_NOTE = frozenset({EventKind.REMINDED, EventKind.ESCALATED})


class ConsoleAdapter:
    """Show the people of a development machine what approvers would see."""

    name = "console"

    def addresses(self, notice: Notice) -> Sequence[tuple[MessageKind, str]]:
        """Name the log for all that people are asked about."""
        if not notice.opened:
            return []
        if notice.kind in WORTH_A_NOTE:
            return [(MessageKind.CARD, ADDRESS), (MessageKind.NOTE, ADDRESS)]
        return [(MessageKind.CARD, ADDRESS)]

    def deliver(self, message: Message) -> Mapping[str, Any]:
        """Print a card or a note. Nothing printed can be edited, so the receipt is empty."""
        if message.kind is MessageKind.CARD and message.card is not None:
            logger.info("%s", card_text(message.card))
        elif message.words:
            logger.info("%s", escape_terminal(message.words))
        return {}


def card_text(card: Card) -> str:
    """Arrange a card as lines of text, safe for a terminal whatever people and agents wrote."""
    return escape_terminal("\n".join(_lines(card)), keep_lines=True)


def _lines(card: Card) -> Iterator[str]:
    yield f"{card.badge} · {card.ref}"
    yield card.headline
    yield card.state_line
    yield from (f"  {fact.name}: {_inset(fact.value)}" for fact in card.facts)
    yield from _section("What would run", [_parameter(each) for each in card.parameters])
    yield from _section("Why people are asked", card.because)
    yield from _section("Checked", [f"{check.mark}: {check.words}" for check in card.checks])
    yield from _section(
        "The agent says (not checked)",
        [f"{claim.name}: {claim.shown.text}" for claim in card.claims],
    )
    yield from _section(
        "Asked and answered", [f"{note.by}: {note.shown.text}" for note in card.notes]
    )
    yield from _section(
        "Said",
        [": ".join(filter(None, (one.by, one.verdict, one.shown.text))) for one in card.said],
    )
    yield card.url


def _section(title: str, entries: Sequence[str]) -> Iterator[str]:
    if entries:
        yield f"{title}:"
        yield from (f"  {_inset(entry)}" for entry in entries)


def _parameter(parameter: Parameter) -> str:
    means = f" ({parameter.means})" if parameter.means else ""
    return f"{parameter.path} = {parameter.shown.text}{means}"


def _inset(text: str) -> str:
    """Keep a text of several lines from looking like lines of the card."""
    return text.replace("\n", "\n    ")
