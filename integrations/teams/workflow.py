"""Tell a Teams channel, through a Power Automate workflow, that a request waits.

A workflow's address takes messages and gives nothing back: no click comes from there, and no
message is edited. So each request is told once, with the way to it and nothing to click but that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from approvals.domain.cards import Card
from approvals.domain.terms import EventKind
from approvals.ports import DeliveryError, Message, MessageKind, Notice
from integrations.http import client
from integrations.teams import cards, configuration, wire
from integrations.teams.adapter import CALLS_FOR_ATTENTION, note, wrapped

# The real address holds its own secret, so it stands in no table and no log line.
ADDRESS = "workflow"
SECONDS = 8.0


class WorkflowAdapter:
    """Notifies, and no more."""

    name = "teams_workflow"

    def __init__(self) -> None:
        settings = configuration.current()
        self._url = settings.workflow_url
        self._http = client(allow_private=settings.allow_private, total=SECONDS)

    def addresses(self, notice: Notice) -> Sequence[tuple[MessageKind, str]]:
        """The one workflow, when people are first asked and when they are called for again."""
        if not notice.opened:
            return ()
        if notice.kind is EventKind.SUBMITTED:
            return [(MessageKind.CARD, ADDRESS)]
        return [(MessageKind.NOTE, ADDRESS)] if notice.kind in CALLS_FOR_ATTENTION else []

    def deliver(self, message: Message) -> Mapping[str, Any]:
        """Tell once; the receipt says so. Raises DeliveryError."""
        if message.kind is MessageKind.NOTE:
            self._post(note(message))
        elif message.card is not None and not message.receipt:
            self._tell(message.card)
        return {"told": True}

    def _tell(self, card: Card) -> None:
        if card.is_open:
            self._post(wrapped(cards.notify(card), cards.summary(card)))

    def _post(self, activity: Mapping[str, Any]) -> None:
        answer = wire.sent(lambda: self._http.post(self._url, json=activity))
        if answer.is_success:
            return
        error = wire.failure(answer)
        if isinstance(error, wire.TokenRefused):
            words = "The workflow refuses its address. Copy it anew into TEAMS_WORKFLOW_URL."
            raise DeliveryError(words, permanent=True)
        raise error
