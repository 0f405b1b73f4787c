"""Teams keeps the contract of every adapter, as a bot and through a workflow."""

from __future__ import annotations

import re
from typing import Any

import pytest

from approvals.domain.terms import RiskLevel, Verdict
from approvals.ports import Adapter
from integrations.teams.adapter import TeamsAdapter
from integrations.teams.workflow import WorkflowAdapter
from tests.fakes import adaptive, server
from tests.fakes.teams import ROOM, SIG, FakeTeams
from tests.integrations.contract import AdapterContract, Stand, a_message
from tests.integrations.test_slack_blocks import a_card, opened
from tests.support.teams import let_in

pytestmark = pytest.mark.django_db
FAULTS = {
    "limited": server.says(429, {"error": {"code": "TooManyRequests"}}, retry_after="42"),
    "refused": server.says(403, {"error": {"code": "BotNotInConversationRoster"}}),
    "broken": server.says(502),
    "gone": server.hangs_up,
    "done_and_gone": server.done_and_gone,
    "silent": server.silent,
    "garbage": server.garbage,
    "nonsense": server.nonsense,
}
FILLED_IN = re.compile(r"\{\{.*|\$\{.*", re.DOTALL)
LIVE = ("evil", "<at>", "<script", "<!", "**", "\x1b", "\u202e", "{{DATE(2026-11-22T12", "${")


def obeyed(card: Any) -> list[str]:
    """Where Teams reads Markdown, and what it would fill in where it reads none."""
    filled = [
        found[0] for text in adaptive.runs(card) for found in [FILLED_IN.search(text)] if found
    ]
    return [*adaptive.read_as_markup(card), *filled]


class BotStand:
    """The bot beside the Teams of the tests."""

    address = f"teams:{ROOM}"
    live = LIVE

    def __init__(self, teams: FakeTeams) -> None:
        self.teams = teams
        self.adapter: Adapter = TeamsAdapter()
        let_in(teams)

    def standing(self) -> list[str]:
        return [message.text for message in self.teams.sent]

    def read_as_markup(self) -> list[str]:
        summaries = [str(message.activity["summary"]) for message in self.teams.sent]
        return summaries + [text for message in self.teams.sent for text in obeyed(message.card)]

    def buttons(self) -> int:
        return sum(len(message.buttons) for message in self.teams.sent)

    def sent(self) -> bytes:
        return b"\n".join(call.raw for call in self.teams.calls)

    def will(self, fault: str) -> None:
        self.teams.will(FAULTS[fault])


class WorkflowStand:
    """The same for a workflow, which tells and hears nothing."""

    address = "workflow"
    live = LIVE

    def __init__(self, teams: FakeTeams) -> None:
        self.teams = teams
        self.adapter: Adapter = WorkflowAdapter()

    def standing(self) -> list[str]:
        return [str(activity) for activity in self.teams.told]

    def read_as_markup(self) -> list[str]:
        cards = [activity["attachments"][0]["content"] for activity in self.teams.told]
        return [text for card in cards for text in obeyed(card)]

    def buttons(self) -> int:
        return sum(
            len(adaptive.buttons(activity["attachments"][0]["content"]))
            for activity in self.teams.told
        )

    def sent(self) -> bytes:
        return b"\n".join(call.raw for call in self.teams.calls)

    def will(self, fault: str) -> None:
        self.teams.will(FAULTS[fault])


class TestTeams(AdapterContract):
    """Everything of it but one thing that Teams has no means for."""

    @pytest.fixture
    def stand(self, teams: FakeTeams) -> BotStand:
        return BotStand(teams)

    def test_after_an_unclear_end_there_is_still_one_card(self, stand: Stand) -> None:
        """Teams cannot be asked whether a message arrived, so there may be two. The receipt names
        one of them, and clicks on the other are refused: test_teams_door.py."""
        assert self.failing(stand, "done_and_gone").unknown
        stand.adapter.deliver(a_message(stand, attempt=2))
        assert len(stand.standing()) == 2


class TestWorkflow(AdapterContract):
    """A workflow takes messages; it edits none, brings no click and keeps no copy apart."""

    shows_reasons = False
    edits = False
    has_buttons = False
    faults = ("limited", "refused", "broken", "gone", "silent", "garbage")

    @pytest.fixture
    def stand(self, teams: FakeTeams, settings: Any) -> WorkflowStand:
        settings.TEAMS_WORKFLOW_URL = teams.workflow_url
        settings.ADAPTERS = ["integrations.teams.workflow.WorkflowAdapter"]
        return WorkflowStand(teams)

    @pytest.mark.parametrize("fault", ["refused", "broken", "garbage"])
    def test_its_address_is_a_secret_that_no_error_tells(self, stand: Stand, fault: str) -> None:
        error = self.failing(stand, fault)
        assert SIG not in error.words
        assert SIG not in repr(error.__cause__)

    def test_it_says_that_it_will_not_change(self, stand: Stand) -> None:
        stand.adapter.deliver(a_message(stand, a_card(opened(RiskLevel.CRITICAL))))
        assert "This message does not change." in stand.standing()[0]
        assert Verdict.APPROVE.value not in stand.standing()[0]
