"""Webhooks keep of the contract what holds for a message between programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from approvals.domain.terms import EventKind
from approvals.ports import Adapter, Message, MessageKind, event_body
from integrations.http import client
from integrations.webhook import WebhookAdapter
from tests.fakes.receiver import Answer, Receiver, garbage, hang_up, silence, status
from tests.integrations.contract import HOSTILE, NOW, CarrierContract, Stand, a_message
from tests.integrations.test_webhook import SECRET

FAULTS: dict[str, Answer] = {
    "limited": status(429, headers={"retry-after": "42"}),
    "refused": status(410),
    "broken": status(503),
    "gone": hang_up(),
    "done_and_gone": hang_up(),
    "silent": silence(),
    "garbage": garbage(),
    "nonsense": status(302, headers={"location": "https://evil.example/"}),
}


class WebhookStand:
    """The adapter beside an agent's receiver, which knows a repeated message by its id."""

    live: Sequence[str] = ()

    def __init__(self, receiver: Receiver, adapter: Adapter) -> None:
        self.receiver, self.adapter, self.address = receiver, adapter, receiver.url

    def standing(self) -> list[str]:
        bodies = {each.headers["webhook-id"]: each.body for each in self.receiver.received}
        return [body.decode() for body in bodies.values()]

    def read_as_markup(self) -> list[str]:
        return []

    def buttons(self) -> int:
        return 0

    def sent(self) -> bytes:
        return b"\n".join(each.body for each in self.receiver.received)

    def will(self, fault: str) -> None:
        self.receiver.will(FAULTS[fault])


@pytest.fixture
def stand() -> Iterator[WebhookStand]:
    with Receiver() as receiver, client(allow_private=True, total=1.0) as http:
        yield WebhookStand(receiver, WebhookAdapter(http))


class TestWebhook(CarrierContract):
    """Half of it: no person reads a webhook, so nothing is drawn, marked or clicked. Its texts are
    values for a program, which must have them exactly as they were written; what they are bound to is
    that they cannot be anything else than values."""

    def message(self, stand: Stand, **changes: Any) -> Message:
        told = event_body(
            EventKind.DENIED, NOW, {"ref": "REQ-2481", "comment": changes.pop("text", "")}
        )
        return a_message(stand, kind=MessageKind.EVENT, event=told, secrets=[SECRET], **changes)

    @pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
    def test_a_text_arrives_as_it_is_and_as_nothing_else(self, stand: Stand, text: str) -> None:
        stand.adapter.deliver(self.message(stand, text=text))
        [standing] = stand.standing()
        assert json.loads(standing)["data"] == {"ref": "REQ-2481", "comment": text}
        assert standing.isascii()
        assert standing.isprintable()
