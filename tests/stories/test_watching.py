"""Guardrails and agents left open stay true, stand still on demand, and say so when they cannot."""

from __future__ import annotations

import json
import re
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, expect

from tests.stories.conftest import Home

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]
NOTE_STATES = """() => {
  window.states = [];
  const state = document.getElementById("live-state");
  new MutationObserver(() => window.states.push(state.textContent)).observe(state, { childList: true });
}"""
LOOKS = 'article[aria-label^="Alert"]:has-text("People denied 3 requests")'


def test_guardrails_count_anew_every_quarter_minute_and_stand_still_when_paused(
    browser: Browser, home: Home
) -> None:
    page = home.enter(browser)
    page.clock.install()
    page.goto("/guardrails")
    expect(page.locator("#live-state")).to_have_text("Live")
    alert = page.locator(LOOKS)
    alert.locator("summary", has_text="Close…").click()
    alert.get_by_label("What did you find?").fill("The customer asked")
    page.locator("h1").click()
    page.keyboard.press("p")
    expect(page.locator("#live-state")).to_have_text("Paused")

    other = home.enter(browser)
    other.goto("/guardrails")
    other.locator(LOOKS).get_by_role("button", name=re.compile("^Take alert")).click()
    expect(other.locator(LOOKS)).to_contain_text("✔ Taken by ada@example.com")
    page.clock.run_for(40_000)
    expect(alert).not_to_contain_text("Taken by")

    page.keyboard.press("p")
    page.clock.run_for(20_000)
    expect(alert).to_contain_text("✔ Taken by ada@example.com")
    expect(alert.get_by_label("What did you find?")).to_have_value("The customer asked")
    assert page.locator(".chart canvas").count() == 1
    page.context.close()
    other.context.close()


def test_guardrails_that_cannot_be_counted_say_since_when(browser: Browser, home: Home) -> None:
    page = home.enter(browser)
    page.clock.install()
    with page.expect_websocket() as line:
        page.goto("/guardrails")
    expect(page.locator("#live-state")).to_have_text("Live")
    page.route("**/guardrails?*", lambda route: route.abort())
    page.clock.run_for(20_000)
    expect(page.get_by_role("alert")).to_contain_text(
        re.compile(r"Live updates stopped \d\d:\d\d:\d\d UTC. What you see may be old.")
    )
    said = page.get_by_role("alert").inner_text()
    page.evaluate(NOTE_STATES)
    for _ in range(2):  # whoever hears the second one has answered to the first
        line.value.wait_for_event("framereceived")
    page.clock.run_for(20_000)
    assert page.evaluate("window.states") == []
    assert page.get_by_role("alert").inner_text() == said

    page.clock.pause_at(
        page.evaluate("Date.now()") + 2_000
    )  # it must not ask before somebody presses
    page.unroute("**/guardrails?*")
    page.get_by_role("button", name="Retry").click()
    page.clock.run_for(5_000)
    expect(page.locator("#live-state")).to_have_text("Live")
    page.context.close()


def test_a_new_agent_is_waited_for_until_its_first_call(browser: Browser, home: Home) -> None:
    page = home.enter(browser)
    page.goto("/agents/new")
    page.get_by_label("Name", exact=True).fill("greenhouse")
    page.get_by_role("button", name="Register and show its key").click()
    key = page.locator("#raw-key").inner_text().strip()
    page.get_by_role("link", name="I have kept it").click()
    recent = page.get_by_role("region", name="Recent requests")
    expect(recent).to_contain_text("Waiting for its first signed call…")
    body = {"action": "view_logs", "target": "greenhouse", "parameters": {}}
    call = Request(
        f"{home.url}/api/v1/requests",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urlopen(call) as answer:
        assert answer.status == 201
    expect(recent).to_contain_text("view_logs greenhouse")
    expect(recent).not_to_contain_text("Waiting for its first")
    page.context.close()
