"""Keep one message per request and channel in Slack, always showing the present."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from approvals.domain.cards import Card
from approvals.domain.terms import EventKind
from approvals.ports import DeliveryError, Message, MessageKind, Notice
from integrations.slack import blocks, configuration, elements, seals, wire
from integrations.slack.blocks import Drawn
from integrations.slack.shortening import cut, escape

logger = logging.getLogger(__name__)

CHANNEL = re.compile(r"[CGD][A-Z0-9]+|#\S+")
CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]+")
CALLS_FOR_ATTENTION = frozenset({EventKind.REMINDED, EventKind.ESCALATED})
CHANGES_NOTHING_SHOWN = frozenset(
    {
        EventKind.REMINDED,
        EventKind.DECISION_REFUSED,
        EventKind.CONSUME_REFUSED,
        EventKind.DELIVERY_DEAD,
    }
)
METADATA = "approval_request"
LOOKED_THROUGH = 200
LITERAL = {"parse": "none", "link_names": False}
# Settings a new message takes and an edit does not.
SILENT = {"unfurl_links": False, "unfurl_media": False, "mrkdwn": False}


class SlackAdapter:
    """Posts a card, edits it with every change, and adds a reply where people are called for."""

    name = "slack"

    def __init__(self) -> None:
        self._configuration = configuration.current()
        self._client: WebClient = wire.client(self._configuration, seconds=wire.DELIVERY_SECONDS)

    def addresses(self, notice: Notice) -> Sequence[tuple[MessageKind, str]]:
        """The plan's Slack channels, or the default one; none for what nobody was asked about."""
        if not notice.opened:
            return ()
        named = tuple(dict.fromkeys(c for c in notice.channels if CHANNEL.fullmatch(c)))
        default = (self._configuration.channel,) if self._configuration.channel else ()
        return [(kind, to) for to in named or default for kind in _kinds(notice.kind)]

    def deliver(self, message: Message) -> Mapping[str, Any]:
        """Post, edit or reply; the receipt is `{channel, ts}`. Raises DeliveryError."""
        if message.kind is MessageKind.NOTE:
            return self._reply(message)
        if message.card is None:
            raise DeliveryError("Slack carries cards and notes only.", permanent=True)
        if message.receipt:
            return self._edit(message, message.card)
        if message.attempt > 1:
            found = self._find(message, message.card)
            if found:
                return self._update(message, message.card, found)
        return self._post(message, message.card)

    def _edit(self, message: Message, card: Card) -> Mapping[str, Any]:
        try:
            return self._update(message, card, message.receipt)
        except DeliveryError as error:
            if not _is_missing(error):
                raise
        logger.warning("slack card was deleted and is posted anew", extra={"ref": card.ref})
        return self._post(message, card)

    def _update(
        self, message: Message, card: Card, receipt: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        place = {"channel": str(receipt["channel"]), "ts": str(receipt["ts"])}
        self._send("chat.update", message, card, place)
        return place

    def _post(self, message: Message, card: Card) -> Mapping[str, Any]:
        answer = self._send(
            "chat.postMessage", message, card, {"channel": message.address, **SILENT}
        )
        if not answer.get("ts"):
            raise DeliveryError("Slack answered without naming the message.", unknown=True)
        return {"channel": str(answer.get("channel") or message.address), "ts": str(answer["ts"])}

    def _reply(self, message: Message) -> Mapping[str, Any]:
        """Draw attention beside the card; without a card, in the channel itself."""
        place = {"channel": message.receipt.get("channel") or message.address}
        if message.receipt.get("ts"):
            place["thread_ts"] = message.receipt["ts"]
        body = {"text": escape(message.words), "blocks": [elements.words(message.words)]}
        self._call("chat.postMessage", {**place, **body, **LITERAL, **SILENT})
        return dict(message.receipt)

    def _send(
        self, method: str, message: Message, card: Card, place: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Send the card; in plainer blocks when Slack will not have the richer ones."""
        value = seals.seal(
            request=card.public_id,
            version=card.version,
            shown_sha256=card.shown_sha256,
            address=message.address,
        )
        on_web = self._configuration.critical_on_web
        rich = blocks.draw(card, value=value, critical_on_web=on_web)
        try:
            return self._call(method, _body(rich, message, card, place))
        except RefusedBlocks:
            logger.warning("slack refused the blocks of a card", extra={"ref": card.ref})
        simple = blocks.draw_plainly(card, value=value, critical_on_web=on_web)
        return self._call(method, _body(simple, message, card, place))

    def _find(self, message: Message, card: Card) -> Mapping[str, Any] | None:
        """Our own message from an earlier attempt whose answer we never got; None when unsure.

        Reading a channel needs a scope of its own. Without it the card is posted again, and a click
        on the other copy is refused with a link to the request.
        """
        if not CHANNEL_ID.fullmatch(message.address):
            return None
        asked = {
            "channel": message.address,
            "oldest": str(int(card.created_at.timestamp())),
            "limit": LOOKED_THROUGH,
            "include_all_metadata": True,
        }
        try:
            answer = self._call("conversations.history", asked, as_form=True)
        except DeliveryError as error:
            if error.retry_after or error.unknown:
                raise
            logger.warning("slack card may stand twice", extra={"ref": card.ref})
            return None
        for found in answer.get("messages") or ():
            if _is_ours(found, card.public_id):
                return {"channel": message.address, "ts": str(found["ts"])}
        return None

    def _call(
        self, method: str, body: Mapping[str, Any], *, as_form: bool = False
    ) -> Mapping[str, Any]:
        try:
            answer = (
                self._client.api_call(method, params=dict(body))
                if as_form
                else self._client.api_call(method, json=dict(body))
            )
        except SlackApiError as error:
            word = wire.code(error)
            if word in wire.REFUSED_BLOCKS:
                raise RefusedBlocks(f"Slack said {word}.", permanent=True) from error
            if word == wire.NO_MESSAGE:
                raise MessageMissing(f"Slack said {word}.", permanent=True) from error
            raise wire.failure(error) from error
        except wire.BROKEN as error:
            raise wire.failure(error) from error
        return answer.data if isinstance(answer.data, dict) else {}


class RefusedBlocks(DeliveryError):
    """Slack would not draw what we sent."""


class MessageMissing(DeliveryError):
    """The message we meant to edit is gone."""


def _kinds(kind: EventKind) -> list[MessageKind]:
    kinds = [] if kind in CHANGES_NOTHING_SHOWN else [MessageKind.CARD]
    return [*kinds, MessageKind.NOTE] if kind in CALLS_FOR_ATTENTION else kinds


def _body(drawn: Drawn, message: Message, card: Card, place: Mapping[str, Any]) -> dict[str, Any]:
    payload = {"request": card.public_id, "ref": card.ref, "message": message.id}
    return {
        **place,
        **LITERAL,
        "text": cut(drawn.text, blocks.TEXT_LIMIT + 900),
        "blocks": drawn.blocks,
        "metadata": {"event_type": METADATA, "event_payload": payload},
    }


def _is_missing(error: DeliveryError) -> bool:
    return isinstance(error, MessageMissing)


def _is_ours(found: object, request: str) -> bool:
    """Only a bot's message carries metadata, and only ours of this kind names this request."""
    if not isinstance(found, dict) or not found.get("ts"):
        return False
    metadata = found.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("event_type") != METADATA:
        return False
    payload = metadata.get("event_payload")
    return isinstance(payload, dict) and payload.get("request") == request
