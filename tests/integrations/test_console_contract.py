"""The log keeps the contract of every adapter, as far as something goes that is only ever read."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import pytest

from approvals.ports import Adapter
from integrations.console import ADDRESS, ConsoleAdapter
from tests.domain.test_display import HONEST
from tests.integrations.contract import AdapterContract, Stand

PROSE = {name: text for name, text in HONEST.items() if name != "joined emoji"}


class ConsoleStand:
    """The adapter beside a log. What stands there is the newest card: nothing printed can be taken back."""

    address = ADDRESS
    live: Sequence[str] = ("\x1b", "\x07", "\u202e", "\n# APPROVED", "\n---")

    def __init__(self, log: pytest.LogCaptureFixture) -> None:
        self.log = log
        self.adapter: Adapter = ConsoleAdapter()

    def standing(self) -> list[str]:
        return self.log.messages[-1:]

    def read_as_markup(self) -> list[str]:
        return self.log.messages

    def buttons(self) -> int:
        return 0

    def sent(self) -> bytes:
        return "\n".join(self.log.messages).encode()

    def will(self, fault: str) -> None:
        raise AssertionError(f"a log is never {fault}")


@pytest.fixture
def stand(caplog: pytest.LogCaptureFixture) -> Iterator[ConsoleStand]:
    with caplog.at_level(logging.INFO, logger="integrations.console"):
        yield ConsoleStand(caplog)


class TestConsole(AdapterContract):
    """All that it shows. There is no vendor, so nothing fails; nothing is clicked; a line stays as it is.

    Nothing unseen is left to a terminal, so emoji show what joins and colours them; no other honest
    text bears a mark.
    """

    edits = False
    has_buttons = False
    faults = ()

    @pytest.mark.parametrize("text", PROSE.values(), ids=PROSE)
    def test_an_honest_text_is_marked_by_nothing(self, stand: Stand, text: str) -> None:
        super().test_an_honest_text_is_marked_by_nothing(stand, text)
