"""Keep one message per request and channel in Slack, always showing the present."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from approvals.domain.cards import Card
from approvals.domain.terms import EventKind, RiskLevel
from approvals.ports import DeliveryError, Message, MessageKind, Notice
from approvals.services import expired_rounds
from integrations.slack import (
    blocks,
    configuration,
    digest,
    expired_list,
    findings,
    home_tabs,
    likeness,
    places,
    plain,
    replies,
    seals,
    seeking,
    wire,
)
from integrations.slack.blocks import Drawn
from integrations.slack.calls import Caller, MessageMissing, RefusedBlocks
from integrations.slack.seeking import Look, Sought
from integrations.slack.shortening import cut

logger = logging.getLogger(__name__)

GRAVE = frozenset({RiskLevel.HIGH, RiskLevel.CRITICAL})
# Edits alert nobody, so what needs a person is also said in a reply; one without words is not sent.
CALLS_FOR_ATTENTION = frozenset(
    {
        EventKind.REMINDED,
        EventKind.ESCALATED,
        EventKind.SEAT_FILLED,
        EventKind.STAGE_PASSED,
        EventKind.OUTCOME_REPORTED,
    }
)
CHANGES_NOTHING_SHOWN = frozenset(
    {
        EventKind.REMINDED,
        EventKind.DECISION_REFUSED,
        EventKind.CONSUME_REFUSED,
        EventKind.DELIVERY_DEAD,
    }
)
METADATA, NOTE, DIGEST = "approval_request", "approval_note", "approval_digest"
LITERAL = {"parse": "none", "link_names": False}
# Settings a new message takes and an edit does not.
SILENT = {"unfurl_links": False, "unfurl_media": False, "mrkdwn": False}
LOOK_BACK = timedelta(days=1)


class SlackAdapter:
    """Posts a card, edits it with every change, and adds a reply where people are called for."""

    name = "slack"
    shows_pending = True

    def __init__(self) -> None:
        self._configuration = configuration.current()
        self._caller = Caller(self._configuration)
        self._client = self._caller.client

    def addresses(self, notice: Notice) -> Sequence[tuple[MessageKind, str]]:
        """The plan's Slack channels, or the default one; none for what nobody was asked about, or
        what a digest will tell."""
        if not notice.opened or digest.holds_back(notice, self._configuration.digest_times):
            return ()
        return [(kind, to) for to in self._channels(notice) for kind in _kinds(notice)]

    def later(self, notice: Notice) -> Sequence[tuple[MessageKind, str, datetime]]:
        """What a digest lists, and when what it held back is posted after all."""
        if not notice.opened:
            return ()
        known = self._configuration
        told = digest.later(notice, known.digest_times, known.zone)
        return [(kind, to, at) for to in self._channels(notice) for kind, at in told]

    def again(self, *, decide_by: datetime, at: datetime) -> datetime | None:
        """When the next digest lists what still waits."""
        known = self._configuration
        return digest.again(known.digest_times, known.zone, decide_by=decide_by, at=at)

    def direct(self, account: str) -> str:
        """Somebody's own conversation with our bot."""
        return places.of_account(account)

    def look(self, *, at: datetime, since: datetime | None) -> None:
        """See whether all is set up, list for leads what expired, and draw home tabs that are behind."""
        del since
        findings.look(at=at)
        try:
            expired_rounds.tell(expired_list.DirectMessages(self._caller), at=at)
        finally:
            home_tabs.draw_due(at=at)

    def deliver(self, message: Message) -> Mapping[str, Any]:
        """Post, edit or reply; the receipt is `{channel, ts, drawn}`. Raises DeliveryError."""
        if message.kind is MessageKind.NOTE:
            return self._reply(message)
        if message.kind is MessageKind.DIGEST:
            return self._list(message)
        if message.card is None:
            raise DeliveryError("Slack carries cards, notes and digests only.", permanent=True)
        if message.receipt:
            return self._edit(message, message.card)
        return self._show(message, message.card)

    def _channels(self, notice: Notice) -> Sequence[str]:
        named = tuple(dict.fromkeys(c for c in notice.channels if places.is_channel(c)))
        return named or ((self._configuration.channel,) if self._configuration.channel else ())

    def _show(self, message: Message, card: Card) -> Mapping[str, Any]:
        """Post the card, unless an earlier attempt did, or a digest lists it."""
        channel = self._caller.channel(message.address)
        sought = Sought(METADATA, "request", card.public_id)
        look = self._look(message, sought, channel=channel, since=card.created_at)
        if look.found:
            return self._update(message, card, look.found)
        times = self._configuration.digest_times
        in_channel = not places.is_person(message.address)
        if in_channel and digest.is_held_back(card, times, at=message.at):
            return {}
        return {**self._post(message, card, channel, calls=in_channel), **look.doubt}

    def _edit(self, message: Message, card: Card) -> Mapping[str, Any]:
        try:
            return self._update(message, card, message.receipt)
        except MessageMissing:
            logger.warning("slack card was deleted and is posted anew", extra={"ref": card.ref})
        return self._post(message, card, str(message.receipt["channel"]), calls=False)

    def _update(
        self, message: Message, card: Card, receipt: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        place = {"channel": str(receipt["channel"]), "ts": str(receipt["ts"])}
        _, drawn = self._send("chat.update", message, card, place)
        return {**place, "drawn": seals.lately(drawn, receipt.get("drawn"))}

    def _post(
        self, message: Message, card: Card, channel: str, *, calls: bool
    ) -> Mapping[str, Any]:
        """Post the card; `calls` the user groups of the teams asked, which is done this once."""
        groups = self._groups(card) if calls else ()
        place = {"channel": channel, **SILENT}
        answer, drawn = self._send("chat.postMessage", message, card, place, groups=groups)
        return {**wire.message(answer, channel), "drawn": seals.lately(drawn, None)}

    def _groups(self, card: Card) -> Sequence[str]:
        if card.risk not in GRAVE or not card.is_open:
            return ()
        known = dict(self._configuration.groups)
        return tuple(dict.fromkeys(known[team] for team in card.asks if team in known))

    def _reply(self, message: Message) -> Mapping[str, Any]:
        """Draw attention beside the card; without a card, in the channel itself."""
        known = message.receipt.get("channel")
        channel = str(known) if known else self._caller.channel(message.address)
        thread = str(message.receipt.get("ts") or "")
        sought = Sought(NOTE, "message", message.id)
        since = message.card.created_at if message.card else message.at - LOOK_BACK
        look = self._look(message, sought, channel=channel, since=since, thread=thread)
        if look.found:
            return dict(message.receipt)
        place = {"channel": channel, **({"thread_ts": thread} if thread else {}), **SILENT}
        self._say("chat.postMessage", message, replies.draw(message), place, sought)
        return {**message.receipt, **look.doubt}

    def _list(self, message: Message) -> Mapping[str, Any]:
        """Post a digest; what an earlier attempt posted is brought up to date instead."""
        queue = f"{settings.PUBLIC_URL}/queue"
        drawn = digest.draw(message.listed, of=message.of, queue=queue)
        sought = Sought(DIGEST, "message", message.id)
        channel = self._caller.channel(message.address)
        since = message.at - LOOK_BACK
        look = self._look(message, sought, channel=channel, since=since)
        if look.found:
            self._say("chat.update", message, drawn, look.found, sought)
            return look.found
        place = {"channel": channel, **SILENT}
        answer = self._say("chat.postMessage", message, drawn, place, sought)
        return {**wire.message(answer, channel), **look.doubt}

    def _look(
        self, message: Message, sought: Sought, *, channel: str, since: datetime, thread: str = ""
    ) -> Look:
        """Whether an earlier attempt posted it."""
        if message.attempt == 1:
            return Look()
        return seeking.find(
            self._caller, message.address, sought, channel=channel, since=since, thread=thread
        )

    def _send(
        self,
        method: str,
        message: Message,
        card: Card,
        place: Mapping[str, Any],
        *,
        groups: Sequence[str] = (),
    ) -> tuple[Mapping[str, Any], str]:
        """Send the card; in plainer blocks when Slack will not have the richer ones, and at last without
        a word of its agent. Returns what Slack answered, and the likeness of what was sent."""
        value = seals.seal(
            request=card.public_id,
            version=card.version,
            shown_sha256=card.shown_sha256,
            address=message.address,
        )
        on_web = self._configuration.critical_on_web
        marked = _marked(card, message)
        for draw in (blocks.draw, plain.draw):
            drawn = draw(card, value=value, critical_on_web=on_web, groups=groups)
            try:
                answer = self._caller.call(message.address, method, _body(drawn, place, marked))
            except RefusedBlocks:
                logger.warning("slack refused the blocks of a card", extra={"ref": card.ref})
            else:
                return answer, likeness.digest(drawn.blocks)
        bare = plain.barely(card, value=value, groups=groups)
        answer = self._caller.call(message.address, method, _body(bare, place, marked))
        return answer, likeness.digest(bare.blocks)

    def _say(
        self,
        method: str,
        message: Message,
        drawn: Drawn,
        place: Mapping[str, Any],
        sought: Sought,
    ) -> Mapping[str, Any]:
        marked = {
            "event_type": sought.event_type,
            "event_payload": {sought.name: sought.value},
        }
        return self._caller.call(message.address, method, _body(drawn, place, marked))


def _kinds(notice: Notice) -> list[MessageKind]:
    kinds = [] if notice.kind in CHANGES_NOTHING_SHOWN else [MessageKind.CARD]
    calls = notice.kind in CALLS_FOR_ATTENTION
    ended_badly = notice.kind is EventKind.EXPIRED and notice.risk in GRAVE
    return [*kinds, MessageKind.NOTE] if calls or ended_badly else kinds


def _marked(card: Card, message: Message) -> dict[str, Any]:
    payload = {"request": card.public_id, "ref": card.ref, "message": message.id}
    return {"event_type": METADATA, "event_payload": payload}


def _body(drawn: Drawn, place: Mapping[str, Any], marked: Mapping[str, Any]) -> dict[str, Any]:
    text = cut(drawn.text, blocks.TEXT_LIMIT + 900)
    return {**place, **LITERAL, "text": text, "blocks": drawn.blocks, "metadata": dict(marked)}
