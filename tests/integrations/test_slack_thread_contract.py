"""Questions in a thread keep the contract: what is asked is a text too, and so may be the same tricks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from approvals import queries
from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest, Receipt
from approvals.ports import Message
from approvals.services import clock
from integrations.slack.questions import QuestionsAdapter
from tests.fakes.slack_rooms import RoomySlack
from tests.integrations.contract import CarrierContract, Stand, TextContract, a_message
from tests.integrations.test_slack_contract import FAULTS, marked_up
from tests.support import cast

pytestmark = pytest.mark.django_db
ROOT = {"channel": "C1", "ts": "1700000000.000100"}


class ThreadStand:
    """The adapter beside a Slack in which the request's message stands already."""

    address = "C1"
    live: Sequence[str] = (
        "<!channel",
        "<!here",
        "<!everyone",
        "<@U0001",
        "<https://evil",
        "\x1b",
        "\u202e",
    )

    def __init__(self, slack: RoomySlack) -> None:
        self.slack = slack
        self.adapter = QuestionsAdapter()

    def standing(self) -> list[str]:
        said = [each for each in self.slack.posted if "thread_ts" in each.content]
        return [json.dumps([each.text, each.blocks], ensure_ascii=False) for each in said]

    def read_as_markup(self) -> list[str]:
        posted = self.slack.posted
        return [each.text for each in posted] + [
            text for each in posted for text in marked_up(each.blocks)
        ]

    def buttons(self) -> int:
        return 0

    def sent(self) -> bytes:
        return json.dumps([call.body for call in self.slack.calls]).encode()

    def will(self, fault: str) -> None:
        self.slack.will("chat.postMessage", FAULTS[fault])


@pytest.fixture
def stand(settings: Any) -> Iterator[ThreadStand]:
    with RoomySlack() as slack:
        for name, value in slack.settings.items():
            setattr(settings, name, value)
        settings.ADAPTERS = ["integrations.slack.questions.QuestionsAdapter"]
        yield ThreadStand(slack)


def asked(words: str) -> ApprovalRequest:
    """A request somebody asked about in these words, with its message in Slack."""
    row = cast.request()
    facts = {"position": row.position, "shown_sha256": row.action_sha256, "updated_at": clock.now()}
    Receipt.objects.create(request=row, adapter="slack", address="C1", handle=ROOT, **facts)
    cast.decide(row, cast.person("lin"), Verdict.INVESTIGATE, words)
    return row


class TestThread(CarrierContract, TextContract):
    """All but the cards, which stand above the thread and are another adapter's: a thread has no
    parameters, no buttons of a decision, and nothing of it is edited. It names no flags in words, for
    it is a person's or an agent's remark and not what would run; the chips stand there all the same."""

    shows_flags = False
    left_out = "\0"

    def message(self, stand: Stand, **changes: Any) -> Message:
        row = ApprovalRequest.objects.first() or asked("Which node pool?")
        return a_message(stand, queries.card(queries.request(row.ref)), **changes)

    def tell(self, stand: Stand, text: str, *, target: str = "") -> None:
        asked(text)
        stand.adapter.deliver(self.message(stand))
