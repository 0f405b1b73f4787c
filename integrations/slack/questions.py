"""Carry questions and answers into the thread of a request's message, each of them once.

A lane of its own beside that of the card: the card is edited with every change, a thread only grows.
The receipt remembers which turn stands in which message.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from approvals import queries
from approvals.domain.terms import EventKind
from approvals.models import ApprovalRequest, Delivery
from approvals.models.outbox import DeliveryState
from approvals.ports import DeliveryError, Message, MessageKind, Notice
from approvals.services import showing
from integrations.slack import configuration, places, seals, seeking, spoken, wire, workspaces
from integrations.slack.calls import Caller
from integrations.slack.shortening import escape
from integrations.slack.spoken import Turn

logger = logging.getLogger(__name__)

ADDRESS = re.compile(r"(?:[TE][A-Z0-9]+/)?(?:[CG][A-Z0-9]+|#\S+)")
TALK = frozenset({EventKind.INVESTIGATING, EventKind.MESSAGE_ADDED, EventKind.RESUMED})
METADATA = "approval_thread"
SOON = timedelta(seconds=2)
LOOKED_THROUGH = 100
LITERAL = {"parse": "none", "link_names": False, "unfurl_links": False, "unfurl_media": False}


class QuestionsAdapter:
    """Posts each question with a button to answer it, and each answer with who gave it."""

    name = "slack_thread"
    accounts = spoken.CARDS

    def __init__(self) -> None:
        self._configuration = configuration.current()
        self._caller = Caller(self._configuration)

    def privately(self, account: str) -> str:
        """Somebody's own conversation with our bot."""
        return places.of_account(account)

    def addresses(self, notice: Notice) -> Sequence[tuple[MessageKind, str]]:
        """Where the request's cards are, when something was asked or answered."""
        if not notice.opened or notice.kind not in TALK:
            return ()
        named = tuple(dict.fromkeys(c for c in notice.channels if ADDRESS.fullmatch(c)))
        default = (self._configuration.channel,) if self._configuration.channel else ()
        return [(MessageKind.CARD, to) for to in named or default]

    def deliver(self, message: Message) -> Mapping[str, Any]:
        """Post what the thread does not hold yet; the receipt is `{channel, root, posted}`.

        Raises DeliveryError; also while the card itself is not there yet.
        """
        if message.card is None:
            raise DeliveryError("A thread carries questions and answers only.", permanent=True)
        row = queries.request(message.card.public_id)
        posted = dict(message.receipt.get("posted") or {})
        missing = [turn for turn in spoken.told_at(row, message.address) if turn.key not in posted]
        root = self._root(row, message) if missing else None
        if root is None:
            return dict(message.receipt)
        client = wire.client(
            self._configuration,
            seconds=wire.DELIVERY_SECONDS,
            token=workspaces.token_for(message.address),
        )
        doubt: Mapping[str, str] = {}
        if missing and (message.attempt > 1 or len(missing) > 1):
            there, doubt = _already_there(client, root, row)
            posted |= there
        for turn in missing:
            if turn.key not in posted:
                posted[turn.key] = _post(client, root, _body(row, turn, message.address))
        return {**root, "posted": posted, **doubt}

    def _root(self, row: ApprovalRequest, message: Message) -> dict[str, str] | None:
        """Where turns belong: below the request's message, or in somebody's own conversation."""
        if not places.is_person(message.address):
            return _root(row, message.address)
        known = message.receipt.get("channel")
        return {"channel": str(known or self._caller.channel(message.address)), "root": ""}


def _root(row: ApprovalRequest, address: str) -> dict[str, str] | None:
    """The message of the request there; None where it has none and none is under way."""
    receipt = row.receipts.filter(adapter=spoken.CARDS, address=address).first()
    if receipt is not None and receipt.handle.get("ts"):
        return {"channel": str(receipt.handle["channel"]), "root": str(receipt.handle["ts"])}
    waiting = Delivery.objects.filter(
        request=row, adapter=spoken.CARDS, address=address, state=DeliveryState.WAITING.value
    )
    if waiting.exists():
        raise DeliveryError("The request's message is not there yet.", retry_after=SOON)
    return None


def _body(row: ApprovalRequest, turn: Turn, address: str) -> dict[str, Any]:
    value = seals.seal(
        request=str(row.public_id),
        version=row.version,
        shown_sha256=row.action_sha256,
        address=address,
    )
    shows = showing.of(adapter=spoken.CARDS, address=address)
    who = "the agent" if turn.person is None else str(turn.person)
    what = "Question from" if turn.kind == spoken.QUESTION else "Answer from"
    payload = {"request": str(row.public_id), "turn": turn.key}
    return {
        "text": escape(f"{what} {who} about {row.ref}"),
        "blocks": spoken.draw(row, turn, value=value, shows=shows, address=address),
        "metadata": {"event_type": METADATA, "event_payload": payload},
    }


def _post(client: WebClient, root: Mapping[str, str], body: Mapping[str, Any]) -> str:
    thread = {"thread_ts": root["root"]} if root["root"] else {}
    place = {"channel": root["channel"], **thread}
    try:
        answer = client.api_call("chat.postMessage", json={**place, **LITERAL, **body})
    except (SlackApiError, *wire.BROKEN) as error:
        raise wire.failure(error) from error
    return wire.message(answer.data if isinstance(answer.data, dict) else {}, root["channel"])["ts"]


def _already_there(
    client: WebClient, root: Mapping[str, str], row: ApprovalRequest
) -> tuple[dict[str, str], Mapping[str, str]]:
    """The turns an earlier attempt posted without hearing so; none where we may not look, and that in words.

    Reading a channel needs a scope of its own. Without it a turn can stand twice, which says
    nothing else than once.
    """
    is_thread = bool(root["root"])
    method = "conversations.replies" if is_thread else "conversations.history"
    asked = {
        "channel": root["channel"],
        "limit": LOOKED_THROUGH,
        "include_all_metadata": True,
        **({"ts": root["root"]} if is_thread else {"oldest": str(int(row.created_at.timestamp()))}),
    }
    try:
        answer = client.api_call(method, params=asked)
    except SlackApiError as error:
        failure = wire.failure(error)
        if failure.retry_after or failure.unknown:
            raise failure from error
        logger.warning("slack thread may say things twice", extra={"ref": row.ref})
        return {}, seeking.unsure(wire.code(error))
    except wire.BROKEN as error:
        raise wire.failure(error) from error
    found = [_turn_in(reply, str(row.public_id)) for reply in answer.get("messages") or ()]
    return dict(each for each in found if each), {}


def _turn_in(reply: object, request: str) -> tuple[str, str] | None:
    if not isinstance(reply, dict) or not reply.get("ts"):
        return None
    metadata = reply.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("event_type") != METADATA:
        return None
    payload = metadata.get("event_payload")
    if not isinstance(payload, dict) or payload.get("request") != request:
        return None
    return str(payload.get("turn")), str(reply["ts"])
