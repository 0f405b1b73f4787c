"""What stands around every page: how much waits, one's own keys, and that something is on its way."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.stories.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180)]
ICON = 'link[rel="icon"]'


@pytest.fixture(scope="module")
def around(browser: Browser, shared_world: World) -> Iterator[Page]:
    """Lin's browser; once, since whoever signs in often is slowed down."""
    page = shared_world.enter(browser, "lin")
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


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_ones_own_keys_do_what_the_usual_ones_did_and_a_key_switched_off_does_nothing(
    page: Page, shared_world: World
) -> None:
    ref = shared_world.submit(action="restart_service", target="one")
    page.goto("/settings/you#keys-of-yours")
    deny = page.get_by_label("Open the form to deny; in the queue, the request")
    deny.fill("x")
    page.get_by_role("button", name="Save keys").click()
    expect(page.get_by_text("“x” would do two things")).to_be_visible()
    expect(deny).to_have_value("x")

    deny.fill("w")
    page.get_by_label("Open the form to approve; in the queue, the request").fill("")
    page.get_by_label("Show all keys").fill("h")
    page.get_by_role("button", name="Save keys").click()
    expect(page.get_by_text("Saved. The keys hold from the next page on.")).to_be_visible()

    page.goto(f"/r/{ref}")
    press(page, "d", "a")
    expect(page.get_by_role("dialog")).to_be_hidden()
    press(page, "w")
    expect(page.get_by_role("dialog", name="Deny")).to_be_visible()
    press(page, "Escape", "h")
    listed = page.locator("#keys-list")
    expect(listed).to_be_visible()
    expect(
        listed.locator("dl > div", has_text="open the form to deny").locator("kbd")
    ).to_have_text("w")
    expect(listed.locator("dl > div", has_text="open the form to approve")).to_contain_text("off")
    press(page, "Escape")
    assert shared_world.status(ref) == "pending"

    page.goto("/settings/you#keys-of-yours")
    page.get_by_role("button", name="Use the usual keys").click()
    page.goto(f"/r/{ref}")
    press(page, "w")
    expect(page.get_by_role("dialog")).to_be_hidden()
    press(page, "a")
    expect(page.get_by_role("dialog", name="Approve")).to_be_visible()
    press(page, "Escape")
    assert shared_world.status(ref) == "pending"


# What the page showed and said while it was left, kept over the way to the next one.
WATCH = """() => {
  const seen = [];
  let left = 0;
  const note = (what) => {
    seen.push([what, performance.now() - left]);
    sessionStorage.setItem("seen", JSON.stringify(seen));
  };
  sessionStorage.setItem("seen", "[]");
  for (const kind of ["click", "submit"]) addEventListener(kind, () => { left = performance.now(); }, true);
  const watch = (one, tell) => new MutationObserver(() => note(tell(one)))
    .observe(one, { attributes: true, childList: true });
  watch(document.getElementById("loading"), (one) => one.hidden ? "gone" : "marked");
  watch(document.getElementById("live-says"), (one) => one.textContent);
}"""
SEEN = 'JSON.parse(sessionStorage.getItem("seen"))'
MARK = """() => {
  loading.hidden = false;
  return getComputedStyle(loading).animationName;
}"""


def late(page: Page, address: str, seconds: float) -> None:
    """From now on that answer takes its time."""

    def wait(route: Route) -> None:
        time.sleep(seconds)
        route.continue_()

    page.route(address, wait)


def test_a_page_that_takes_its_time_is_marked_after_a_moment_and_said_once(page: Page) -> None:
    policies = page.get_by_role("navigation", name="Pages").first.get_by_role(
        "link", name="Policies"
    )
    page.goto("/history")
    expect(page.locator("#loading")).to_be_hidden()
    page.evaluate(WATCH)
    late(page, "**/policies", 1.5)
    policies.click()
    expect(page).to_have_url(re.compile(r"/policies$"))
    page.unroute("**/policies")

    seen = page.evaluate(SEEN)
    assert sorted(what for what, _ in seen if what != "gone") == ["Loading the page.", "marked"]
    assert all(after >= 295 for what, after in seen if what != "gone"), seen
    expect(page.locator("#loading")).to_be_hidden()


def test_the_mark_is_still_for_whoever_wants_it_and_gone_on_coming_back(page: Page) -> None:
    page.goto("/history")
    assert page.evaluate(MARK) == "loading"
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(page.locator("#loading")).to_be_hidden()

    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(MARK) == "none"
    page.emulate_media(reduced_motion="no-preference")
    page.evaluate("document.documentElement.dataset.motion = 'less'")
    assert page.evaluate(MARK) == "none"


def test_a_form_on_its_way_is_marked_and_a_file_is_not(page: Page) -> None:
    page.goto("/settings/you")
    page.evaluate(WATCH)
    late(page, "**/settings/you/preferences", 1.5)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved. Every page follows from now on.")).to_be_visible()
    page.unroute("**/settings/you/preferences")
    assert "marked" in [what for what, _ in page.evaluate(SEEN)]

    page.goto("/queue?tab=all")
    page.evaluate(WATCH)
    with page.expect_download():
        page.get_by_role("link", name="Export this view as CSV").click()
    page.wait_for_timeout(600)
    assert "marked" not in [what for what, _ in page.evaluate(SEEN)]
