"""Keys of the lists, and what stands above the queue while it is open, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.stories.entering import arrives
from tests.stories.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ALARM = (
    '<ul class="alarms"><li><span>A breaker is open.</span> <a href="/guardrails">See</a></li></ul>'
)


@pytest.fixture
def page(browser: Browser, shared_world: World) -> Iterator[Page]:
    """Lin's queue with two requests in it."""
    shared_world.settle_everything()
    for target in ("one", "two"):
        shared_world.submit(action="restart_service", target=target)
    page = shared_world.enter(browser, "lin", "/queue?tab=all")
    expect(page.locator("#live-state")).to_have_text("Live")
    yield page
    page.context.close()


def test_keys_walk_every_list_and_go_back_to_it(page: Page) -> None:
    for key in ("a", "d", "q"):
        page.keyboard.press(key)  # without a row there is nothing to open
    expect(page).to_have_url(re.compile(r"/queue\?tab=all$"))
    page.keyboard.press("j")
    page.keyboard.press("a")
    arrives(page, re.compile(r"/r/REQ-\d+$"))
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("a")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/r/REQ-\d+$"))

    page.goto("/history?q=agent%3Arobo")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("table.history tbody tr").nth(1).locator(".what a")).to_be_focused()
    for key in ("u", "Escape"):
        page.keyboard.press("j")
        page.keyboard.press("o")
        arrives(page, re.compile(r"/r/REQ-\d+$"))
        page.keyboard.press(key)
        arrives(page, re.compile(r"/history\?q=agent%3Arobo$"))

    page.goto("/agents")
    page.keyboard.press("j")
    expect(page.locator("table.agents-list tbody th a").first).to_be_focused()


def test_escape_leaves_nothing_behind_that_was_typed(page: Page) -> None:
    page.keyboard.press("j")
    page.keyboard.press("o")
    arrives(page, re.compile(r"/r/REQ-\d+$"))
    page.keyboard.press("d")
    page.get_by_role("dialog").get_by_role("textbox").first.fill("Not yet")
    for _ in range(3):
        page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/r/REQ-\d+$"))


def test_what_is_wrong_comes_without_moving_the_list_under_the_pointer(page: Page) -> None:
    def with_alarm(route: Route) -> None:
        answer = route.fetch()
        part = '<div data-part="alarms">'
        route.fulfill(response=answer, body=answer.text().replace(part, part + ALARM))

    row = page.locator("#rows tr[data-ref]").first
    row.hover()
    before = row.bounding_box()
    page.route("**/queue/rows*", with_alarm)
    page.get_by_role("button", name="Pause").dispatch_event("click")
    page.get_by_role("button", name="Go on").dispatch_event("click")  # makes the page ask

    expect(page.locator("#live-says")).to_have_text("A breaker is open.")
    assert row.bounding_box() == before
    page.mouse.move(2, 2)
    expect(page.locator("#alarms")).to_contain_text("A breaker is open.")
    page.unroute("**/queue/rows*")
    page.get_by_role("button", name="Pause").dispatch_event("click")
    page.get_by_role("button", name="Go on").dispatch_event("click")
    expect(page.locator("#alarms")).to_have_text("")


def test_the_name_of_a_row_keeps_saying_how_long_is_left(page: Page) -> None:
    link = page.locator("#rows .what a").first
    expect(link).to_have_attribute("aria-label", re.compile(r"waiting, 4 minutes left, decide by"))
    clock = page.locator("#rows [data-countdown]").first
    soon = "new Date(Date.now() + 150_500).toISOString()"

    clock.evaluate(f"node => {{ node.dataset.countdown = {soon}; }}")

    expect(link).to_have_attribute(
        "aria-label",
        re.compile(r"^Medium risk, .+, waiting, 2 minutes left, decide by \d\d:\d\d UTC"),
    )
