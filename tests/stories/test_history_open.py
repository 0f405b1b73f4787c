"""History left open tells of newer requests, and says since when it could not ask."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.stories.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]
ASKED = "**/history/newer?*"


def test_history_tells_of_newer_requests_and_says_when_it_cannot_ask(
    browser: Browser, shared_world: World
) -> None:
    shared_world.submit()
    page = shared_world.enter(browser, "lin")
    page.clock.install()
    page.goto("/history?live=1")
    ref = shared_world.submit()
    page.clock.run_for(16_000)
    expect(page.get_by_role("link", name="1 newer request: show")).to_be_visible()
    expect(page.locator(f'tr[data-ref="{ref}"]')).to_have_count(0)
    lost = page.locator("#live-lost")
    expect(lost).to_be_hidden()

    page.route(ASKED, lambda route: route.abort())
    page.clock.run_for(16_000)
    expect(lost).to_contain_text(
        re.compile(r"Live updates stopped \d\d:\d\d:\d\d UTC\. What you see may be old\.")
    )
    page.unroute(ASKED)
    page.clock.run_for(16_000)
    expect(lost).to_be_hidden()

    page.context.clear_cookies()
    page.clock.run_for(16_000)
    expect(lost).to_contain_text("You are signed out. What you see may be old.")
    expect(lost.get_by_role("button")).to_have_text("Sign in again")
    page.context.close()
