"""What stands around every page: how much waits, one's own keys, and that something is on its way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.stories.conftest import signed_in_at
from tests.stories.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ICON = 'link[rel="icon"]'


@pytest.fixture(scope="module")
def around(browser: Browser, shared_world: World) -> Iterator[Page]:
    """Lin's browser; once, since whoever signs in often is slowed down."""
    page = signed_in_at(browser, shared_world.url, "lin")
    yield page
    page.context.close()


@pytest.fixture
def page(around: Page, shared_world: World) -> Page:
    shared_world.settle_everything()
    return around


def has_dot(page: Page) -> bool:
    return "favicon-waiting" in (page.locator(ICON).get_attribute("href") or "")


def test_every_page_says_in_its_title_how_much_waits_for_you(
    page: Page, shared_world: World
) -> None:
    first = shared_world.submit(action="restart_service", target="one")
    shared_world.submit(action="restart_service", target="two")

    for address, title in (
        ("/history", "History"),
        ("/policies", "Policies"),
        ("/agents", "Agents"),
        ("/settings/you", "You · Settings"),
        (f"/r/{first}", None),
    ):
        page.goto(address)
        plain = page.title().removeprefix("(2) ")
        expect(page).to_have_title(f"(2) {plain}")
        assert title is None or plain == f"{title} · Countersign"
        assert has_dot(page), address

    page.goto(f"/r/{first}")
    expect(page.locator("#live-state")).to_have_text("Live")
    plain = page.title().removeprefix("(2) ")
    page.evaluate("window.neverReloaded = true")
    shared_world.settle_everything()

    expect(page).to_have_title(plain)
    assert not has_dot(page)
    assert page.evaluate("window.neverReloaded")
