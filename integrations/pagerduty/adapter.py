"""Page people about what is risky, keep the incident told, and resolve it when nothing waits."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pagerduty import EventsApiV2Client, RestApiV2Client

from approvals.domain.cards import Card
from approvals.domain.terms import EventKind, RiskLevel
from approvals.ports import DeliveryError, Message, MessageKind, Notice
from integrations.pagerduty import configuration, incidents, page, schedules, seals, wire
from integrations.pagerduty.configuration import DEFAULT

logger = logging.getLogger(__name__)

NAMED = "pagerduty:"
# PagerDuty reminds and escalates by its own rules, so notes and reminders are not carried.
TOLD = frozenset(
    {
        EventKind.SUBMITTED,
        EventKind.STAGE_PASSED,
        EventKind.SEAT_FILLED,
        EventKind.ESCALATED,
        EventKind.INVESTIGATING,
        EventKind.RESUMED,
        EventKind.CARD_SHARED,
        EventKind.APPROVED,
        EventKind.DENIED,
        EventKind.EXPIRED,
        EventKind.CANCELLED,
        EventKind.REVOKED,
        EventKind.GRANT_EXPIRED,
        EventKind.OUTCOME_REPORTED,
    }
)
# An incident appears some seconds after its event, or never where PagerDuty was told to drop it.
LOOKED_FOR = 5


class PagerDutyAdapter:
    """One incident for each request and routing key."""

    name = "pagerduty"

    def __init__(self) -> None:
        self._configuration = configuration.current()
        self._events: dict[str, EventsApiV2Client] = {}
        self._rest: RestApiV2Client | None = None
        if self._configuration.reads:
            self._rest = wire.rest(self._configuration, seconds=wire.DELIVERY_SECONDS)

    def addresses(self, notice: Notice) -> Sequence[tuple[MessageKind, str]]:
        """The routing keys a plan names; the default one for high risk. Names only, never keys."""
        if not notice.opened or notice.kind not in TOLD:
            return ()
        named = [
            channel.removeprefix(NAMED) if channel.startswith(NAMED) else DEFAULT
            for channel in notice.channels
            if channel == self.name or channel.startswith(NAMED)
        ]
        risky = [DEFAULT] if notice.risk.rank >= RiskLevel.HIGH.rank else []
        return [(MessageKind.CARD, address) for address in dict.fromkeys(named or risky)]

    def deliver(self, message: Message) -> Mapping[str, Any]:
        """Trigger, note or resolve. Raises DeliveryError.

        The receipt is `{key, version, since, complete, told}`: what the page showed, from when on,
        whether all of it, and the last note.
        """
        if message.card is None or message.kind is not MessageKind.CARD:
            raise DeliveryError("PagerDuty carries cards only.", permanent=True)
        client, card = self._for(message.address), message.card
        known = str(message.receipt.get("key") or "")
        key = known or seals.dedup_key(card.public_id, address=message.address)
        if not card.is_open:
            # Always, also when nothing is known to have been paged: a lost answer may have paged.
            self._say(client, "resolve", {"dedup_key": key})
        elif not known:
            self._say(client, "trigger", page.event(card, dedup_key=key))
            return self._receipt(message, card, key, told="")
        return self._tell(message, card, key)

    def look(self, *, at: datetime, since: datetime | None) -> None:
        """Ask who is on call where a team wants to know. Raises DeliveryError."""
        del since
        schedules.look(self._rest, self._configuration, at=at)

    def _for(self, address: str) -> EventsApiV2Client:
        if address not in self._configuration.routing_keys:
            raise DeliveryError(
                f"There is no routing key named {address[:60]!r}. Nobody was paged. "
                "Add it to PAGERDUTY_ROUTING_KEYS, or mend the policy's channels.",
                permanent=True,
            )
        if address not in self._events:
            key = self._configuration.routing_keys[address]
            self._events[address] = wire.events(self._configuration, key)
        return self._events[address]

    def _say(self, client: EventsApiV2Client, action: str, event: Mapping[str, Any]) -> None:
        said = wire.attempt(lambda: client.send_event(action, **event))
        if said != event["dedup_key"]:
            raise DeliveryError("PagerDuty answered about another incident.", unknown=True)

    def _tell(self, message: Message, card: Card, key: str) -> Mapping[str, Any]:
        """Write down on the incident what changed, once."""
        words, before = page.note(card), str(message.receipt.get("told") or "")
        if self._rest is None or words == before:
            return self._receipt(message, card, key, told=before)
        incident = incidents.opened_for(self._rest, key)
        if incident is None:
            return self._unseen(message, card, key)
        if message.attempt == 1 or not incidents.has_note(self._rest, incident, words):
            incidents.add_note(self._rest, incident, words)
        return self._receipt(message, card, key, told=words)

    def _unseen(self, message: Message, card: Card, key: str) -> Mapping[str, Any]:
        if message.receipt and message.attempt < LOOKED_FOR:
            raise DeliveryError("PagerDuty does not show the incident yet; its note waits.")
        if message.receipt:
            logger.warning("pagerduty opened no incident to note", extra={"ref": card.ref})
        return self._receipt(message, card, key, told="")

    def _receipt(self, message: Message, card: Card, key: str, *, told: str) -> dict[str, Any]:
        """What the incident shows now. Without notes it goes on showing what was paged first."""
        before = message.receipt
        if before and not told:
            return {**before, "key": key}
        is_same = before.get("version") == card.version
        return {
            "key": key,
            "version": card.version,
            "since": before.get("since") if is_same else message.at.isoformat(),
            "complete": bool(before.get("complete", page.is_complete(card))),
            "told": told,
        }
