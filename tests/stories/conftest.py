"""One lived-in service for every story that mostly looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.stories.entering import Entrance
from tests.stories.lived_in import PASSWORD, lived_in, numbers
from tests.stories.world import World
from tests.support.service import places, running

DAYS = 14  # of a past: enough for a second page, and soon written


@dataclass(frozen=True, slots=True)
class Home:
    """A service with a past, and the newest request of each kind in it by number."""

    entrance: Entrance
    known: dict[str, str]

    @property
    def url(self) -> str:
        return self.entrance.url

    def enter(self, browser: Browser, name: str = "ada", **options: Any) -> Page:
        """The page of a browser of their own, signed in."""
        return self.entrance.enter(browser, name, **options)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with (
        places() as env,
        lived_in(tmp_path_factory.mktemp("home"), env=env, days=DAYS) as service,
    ):
        yield Home(Entrance(service.url, PASSWORD), numbers(service))


@pytest.fixture(scope="session")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One plain service for every story that needs no settings of its own."""
    with running(tmp_path_factory.mktemp("world")) as service:
        yield World(service)
