"""Rows come to an open queue by themselves, as its reader sees them, and never from the past."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import APIResponse, Browser, Page, Route, expect

from tests.stories.world import World
from tests.support import cast
from tests.support.browser import PATIENCE_MS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EVERY_TEXT_FROM_NOW = """() => {
  const rows = document.getElementById("rows");
  window.texts = [rows.innerText];
  new MutationObserver(() => window.texts.push(rows.innerText))
    .observe(rows, { subtree: true, childList: true, characterData: true });
}"""


@pytest.fixture
def page(browser: Browser, shared_world: World) -> Iterator[Page]:
    """An approver's queue with one request in it, live, and past what a page asks when it opens."""
    shared_world.settle_everything()
    shared_world.submit(**cast.HIGH)
    context = browser.new_context(base_url=shared_world.url, locale="en-GB", timezone_id="UTC")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto("/queue?tab=all")
    page.get_by_label("E-mail").fill("grace@example.com")
    page.get_by_label("Password", exact=True).fill(cast.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("#live-state")).to_have_text("Live")
    page.wait_for_timeout(2_500)
    yield page
    context.close()


def test_a_row_changes_without_being_asked_for(page: Page, shared_world: World) -> None:
    """The page asks nothing, and still shows what changed as the person in front of it sees it."""
    row = page.locator("#rows tr[data-ref]")
    expect(row.get_by_text("needs you")).to_be_visible()
    page.route("**/queue/rows*", lambda route: route.abort())

    shared_world.decide("ada", row.get_attribute("data-ref") or "", "approve")

    expect(row.locator(".people")).to_contain_text("1 of 2")
    expect(row.get_by_text("needs you")).to_be_visible()


def test_an_answer_that_was_on_its_way_does_not_bring_the_past_back(
    page: Page, shared_world: World
) -> None:
    row = page.locator("#rows tr[data-ref]")
    late: list[tuple[Route, APIResponse]] = []
    page.route("**/queue/rows*", lambda route: late.append((route, route.fetch())), times=1)
    # A mark the service does not know makes its answer hold the row; going on makes the page ask.
    row.evaluate("(row) => { row.dataset.mark = '0'; }")
    page.locator("#live-pause").click()
    page.locator("#live-pause").click()
    for _ in range(PATIENCE_MS // 100):
        page.wait_for_timeout(100)
        if late:
            break
    [(route, answer)] = late
    ref = row.get_attribute("data-ref") or ""
    assert f'id="row-{ref}"' in answer.text()
    shared_world.decide("ada", ref, "approve")
    expect(row.locator(".people")).to_contain_text("1 of 2")

    page.evaluate(EVERY_TEXT_FROM_NOW)

    route.fulfill(response=answer)

    page.wait_for_timeout(2_000)
    assert not [text for text in page.evaluate("window.texts") if "0 of 2" in text]
