"""Carry questions and answers into the thread of a request's message, each of them once.

A lane of its own beside that of the card: the card is edited with every change, a thread only grows.
The receipt remembers which turn stands in which message.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from approvals import queries
from approvals.domain import display
from approvals.domain.display import Shown
from approvals.domain.terms import EventKind, Status, Verdict
from approvals.models import ApprovalRequest, Delivery, Identity, Person
from approvals.models.outbox import DeliveryState
from approvals.models.workspaces import Shows
from approvals.ports import DeliveryError, Message, MessageKind, Notice
from approvals.services import showing
from integrations.slack import configuration, places, seals, seeking, wire, workspaces
from integrations.slack import elements as el
from integrations.slack.elements import Block
from integrations.slack.shortening import escape, fold

logger = logging.getLogger(__name__)

ADDRESS = re.compile(r"(?:[TE][A-Z0-9]+/)?(?:[CG][A-Z0-9]+|#\S+)")
TALK = frozenset({EventKind.INVESTIGATING, EventKind.MESSAGE_ADDED, EventKind.RESUMED})
CARDS = "slack"
METADATA = "approval_thread"
WORDS_LENGTH = 1_500
SOON = timedelta(seconds=2)
LOOKED_THROUGH = 100
LITERAL = {"parse": "none", "link_names": False, "unfurl_links": False, "unfurl_media": False}
QUESTION, ANSWER = "question", "answer"


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing said in the thread: `key` names it for good, `person` is None for the agent."""

    key: str
    kind: str
    shown: Shown
    person: Person | None
    at: datetime


class QuestionsAdapter:
    """Posts each question with a button to answer it, and each answer with who gave it."""

    name = "slack_thread"

    def __init__(self) -> None:
        self._configuration = configuration.current()

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
        root = _root(row, message.address)
        if root is None:
            return dict(message.receipt)
        posted = dict(message.receipt.get("posted") or {})
        missing = [turn for turn in turns(row) if turn.key not in posted]
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


def turns(row: ApprovalRequest) -> list[Turn]:
    """Everything said since the first question, oldest first."""
    asked = [
        Turn(f"q{one.pk}", QUESTION, display.show(one.comment), one.person, one.at)
        for one in row.decisions.all()
        if one.verdict == Verdict.INVESTIGATE.value
    ]
    if not asked:
        return []
    first = min(turn.at for turn in asked)
    said = [
        Turn(f"m{one.pk}", ANSWER, display.show(one.text), one.person, one.at)
        for one in row.messages.all()
        if one.at >= first
    ]
    return sorted([*asked, *said], key=lambda turn: (turn.at, turn.key))


def draw(
    row: ApprovalRequest, turn: Turn, *, value: str, shows: Shows, address: str
) -> list[Block]:
    """One message of the thread; without the words where the channel may not see them."""
    said = (
        el.quote(fold(turn.shown.text, WORDS_LENGTH))
        if shows is Shows.VALUES
        else el.line(
            el.text("Not shown in this channel. Open the request to read it.", italic=True)
        )
    )
    if turn.kind == ANSWER:
        title = el.line(*_signature(row, turn))
        return [el.rich(title, said, *_told(row, turn, address))]
    title = el.line(el.text(f"Question from {turn.person}:", bold=True))
    label = f"Answer the question about {row.ref}"
    button = el.button("answer", "Answer…", label=label, value=value)
    blocks = [el.rich(title, said, el.line(*_called(row, address)))]
    return [*blocks, {"type": "actions", "elements": [button]}] if _is_open(row) else blocks


def _signature(row: ApprovalRequest, turn: Turn) -> list[Block]:
    if turn.person is None:
        return [
            el.text("Answer", bold=True),
            el.text(" · from the agent, not checked", italic=True),
        ]
    is_owner = turn.person.pk == row.agent.owner_id
    role = " (agent owner)" if is_owner else ""
    return [el.text("Answer", bold=True), el.text(f" · from {turn.person}{role}")]


def _called(row: ApprovalRequest, address: str) -> list[Block]:
    owner = row.agent.owner
    if owner is None:
        return [el.text("Whoever may decide can answer, and so can the agent.")]
    return [_mention(owner, address), el.text(", you own this agent. Please answer.")]


def _told(row: ApprovalRequest, turn: Turn, address: str) -> list[Block]:
    """Call whoever asked last, since an edit of the card calls nobody."""
    asked = [one for one in turns(row) if one.kind == QUESTION and one.at <= turn.at]
    asker = asked[-1].person if asked else None
    if asker is None or asker == turn.person or not _is_open(row):
        return []
    return [el.line(_mention(asker, address), el.text(", this answers your question."))]


def _mention(person: Person, address: str) -> Block:
    """Their Slack account at this address, which Slack notifies; their name where we know none there."""
    linked = Identity.objects.filter(person=person, kind=CARDS).order_by("-pk")
    accounts = linked.values_list("external_id", flat=True)
    users = (places.user_in(account, address) for account in accounts)
    found = next((user for user in users if user), "")
    return el.user(found) if found else el.text(str(person), bold=True)


def _is_open(row: ApprovalRequest) -> bool:
    return not Status(row.status).is_final


def _root(row: ApprovalRequest, address: str) -> dict[str, str] | None:
    """The message of the request there; None where it has none and none is under way."""
    receipt = row.receipts.filter(adapter=CARDS, address=address).first()
    if receipt is not None and receipt.handle.get("ts"):
        return {"channel": str(receipt.handle["channel"]), "root": str(receipt.handle["ts"])}
    waiting = Delivery.objects.filter(
        request=row, adapter=CARDS, address=address, state=DeliveryState.WAITING.value
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
    shows = showing.of(adapter=CARDS, address=address)
    who = "the agent" if turn.person is None else str(turn.person)
    what = "Question from" if turn.kind == QUESTION else "Answer from"
    payload = {"request": str(row.public_id), "turn": turn.key}
    return {
        "text": escape(f"{what} {who} about {row.ref}"),
        "blocks": draw(row, turn, value=value, shows=shows, address=address),
        "metadata": {"event_type": METADATA, "event_payload": payload},
    }


def _post(client: WebClient, root: Mapping[str, str], body: Mapping[str, Any]) -> str:
    place = {"channel": root["channel"], "thread_ts": root["root"]}
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
    asked = {
        "channel": root["channel"],
        "ts": root["root"],
        "limit": LOOKED_THROUGH,
        "include_all_metadata": True,
    }
    try:
        answer = client.api_call("conversations.replies", params=asked)
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
