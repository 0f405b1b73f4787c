"""One lived-in service for every story that mostly looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.stories.lived_in import lived_in, numbers, sign_in
from tests.stories.world import World
from tests.support import cast
from tests.support.browser import PATIENCE_MS
from tests.support.service import places, running

DAYS = 14  # of a past: enough for a second page, and soon written


@dataclass(frozen=True, slots=True)
class Home:
    """A service with a past, and the newest request of each kind in it by number."""

    url: str
    known: dict[str, str]
    remembered: dict[str, Any] = field(default_factory=dict)

    def enter(self, browser: Browser, name: str = "ada", **options: Any) -> Page:
        """The page of a browser of their own, signed in; once each, since whoever signs in often is
        slowed down."""
        context = browser.new_context(
            base_url=self.url,
            locale="en-GB",
            timezone_id="UTC",
            storage_state=self.remembered.get(name),
            **options,
        )
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto("/queue")
        if "/sign-in" in page.url:
            sign_in(page, name)
            self.remembered[name] = context.storage_state()
        return page


def signed_in_at(browser: Browser, url: str, name: str) -> Page:
    """A browser of somebody's own at a service of the whole cast."""
    context = browser.new_context(base_url=url, locale="en-GB", timezone_id="UTC")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(f"{name}@example.com")
    page.get_by_label("Password", exact=True).fill(cast.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/queue*")
    return page


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with (
        places() as env,
        lived_in(tmp_path_factory.mktemp("home"), env=env, days=DAYS) as service,
    ):
        yield Home(service.url, numbers(service))


@pytest.fixture(scope="session")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One plain service for every story that needs no settings of its own."""
    with running(tmp_path_factory.mktemp("world")) as service:
        yield World(service)
