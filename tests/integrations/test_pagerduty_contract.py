"""PagerDuty keeps the contract of every adapter."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from approvals.ports import Adapter
from integrations.pagerduty.adapter import PagerDutyAdapter
from tests.fakes import server
from tests.fakes.pagerduty import FakePagerDuty
from tests.integrations.contract import AdapterContract

FAULTS = {
    "limited": server.says(429, {"error": {"code": 2020}}, ratelimit_reset="42"),
    "refused": server.says(400, {"status": "invalid event", "errors": ["routing_key"]}),
    "broken": server.says(503),
    "gone": server.hangs_up,
    "done_and_gone": server.done_and_gone,
    "silent": server.silent,
    "garbage": server.garbage,
    "nonsense": server.nonsense,
}


class PagerDutyStand:
    """The adapter beside the PagerDuty of the tests."""

    address = "default"
    live: Sequence[str] = ("://evil", "\n", "\x1b", "\u202e")

    def __init__(self, pagerduty: FakePagerDuty) -> None:
        self.pagerduty = pagerduty
        self.adapter: Adapter = PagerDutyAdapter()

    def standing(self) -> list[str]:
        return [
            json.dumps([one.title, one.events, one.notes], ensure_ascii=False)
            for one in self.pagerduty.incidents
        ]

    def read_as_markup(self) -> list[str]:
        return [
            text
            for incident in self.pagerduty.incidents
            for part in (
                incident.title,
                incident.notes,
                [e.get("payload") for e in incident.events],
            )
            for text in texts(part)
        ]

    def buttons(self) -> int:
        """An incident action stands on whatever is open."""
        return len(self.pagerduty.open())

    def sent(self) -> bytes:
        return b"\n".join(call.raw for call in self.pagerduty.calls)

    def will(self, fault: str) -> None:
        self.pagerduty.will(FAULTS[fault])


def texts(value: Any) -> Iterator[str]:
    """Every text, names too: PagerDuty makes links of addresses in all of them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


@pytest.fixture
def stand(pagerduty: FakePagerDuty) -> PagerDutyStand:
    return PagerDutyStand(pagerduty)


class TestPagerDuty(AdapterContract):
    """All of it. What an incident says cannot be edited: it is noted, and resolved at the end."""

    edits = False
