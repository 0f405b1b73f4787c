"""Every page for everybody: by the rules of WCAG 2.2 A and AA, light, dark, on a phone, without noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page

from tests.stories.conftest import Home
from tests.support.accessible import COLOURS, NARROW, PHONE, WIDE, broken, too_wide

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]
PAGES = {
    "queue": "/queue",
    "queue of all": "/queue?tab=all",
    "queue, nothing found": "/queue?tab=all&policy=nothing-is-called-this",
    "several to deny": "/queue/several?do=deny&ref=REQ-{medium}&ref=REQ-{high}",
    "several to mute": "/queue/several?do=mute&ref=REQ-{medium}&ref=REQ-{high}",
    "several to hand on": "/queue/several?do=assign&ref=REQ-{medium}&ref=REQ-{high}",
    "request, critical": "/r/REQ-{critical}",
    "request, open": "/r/REQ-{medium}",
    "request, asked about": "/r/REQ-{asked}",
    "request, decided": "/r/REQ-{decided}",
    "request, denied": "/r/REQ-{denied}",
    "request, hostile": "/r/REQ-{hostile}",
    "request, all of it": "/r/REQ-{critical}?full=1",
    "request on paper": "/r/REQ-{decided}/evidence",
    "dialog to approve": "/r/REQ-{high}?open=approve",
    "dialog to deny": "/r/REQ-{high}?open=deny",
    "dialog to ask": "/r/REQ-{high}?open=investigate",
    "history": "/history",
    "history, searched": "/history?q=outcome:denied+basis:person",
    "history, misunderstood": "/history?q=outcom:denied",
    "changes": "/history/changes",
    "a change": "/history/changes/1",
    "exports": "/history/exports",
    "an export": "/history/exports/{export}",
    "integrity": "/history/integrity",
    "agents": "/agents",
    "an agent": "/agents/deploy-bot",
    "an agent with weak evidence": "/agents/infra-scaler?class=restarts",
    "an agent whose breaker is open": "/agents/crawler-2",
    "a new agent": "/agents/new",
    "stop": "/agents/stop",
    "several to stop": "/agents/stop-several?agent=deploy-bot&agent=infra-scaler",
    "policies": "/policies",
    "versions": "/policies/versions",
    "a version": "/policies/versions/1",
    "draft": "/policies/draft",
    "simulator": "/policies/simulate",
    "simulator with an answer": "/policies/simulate?request=REQ-{critical}",
    "simulator beside a draft": "/policies/simulate?request=REQ-{high}&draft={draft}&replay=yes",
    "guardrails": "/guardrails?span=month",
    "breakers": "/guardrails/breakers",
    "breakers not closed": "/guardrails/breakers?state=open",
    "alerts of a kind": "/guardrails/alerts?kind=scope_violation_attempts",
    "the scope of no alert": "/guardrails/alerts/999999/scope",
    "insights": "/insights",
    "on call": "/oncall",
    "settings": "/settings",
    "a channel": "/settings/channels/slack",
    "messages": "/settings/messages",
    "showing": "/settings/showing",
    "webhooks": "/settings/webhooks",
    "you": "/settings/you",
    "one-time codes": "/settings/you/codes",
    "prove it again": "/sign-in/again",
    "a link too old": "/link/slack",
    "a page that is not": "/r/REQ-999999",
}
UNFOLDED = ("queue of all", "request, critical", "history", "an agent", "simulator", "guardrails",
            "settings", "you")  # fmt: skip
UNFOLD = """() => {
  const folded = [...document.querySelectorAll("[hidden], details:not([open])")];
  for (const one of folded) {
    one.hidden = false;
    if (one.matches("details")) one.open = true;
    if (one.matches("a, button") && !one.textContent) one.textContent = "Words it has when it is shown";
  }
  return folded.length;
}"""
SHAPE = """() => ({
  headings: document.querySelectorAll("h1").length,
  mains: document.querySelectorAll("main").length,
  moving: document.getAnimations().length,
  eased: [...document.querySelectorAll("*")].filter((one) => {
    const style = getComputedStyle(one);
    return style.transitionDuration.split(",").some((time) => parseFloat(time) > 0)
      || style.animationName !== "none";
  }).map((one) => one.outerHTML.slice(0, 80)),
})"""


@dataclass(slots=True)
class Walk:
    """One browser at one lived-in service, and what went by while it looked around."""

    page: Page
    home: Home
    said: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)

    def open(self, address: str) -> None:
        """Open a page in daylight on a desk, and listen anew."""
        self.page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
        self.page.emulate_media(color_scheme="light")
        self.said.clear()
        self.outside.clear()
        self.page.goto(address.format(**self.home.known))
        self.page.wait_for_load_state("load")

    def listen(self) -> None:
        self.page.on("console", lambda said: self._hear(said.type, said.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self._asked(request.url))

    def _hear(self, kind: str, text: str) -> None:
        # A page that refuses answers 404 or 422, which the console repeats.
        if kind in {"error", "warning"} and "the server responded with a status of 4" not in text:
            self.said.append(text)

    def _asked(self, url: str) -> None:
        if not url.startswith((self.home.url, "data:")):
            self.outside.append(url)


@pytest.fixture(scope="module")
def walk(browser: Browser, home: Home) -> Iterator[Walk]:
    page = home.enter(browser, reduced_motion="reduce")
    walk = Walk(page, home)
    walk.listen()
    yield walk
    page.context.close()


def seen_in_every_light(page: Page) -> dict[str, list[str]]:
    """What is wrong in daylight, at night and on the narrowest phone; empty when nothing is."""
    wrong = {"light": broken(page)}
    page.emulate_media(color_scheme="dark")
    # By night only colours differ; `make axe` asks all of it.
    wrong["dark"] = broken(page, COLOURS)
    page.emulate_media(color_scheme="light")
    for width, height in (PHONE, NARROW):
        page.set_viewport_size({"width": width, "height": height})
        wrong[f"{width} px wide"] = too_wide(page)
    wrong["on a phone"] = broken(page)
    return {where: what for where, what in wrong.items() if what}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_keeps_the_rules_for_everybody(walk: Walk, name: str) -> None:
    walk.open(PAGES[name])
    shape = walk.page.evaluate(SHAPE)
    assert shape == {"headings": 1, "mains": 1, "moving": 0, "eased": []}
    assert seen_in_every_light(walk.page) == {}
    assert (walk.said, walk.outside) == ([], [])
    walk.titles[name] = walk.page.title()


@pytest.mark.parametrize("name", UNFOLDED)
def test_what_a_page_hides_at_first_keeps_the_rules_too(walk: Walk, name: str) -> None:
    walk.open(PAGES[name])
    assert walk.page.evaluate(UNFOLD) > 0
    assert seen_in_every_light(walk.page) == {}


def test_the_way_in_keeps_the_rules_for_everybody(walk: Walk, browser: Browser) -> None:
    context = browser.new_context(base_url=walk.home.url, reduced_motion="reduce")
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto("/sign-in")
    shape = page.evaluate(SHAPE)
    wrong = seen_in_every_light(page)
    context.close()
    assert shape == {"headings": 1, "mains": 1, "moving": 0, "eased": []}
    assert (wrong, said) == ({}, [])


def test_no_two_pages_have_the_same_title(walk: Walk) -> None:
    apart = ("queue", "request, open", "history", "changes", "exports", "integrity", "agents",
             "an agent", "a new agent", "stop", "policies", "versions", "a version", "draft",
             "simulator", "guardrails", "insights", "on call", "settings", "messages", "showing",
             "webhooks", "you")  # fmt: skip
    for name in apart:
        if name not in walk.titles:
            walk.open(PAGES[name])
            walk.titles[name] = walk.page.title()
    titles = [walk.titles[name] for name in apart]
    assert sorted(set(titles)) == sorted(titles)
