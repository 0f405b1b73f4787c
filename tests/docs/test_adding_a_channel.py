"""The channel that docs/adding-a-channel.md builds keeps the contract of every adapter."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from approvals.services import clock, deliveries, policies
from tests.fakes.server import done_and_gone, garbage, hangs_up, nonsense, says, silent
from tests.integrations.contract import AdapterContract
from tests.support import cast
from tests.support.service import ROOT

PAGE = (ROOT / "docs/adding-a-channel.md").read_text()
BLOCKS = dict(re.findall(r"```python\n# (\S+)\.py\n(.*?)```", PAGE, re.DOTALL))


def built(path: str, **names: object) -> ModuleType:
    """The module a block of the page stands for."""
    module = ModuleType(path.replace("/", "."))
    vars(module).update(names)
    exec(compile(BLOCKS[path], f"docs/adding-a-channel.md, {path}", "exec"), vars(module))
    return module


ADAPTER = sys.modules["integrations.pinboard"] = built("integrations/pinboard")
VENDOR = built("tests/fakes/pinboard")
TESTS = built(
    "tests/integrations/test_pinboard",
    AdapterContract=AdapterContract, Pinboard=VENDOR.Pinboard, says=says, silent=silent,
    PinboardAdapter=ADAPTER.PinboardAdapter, done_and_gone=done_and_gone, garbage=garbage,
    hangs_up=hangs_up, nonsense=nonsense,
)  # fmt: skip
TestPinboard = TESTS.TestPinboard


@pytest.fixture
def stand(settings: Any) -> Iterator[Any]:
    with VENDOR.Pinboard() as board:
        settings.PINBOARD_URL = board.url
        yield TESTS.Stand(board)


def test_the_walk_is_short() -> None:
    assert len(PAGE.splitlines()) < 120
    assert len(BLOCKS) == 3


@pytest.mark.django_db
def test_one_line_of_settings_switches_it_on(stand: Any, settings: Any) -> None:
    settings.ADAPTERS = ["integrations.pinboard.PinboardAdapter"]
    cast.person("lin")
    robo = cast.agent()[0]
    channels = "medium:\n    channels: [pinboard:ops]\n"
    files = {name: text.replace("medium:\n", channels) for name, text in cast.frame().items()}
    policies.apply(files=files, author="tests", actor=cast.OPERATOR, at=clock.now())
    row = cast.request(robo, at=clock.now())
    deliveries.send_due()
    assert [row.ref in text for text in stand.standing()] == [True]
