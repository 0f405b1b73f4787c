"""Keep one message per request and conversation in Teams, always showing the present."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from approvals.domain.cards import Card
from approvals.domain.terms import EventKind, RiskLevel
from approvals.models import Place
from approvals.ports import DeliveryError, Message, MessageKind, Notice
from integrations.teams import cards, configuration, rooms, seals, undoing, viewers, wire
from integrations.teams import elements as el
from integrations.teams.texts import cut

logger = logging.getLogger(__name__)

CARD_TYPE = "application/vnd.microsoft.card.adaptive"
CALLS_FOR_ATTENTION = frozenset({EventKind.REMINDED, EventKind.ESCALATED})
# Edits alert nobody: what went wrong after an approval is also said beside the card. Where nothing did,
# the note has no words and is not sent.
ENDS_BADLY = frozenset({EventKind.OUTCOME_REPORTED})
GRAVE = frozenset({RiskLevel.HIGH, RiskLevel.CRITICAL})
CHANGES_NOTHING_SHOWN = frozenset(
    {
        EventKind.REMINDED,
        EventKind.DECISION_REFUSED,
        EventKind.CONSUME_REFUSED,
        EventKind.DELIVERY_DEAD,
    }
)


class TeamsAdapter:
    """Posts a card, edits it with every change, and writes beside it where people are called for."""

    name = rooms.ADAPTER
    shows_pending = True

    def __init__(self) -> None:
        self._configuration = configuration.current()
        self._connector = wire.connector(self._configuration, seconds=wire.DELIVERY_SECONDS)

    def addresses(self, notice: Notice) -> Sequence[tuple[MessageKind, str]]:
        """The plan's `teams:…` channels, or the default one; none for what nobody was asked about."""
        if not notice.opened:
            return ()
        named = tuple(dict.fromkeys(c for c in notice.channels if c.startswith(rooms.PREFIX)))
        channel = self._configuration.channel.removeprefix(rooms.PREFIX)
        default = (f"{rooms.PREFIX}{channel}",) if channel else ()
        return [(kind, to) for to in named or default for kind in _kinds(notice)]

    def deliver(self, message: Message) -> Mapping[str, Any]:
        """Post, edit or write beside; the receipt is `{conversation, message}`. Raises DeliveryError."""
        receipt = message.receipt
        place = rooms.found(str(receipt["conversation"]) if receipt else message.address)
        if message.kind is MessageKind.NOTE:
            return self._beside(message, place)
        if message.card is None:
            raise DeliveryError("Teams carries cards and notes only.", permanent=True)
        activity = self._activity(message.card, place)
        if receipt and self._edit(str(receipt["message"]), place, activity):
            return receipt
        if message.attempt > 1:
            logger.warning("teams card may stand twice", extra={"ref": message.card.ref})
        posted = self._connector.post(place.handle["service_url"], place.external_id, activity)
        return {"conversation": place.external_id, "message": posted}

    def _edit(self, message: str, place: Place, activity: Mapping[str, Any]) -> bool:
        """Show the present on the message that stands there; False when somebody deleted it."""
        try:
            self._connector.edit(place.handle["service_url"], place.external_id, message, activity)
        except wire.Missing:
            logger.warning("teams card was deleted and is posted anew")
            return False
        return True

    def _beside(self, message: Message, place: Place) -> Mapping[str, Any]:
        activity = note(message)
        if message.receipt:
            activity["replyToId"] = message.receipt["message"]
        self._connector.post(place.handle["service_url"], place.external_id, activity)
        return dict(message.receipt)

    def _activity(self, card: Card, place: Place) -> Mapping[str, Any]:
        sealed = seals.seal(
            request=card.public_id,
            version=card.version,
            shown_sha256=card.shown_sha256,
            conversation=place.external_id,
        )
        on_way = undoing.held(card)
        view = cards.View(
            sealed=sealed,
            undo=undoing.undo_for(card, on_way, conversation=place.external_id),
            viewers=viewers.of(card.public_id, place) if card.is_open else (),
            critical_on_web=self._configuration.critical_on_web,
        )
        return wrapped(cards.draw(card, view), cards.summary(card))


def wrapped(card: Mapping[str, Any], summary: str) -> dict[str, Any]:
    """A card as a message; `summary` is what notifications say."""
    attached = {"contentType": CARD_TYPE, "content": card}
    return {"type": "message", "summary": summary, "attachments": [attached]}


def note(message: Message) -> dict[str, Any]:
    """The words of a note beside a card, with the way to the request."""
    url = message.card.url if message.card else ""
    return wrapped(words(message.words, url=url), "An approval needs attention.")


def words(text: str, *, url: str = "", title: str = "Open the request") -> dict[str, Any]:
    """A few words as a card, for Teams would read Markdown in a plain message."""
    return {
        "type": "AdaptiveCard",
        "version": "1.5",
        "fallbackText": "An approval needs attention.",
        "body": [el.line(el.run(cut(text, 1_000)))],
        "actions": [el.opening(title, url)] if url else [],
    }


def _kinds(notice: Notice) -> list[MessageKind]:
    kinds = [] if notice.kind in CHANGES_NOTHING_SHOWN else [MessageKind.CARD]
    ended_badly = notice.kind is EventKind.EXPIRED and notice.risk in GRAVE
    calls = notice.kind in CALLS_FOR_ATTENTION | ENDS_BADLY or ended_badly
    return [*kinds, MessageKind.NOTE] if calls else kinds
