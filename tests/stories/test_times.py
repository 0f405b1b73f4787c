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


def test_a_paused_clock_says_how_long_the_pause_can_last(ahead: Page, shared_world: World) -> None:
    ref = shared_world.submit()
    shared_world.decide("lin", ref, "investigate", "Which replica is it?")
    ahead.goto(f"/r/{ref}")
    in_zone(ahead, "Times in UTC")

    said = ahead.locator(".strip .left")
    expect(said).to_contain_text("Clock paused")
    expect(said).to_contain_text(
        re.compile(r"until .*\d\d:\d\d UTC · in \d+ (min|h|day).* at the latest")
    )


def test_a_day_of_the_week_moves_with_its_time(ahead: Page) -> None:
    ahead.goto("/oncall")
    late = '<p><time datetime="2026-11-23T20:00:00Z">Monday 23 Nov, 20:00 UTC</time></p>'
    ahead.evaluate(
        "late => document.querySelector('main').insertAdjacentHTML('beforeend', late)", late
    )
    said = ahead.locator('time[datetime="2026-11-23T20:00:00Z"]')

    in_zone(ahead, "Times in my zone")
    expect(said).to_have_text("Tuesday 24 Nov, 10:00 GMT+14")
    in_zone(ahead, "Times in UTC")
    expect(said).to_have_text("Monday 23 Nov, 20:00 UTC")
