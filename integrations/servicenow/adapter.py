"""Keep one change request for each critical request, and read back what is decided on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog

from approvals.domain.cards import Card
from approvals.domain.terms import EventKind, RiskLevel, Status
from approvals.ports import DeliveryError, Message, MessageKind, Notice
from integrations.servicenow import changes, configuration, mirror, readback, texts
from integrations.servicenow.changes import ChangeRequest
from integrations.servicenow.configuration import KINDS
from integrations.servicenow.wire import Refused, Wire

logger = structlog.get_logger(__name__)

CHANNEL = "servicenow"
BY_SETTING = "change"
CHANNELS = {CHANNEL: BY_SETTING} | {f"{CHANNEL}:{kind}": kind for kind in KINDS}
CHANGES_NOTHING_SHOWN = frozenset(
    {
        EventKind.REMINDED,
        EventKind.DECISION_REFUSED,
        EventKind.CONSUME_REFUSED,
        EventKind.DELIVERY_DEAD,
    }
)


class ServiceNowAdapter:
    """Opens a change request, tells it every change of the request, and looks what people said there."""

    name = CHANNEL

    def __init__(self) -> None:
        self._configuration = configuration.current()
        self._wire = Wire(self._configuration)

    def addresses(self, notice: Notice) -> Sequence[tuple[MessageKind, str]]:
        """One change request for what is critical, and for what names the channel; of one kind."""
        if not notice.opened or notice.kind in CHANGES_NOTHING_SHOWN:
            return ()
        named = [CHANNELS[channel] for channel in notice.channels if channel in CHANNELS]
        if not named and notice.risk is RiskLevel.CRITICAL:
            named = [BY_SETTING]
        return [(MessageKind.CARD, address) for address in named[:1]]

    def deliver(self, message: Message) -> Mapping[str, Any]:
        """Open, or add a work note; the receipt is `{sys_id, number}`. Raises DeliveryError."""
        if message.kind is MessageKind.NOTE:
            return self._remark(message)
        if message.card is None:
            raise DeliveryError("ServiceNow carries cards and notes only.", permanent=True)
        change = self._existing(message, message.card)
        if change is None:
            return self._open(message, message.card)
        self._update(change, message.card)
        return change.receipt

    def look(self, *, at: datetime, since: datetime | None) -> None:
        """Count what was decided there. Raises DeliveryError unless all of it could be read."""
        readback.look(self._wire, self._configuration, at=at, since=since)

    def _existing(self, message: Message, card: Card) -> ChangeRequest | None:
        """The change request of this card as it stands there; None where there is none to find."""
        sys_id = str(message.receipt.get("sys_id") or "")
        if sys_id:
            found = changes.read(self._wire, [sys_id]).get(sys_id)
            if found is None:
                raise DeliveryError("The change request cannot be read any more.")
            if found.correlation_id != card.public_id:
                raise DeliveryError("The change request was made over for something else.")
            return found
        return changes.find(self._wire, card) if message.attempt > 1 else None

    def _open(self, message: Message, card: Card) -> Mapping[str, Any]:
        if not card.is_open and card.status is not Status.APPROVED:
            return {}  # it ended before anybody there heard of it; there is nothing to change
        change = changes.create(
            self._wire, card, kind=self._kind(message.address), settings=self._configuration
        )
        self._move_on(change, card)
        return change.receipt

    def _update(self, change: ChangeRequest, card: Card) -> None:
        """Tell what is new, once: the record itself shows what it was last told."""
        self._move_on(change, card)
        told = changes.mark(card)
        if change.correlation_display != told:
            body = {"work_notes": texts.note(card), "correlation_display": told}
            changes.write(self._wire, change.sys_id, body)

    def _move_on(self, change: ChangeRequest, card: Card) -> None:
        try:
            if card.is_open:
                changes.ask_for_approval(self._wire, change)
            mirror.settle(self._wire, change, card, settings=self._configuration)
        except Refused as refusal:
            logger.warning("servicenow state kept", change=change.number, error=refusal.words)

    def _remark(self, message: Message) -> Mapping[str, Any]:
        """A note beside the card; without one there is no record to write it on."""
        sys_id = str(message.receipt.get("sys_id") or "")
        if sys_id:
            changes.write(self._wire, sys_id, {"work_notes": texts.inert(message.words)})
        return dict(message.receipt)

    def _kind(self, address: str) -> str:
        return self._configuration.change_type if address == BY_SETTING else address
