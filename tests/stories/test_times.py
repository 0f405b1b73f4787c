"""Times in a real browser: history leads with UTC, and a request's main times tell every zone to a key."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.stories.entering import in_zone
from tests.stories.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ACROSS_MIDNIGHT = (
    "Pacific/Kiritimati"  # fourteen hours ahead: from 10:00 UTC on it is tomorrow there
)


@pytest.fixture(scope="module")
def ahead(browser: Browser, shared_world: World) -> Iterator[Page]:
    """An approver's browser on the other side of the date line."""
    page = shared_world.enter(browser, "lin", timezone_id=ACROSS_MIDNIGHT)
    expect(page.locator("h1")).to_have_text("Queue")
    yield page
    page.context.close()


def test_history_leads_with_utc_and_says_my_zone_beside(ahead: Page, shared_world: World) -> None:
    ref = shared_world.submit()
    ahead.goto("/history")
    when = ahead.locator(f'tr[data-ref="{ref}"] td.when')
    utc = when.locator("time").inner_text()
    lines = when.locator("time").inner_html()
    in_zone(ahead, "Times in my zone")

    expect(when.locator(".here")).to_have_text(re.compile(r"^\d+ \w{3} \d{4}, [\d:]+ GMT\+14$"))
    assert when.locator("time").inner_text() == utc
    assert when.locator("time").inner_html() == lines
    title = when.locator("time").get_attribute("title") or ""
    assert " UTC, here " in title
    assert len(re.findall(r"\d{4}", title)) == 2

    in_zone(ahead, "Times in UTC")
    expect(when.locator(".here")).to_have_text("")


def test_the_main_times_of_a_request_tell_every_zone_on_focus(
    ahead: Page, shared_world: World
) -> None:
    ahead.goto(f"/r/{shared_world.submit()}")
    in_zone(ahead, "Times in UTC")
    deadline = ahead.locator(".strip time")
    words = f"{deadline.inner_text()}, here "

    told = ahead.locator(f"#{deadline.get_attribute('aria-describedby')}")
    expect(told).to_be_hidden()
    expect(told).to_contain_text(words)
    expect(told).to_contain_text("GMT+14")
    deadline.focus()
    expect(told).to_be_visible()
    assert told.get_attribute("role") == "tooltip"
    ahead.keyboard.press("Escape")
    expect(told).to_be_hidden()

    assert ahead.locator("main time").count() > ahead.locator("main time[tabindex]").count() == 2
