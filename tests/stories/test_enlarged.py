"""Every page at twice its size: the same words, nothing cut, nothing beside the window."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.stories.conftest import Home
from tests.stories.test_accessible import seen_in_every_light
from tests.stories.test_dashboard import TOLD
from tests.support.accessible import too_wide

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]
WHOLE: ViewportSize = {"width": 1440, "height": 900}
# What is left of that window at 200 %: half as wide and half as high, each point drawn as four.
ENLARGED: ViewportSize = {"width": 720, "height": 450}
NOTHING_FOUND = "/queue?tab=all&policy=nowhere&namespace=nowhere"
PAGES = {
    "queue": "/queue?tab=all",
    "queue, nothing found": NOTHING_FOUND,
    "request": "/r/REQ-{high}",
    "request, hostile": "/r/REQ-{hostile}",
    "history": "/history",
    "agents": "/agents",
    "an agent": "/agents/deploy-bot",
    "policies": "/policies",
    "simulator": "/policies/simulate?request=REQ-{critical}",
    "guardrails": "/guardrails?span=month",
    "insights": "/insights",
    "on call": "/oncall",
    "settings": "/settings",
    "you": "/settings/you",
}
# There the style sheet says "there all days" and "never" instead, and names the days that are otherwise.
SAID_OTHERWISE = {"on call": {"There", "–"}}
# Texts of which a part is hidden by what is around them, or stands beside the window.
CUT = """() => {
  const shown = (one) => one.checkVisibility() && !one.closest(".unseen, .skip, thead, dialog:not([open])");
  const clips = (one) => /hidden|clip/.test(getComputedStyle(one).overflowX);
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const around = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !shown(around) || around.closest("option, svg, script")) continue;
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    for (const box of range.getClientRects()) {
      let frame = around;
      while (frame && getComputedStyle(frame).overflowX === "visible") frame = frame.parentElement;
      const edge = frame && clips(frame) ? frame.getBoundingClientRect().right : innerWidth;
      const scrolls = frame && /auto|scroll/.test(getComputedStyle(frame).overflowX);
      if (!scrolls && box.width && box.right > edge + 1)
        found.push(walker.currentNode.data.trim().slice(0, 60));
    }
  }
  return [...new Set(found)];
}"""


@pytest.fixture(scope="module")
def whole(browser: Browser, home: Home) -> Iterator[Page]:
    # Without motion no colour is measured on its way to another.
    page = home.enter(browser, viewport=WHOLE, reduced_motion="reduce")
    yield page
    page.context.close()


@pytest.fixture(scope="module")
def enlarged(browser: Browser, home: Home) -> Iterator[Page]:
    page = home.enter(browser, viewport=ENLARGED, device_scale_factor=2)
    assert page.evaluate("devicePixelRatio") == 2
    yield page
    page.context.close()


@pytest.mark.parametrize("name", PAGES)
def test_at_two_hundred_percent_nothing_is_lost_cut_or_beside_the_window(
    whole: Page, enlarged: Page, home: Home, name: str
) -> None:
    address = PAGES[name].format(**home.known)
    for page in (whole, enlarged):
        page.goto(address)
        if page.locator("main[data-live]").count():
            expect(page.locator("#live-state")).to_have_text("Live")
    enlarged.locator(".bottom .more summary").click()

    lost = set(whole.evaluate(TOLD)) - set(enlarged.evaluate(TOLD))
    assert lost - SAID_OTHERWISE.get(name, set()) == set()
    assert too_wide(enlarged) == []
    assert enlarged.evaluate(CUT) == []


def test_a_queue_that_is_filtered_empty_says_so_to_everybody(whole: Page) -> None:
    whole.goto(NOTHING_FOUND)

    expect(whole.get_by_role("heading", name="No match", level=2)).to_be_visible()
    expect(
        whole.get_by_text("No policy or rule called “nowhere” asks for anything that waits.")
    ).to_be_visible()
    expect(whole.get_by_text("Nothing that waits names the namespace “nowhere”.")).to_be_visible()
    assert whole.locator("#rows").count() == 0
    assert seen_in_every_light(whole) == {}

    whole.set_viewport_size(WHOLE)
    whole.get_by_role("main").get_by_role("link", name="Clear filters").last.click()
    expect(whole).to_have_url("/queue?tab=all")
    assert whole.locator("#rows tr[data-ref]").count() > 0
