"""ServiceNow keeps the contract of every adapter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integrations.servicenow.adapter import BY_SETTING, ServiceNowAdapter
from tests.fakes import server
from tests.fakes.server import Fault
from tests.fakes.servicenow import FakeServiceNow, error
from tests.integrations.contract import AdapterContract

pytestmark = pytest.mark.django_db

FAULTS: dict[str, Fault] = {
    "limited": server.says(429, error(429, "Rate limit exceeded").body, Retry_After="42"),
    "refused": server.says(400, error(400, "Exception while reading request").body),
    "broken": server.says(503, error(503, "Transaction cancelled").body),
    "gone": server.hangs_up,
    "done_and_gone": server.done_and_gone,
    "silent": server.silent,
    "garbage": server.garbage,
    "nonsense": server.nonsense,
}


class ServiceNowStand:
    """The adapter beside the ServiceNow of the tests."""

    address = BY_SETTING
    live = ("[code]", "[/code]", "<script", "<b>", "@[", "\x1b", "\u202e")

    def __init__(self, servicenow: FakeServiceNow) -> None:
        self.servicenow = servicenow
        self.adapter = ServiceNowAdapter()

    def standing(self) -> list[str]:
        return [
            "\n".join([each["short_description"], each["description"], *each["work_notes"]])
            for each in self.servicenow.changes
        ]

    def read_as_markup(self) -> list[str]:
        return self.standing()

    def buttons(self) -> int:
        return 0

    def sent(self) -> bytes:
        return b"\n".join(call.raw for call in self.servicenow.calls)

    def will(self, fault: str) -> None:
        self.servicenow.will(FAULTS[fault])


@pytest.fixture
def stand(settings: Any) -> Iterator[ServiceNowStand]:
    with FakeServiceNow() as servicenow:
        for name, value in servicenow.settings.items():
            setattr(settings, name, value)
        yield ServiceNowStand(servicenow)
        assert servicenow.wrong == []


class TestServiceNow(AdapterContract):
    """Everything of it; the buttons are ServiceNow's own, and close with its change request."""

    has_buttons = False
