"""Draw what stands beside a card: a sentence of ours, and the people it calls by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from approvals.domain.terms import EventKind
from approvals.ports import Message
from approvals.services import calling
from integrations.slack import elements as el
from integrations.slack import places
from integrations.slack.blocks import Drawn
from integrations.slack.shortening import cut, escape

KIND = "slack"
MOST_NAMED = 10
CALLS_BY_NAME = frozenset(
    {
        EventKind.SEAT_FILLED,
        EventKind.STAGE_PASSED,
        EventKind.ESCALATED,
        EventKind.OUTCOME_REPORTED,
    }
)


def draw(message: Message) -> Drawn:
    """The note; with a link to the request where no card stands above it."""
    text = cut(message.words, el.SECTION_LIMIT)
    blocks: list[dict[str, Any]] = [el.words(text)]
    named = people(message)
    if named:
        blocks.append(el.rich(el.line(*_mentions(named))))
    if message.card is not None and not message.receipt.get("ts"):
        label = f"Open {message.card.ref} in the web dashboard"
        button = el.button("open", "Open full request", label=label, url=message.card.url)
        blocks.append({"type": "actions", "elements": [button]})
    return Drawn(escape(text), blocks)


def people(message: Message) -> Sequence[str]:
    """The users a note calls by name."""
    kind = message.event.get("type")
    if message.card is None or kind not in CALLS_BY_NAME or places.is_person(message.address):
        return ()
    accounts = calling.wanted(message.card.public_id, EventKind(kind), kind=KIND)
    users = [places.user_in(account, message.address) for account in accounts]
    return list(dict.fromkeys(user for user in users if user))[:MOST_NAMED]


def _mentions(users: Sequence[str]) -> list[dict[str, Any]]:
    return [part for user in users for part in (el.user(user), el.text(" "))]
