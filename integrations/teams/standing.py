"""Say on a card where its request stands, first of what was decided and can still be undone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from approvals.domain import pending_words
from approvals.domain.cards import Card, Pending
from approvals.domain.terms import Verdict

PAST = {Verdict.APPROVE: "Approved", Verdict.DENY: "Denied"}


@dataclass(frozen=True, slots=True)
class Mine:
    """What the reader of a card said themselves, as it stands among all that is on its way."""

    verdict: Verdict
    until: datetime
    beside: tuple[Pending, ...]


def badge(card: Card) -> str:
    return " · ".join(filter(None, (pending_words.badge(card.pending), card.badge)))


def line(card: Card, mine: Mine | None = None) -> str:
    """Where it stands: first what is on its way, to its giver as theirs."""
    if not card.pending:
        return card.state_line
    told = f"{_told(card, mine)} Nothing has run."
    is_ending = any(each.ends for each in card.pending)
    return told if is_ending else f"{told} {card.state_line}"


def summary(card: Card) -> str:
    """The same without a name, where Teams may read Markdown; empty where nothing is on its way."""
    if not card.pending:
        return ""
    first = card.pending[0]
    at = f"{first.until:%H:%M:%S} UTC"
    return f"{card.ref} was {PAST[first.verdict].lower()}, which counts at {at}. Open {card.url}"


def left(card: Card) -> frozenset[Verdict]:
    """What can still be said: beside a decision that ends it only no, and beside a denial nothing."""
    if any(each.verdict is Verdict.DENY for each in card.pending):
        return frozenset()
    if any(each.ends for each in card.pending):
        return frozenset({Verdict.DENY})
    return frozenset(Verdict)


def _told(card: Card, mine: Mine | None) -> str:
    if mine is None:
        return pending_words.line(card.pending)
    own = (
        f"{PAST[mine.verdict]} by you, counts at {mine.until:%H:%M:%S} UTC. "
        "Until then you can undo it."
    )
    return f"{own} {pending_words.line(mine.beside)}".rstrip()
