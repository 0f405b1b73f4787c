"""What a page says while the service records a decision, and while it fetches what changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.stories.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# As if the service had not answered yet: what would be sent is counted, and stays here.
HELD_BACK = """() => {
  window.sends = 0;
  window.isHeldBack = true;
  addEventListener("submit", (event) => {
    if (!event.defaultPrevented) window.sends += 1;
    if (window.isHeldBack) event.preventDefault();
  });
}"""


@pytest.fixture(scope="module")
def page(browser: Browser, shared_world: World) -> Iterator[Page]:
    """An approver at a request."""
    page = shared_world.enter(browser, "lin", f"/r/{shared_world.submit()}")
    expect(page.locator("#live-state")).to_have_text("Live")
    yield page
    page.context.close()


def test_a_button_says_that_it_records_and_sends_once(page: Page, shared_world: World) -> None:
    page.evaluate(HELD_BACK)
    page.get_by_role("button", name="Deny…").click()
    page.get_by_role("dialog").get_by_role("radio").first.check()
    page.get_by_label("Reason").fill("Not on a Sunday, please.")
    button = page.get_by_role("dialog").locator("[type=submit]")
    words = button.inner_text()
    button.click()

    expect(button).to_have_text("Recording…")
    expect(button).to_have_attribute("aria-busy", "true")
    button.dispatch_event("click")
    assert page.evaluate("sends") == 1

    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(button).to_have_text(words)
    assert button.get_attribute("aria-busy") is None
    page.evaluate("isHeldBack = false")
    button.click()
    expect(page.locator("#state-line")).to_contain_text("Denied by Lin")


def test_a_slow_answer_is_waited_for_quietly(page: Page, shared_world: World) -> None:
    page.goto(f"/r/{shared_world.submit()}")
    expect(page.locator("#live-state")).to_have_text("Live")
    held: list[Route] = []
    page.route("**/live?*", lambda route: held.append(route))
    note = page.locator("#live-note")
    page.locator("#live-pause").click()
    page.locator("#live-pause").click()

    expect(note).to_have_attribute("data-waits", "")
    for route in held:
        route.continue_()
    expect(note).not_to_have_attribute("data-waits", "")
