"""Whose it is to take back what a card shows as held, and what the button for it carries."""

from __future__ import annotations

from collections.abc import Sequence

from approvals.domain.cards import Card
from approvals.domain.terms import Verdict
from approvals.models import HeldDecision, Person
from approvals.services import holding
from integrations.teams import seals
from integrations.teams.standing import Mine


def held(card: Card) -> list[HeldDecision]:
    """What is held on the request of a card that shows it; nothing said after the card was drawn."""
    if not card.pending:
        return []
    shown = {(each.by, each.until) for each in card.pending}
    now = holding.open_on(card.public_id)
    return [each for each in now if (str(each.person), each.release_at) in shown]


def undo_for(card: Card, on_way: Sequence[HeldDecision], *, conversation: str) -> str:
    """What an Undo carries, that takes back one of these and nothing said later; empty without any."""
    if not on_way:
        return ""
    return seals.seal(
        request=card.public_id,
        version=card.version,
        shown_sha256=card.shown_sha256,
        conversation=conversation,
        newest=max(each.pk for each in on_way),
    )


def of_reader(card: Card, on_way: Sequence[HeldDecision], person: Person) -> Mine | None:
    """What is on its way of this person's own; None where nothing is."""
    own = next((each for each in on_way if each.person_id == person.pk), None)
    if own is None:
        return None
    told = (str(own.person), own.release_at)
    beside = tuple(each for each in card.pending if (each.by, each.until) != told)
    return Mine(Verdict(own.verdict), own.release_at, beside)
