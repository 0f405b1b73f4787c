"""Statements a manager counts on, each word of them, where another story shows a part only."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from integrations.email import letters
from integrations.email.readers import Reader
from tests.integrations.test_slack_blocks import RULE_ONE, a_card
from tests.stories.entering import in_zone
from tests.stories.world import World
from tests.support import cast
from tests.support.browser import PATIENCE_MS

pytestmark = [pytest.mark.browser, pytest.mark.slow]
HOSTILE = f"{RULE_ONE} ![p](http://t/p.png)"
RELATIVE = re.compile(r"\b\d+ (s|min|h|days?)\b|\d:\d\d left|Under")
IN_UTC = re.compile(r"\d\d:\d\d(:\d\d)? UTC$")
NAMED = ("Enter", "Space", "Escape", "Backspace", "Delete", "ArrowDown", "F2", "Control+Enter")
SIGNS = tuple("!?.,;:'/+-=*#@&()[]<>")
# As long as a target may be, with an end one must have read.
LONG = (
    "arn:aws:rds:eu-central-1:"
    + "/".join(f"orders-replica-{n:03}" for n in range(24))
    + "/last-prod"
)
# Every piece of text with these words: where it stands, as somebody sees it.
PLACES = """(words) => {
  const LABELS = /^The agent says · not checked|the agent's word, not checked$/;
  const what = [...document.querySelectorAll("h2")].find((one) => one.innerText === "What will run");
  const labelled = (one) => {
    const box = one.closest("li.agent, section");
    const label = box?.querySelector(":scope > header h2, :scope > .by");
    return LABELS.test(label?.innerText);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const around = walker.currentNode.parentElement;
    if (!walker.currentNode.data.includes(words)) continue;
    const isBelow = Boolean(what.compareDocumentPosition(around) & Node.DOCUMENT_POSITION_FOLLOWING);
    found.push([labelled(around), isBelow]);
  }
  return found;
}"""
# Whether every letter is drawn inside its cell and the window, and nothing cuts it.
IS_WHOLE = """(one) => {
  const text = document.createRange();
  text.selectNodeContents(one);
  const cell = one.closest("td").getBoundingClientRect();
  return [...text.getClientRects()].every((box) =>
    box.left >= cell.left - 1 && box.right <= Math.min(cell.right, innerWidth) + 1 &&
    box.top >= cell.top - 1 && box.bottom <= cell.bottom + 1) &&
    ["visible", "clip"].includes(getComputedStyle(one).overflow) &&
    getComputedStyle(one).textOverflow === "clip" &&
    getComputedStyle(one).webkitLineClamp === "none";
}"""
AGES = """() => [...document.querySelectorAll("main time")]
  .filter((one) => one.checkVisibility())
  .map((one) => [
    one.dateTime, one.innerText,
    one.closest(".strip .left")?.querySelector(".time-left")?.innerText
      ?? one.parentElement.querySelector("[data-undo-until]")?.innerText
      ?? [one.nextElementSibling, one.nextElementSibling?.nextElementSibling]
        .find((each) => each?.matches(".ago"))?.innerText ?? "",
  ])"""


@pytest.fixture
def world(shared_world: World) -> World:
    """The service with nothing waiting."""
    shared_world.settle_everything()
    return shared_world


@pytest.fixture(scope="module")
def lin(browser: Browser, shared_world: World) -> Iterator[Page]:
    """One browser of Lin's for all of this."""
    page = shared_world.enter(browser, "lin")
    yield page
    page.context.close()


@pytest.mark.parametrize("width", [1440, 390])
def test_each_row_says_verb_amount_and_target_in_full_however_long(
    world: World, lin: Page, width: int
) -> None:
    sums = {"amount": 124000, "currency": "EUR"}
    refs = {
        world.submit(target=target, parameters=sums): target
        for target in ("orders", LONG, "x" * 500)
    }
    lin.set_viewport_size({"width": width, "height": 900})
    lin.goto("/queue?tab=all")
    for fold in lin.get_by_role("button", name=re.compile("similar from robo")).all():
        fold.click()

    for ref, target in refs.items():
        row = lin.locator(f"#row-{ref}")
        words = row.locator(".what a bdi")
        assert words.inner_text() == f"Scale deployment · {target}"
        assert row.locator(".how-much").inner_text() == "amount 124000, currency EUR"
        for part in (words, row.locator(".how-much bdi")):
            part.scroll_into_view_if_needed()
            assert part.evaluate(IS_WHOLE), (width, target)


def test_every_time_on_a_request_is_relative_and_absolute(world: World, lin: Page) -> None:
    ref = world.submit()
    world.decide("lin", ref, "investigate", "Why not wait?")
    world.call(world.robo, "POST", f"/requests/{ref}/messages", {"text": "The queue grows."})
    lin.set_viewport_size({"width": 1440, "height": 900})
    lin.goto(f"/r/{ref}")
    expect(lin.locator("#live-state")).to_have_text("Live")

    told = lin.evaluate(AGES)

    assert len(told) >= 5
    for iso, absolute, relative in told:
        assert iso.endswith("+00:00"), iso
        assert IN_UTC.search(absolute), absolute
        assert RELATIVE.search(relative), (absolute, relative)
    world.decide("lin", ref, "deny", "Not now, please.")
    expect(lin.get_by_role("region", name="Decide", exact=True)).to_contain_text("Denied by Lin")
    assert [row for row in lin.evaluate(AGES) if not RELATIVE.search(row[2])] == []


def test_hostile_words_are_drawn_letter_for_letter_on_every_page(world: World, lin: Page) -> None:
    ref = world.submit(
        target=HOSTILE, parameters={"note": HOSTILE, HOSTILE: 1}, reasoning=HOSTILE,
        rollback={"available": True, "how": HOSTILE}, context={"triggered_by": HOSTILE},
    )  # fmt: skip
    world.decide("lin", ref, "investigate", "Why?")
    world.call(world.robo, "POST", f"/requests/{ref}/messages", {"text": HOSTILE})
    asked: list[str] = []
    lin.on("request", lambda request: asked.append(request.url))
    lin.set_viewport_size({"width": 1440, "height": 900})

    shown = {
        "/queue?tab=all": (f"#row-{ref} .what a",),
        "/history": (f'tr[data-ref="{ref}"]',),
        f"/r/{ref}": ("h1", ".parameters", ".thread", ".claims"),
        f"/r/{ref}/evidence": ("main",),
    }
    for address, places in shown.items():
        lin.goto(address)
        for place in places:
            assert HOSTILE in lin.locator(place).first.inner_text(), (address, place)
        links = lin.locator("a, area").evaluate_all("all => all.map((one) => one.href)")
        assert {urlsplit(link).netloc for link in links} <= {urlsplit(world.url).netloc, ""}
        inside = lin.locator("main bdi :is(b, i, em, strong, a, img, script, at)")
        assert inside.count() == 0, address
    assert {url for url in asked if not url.startswith(world.url)} == set()


def test_what_an_agent_writes_stands_in_labelled_boxes_below_what_will_run(
    world: World, lin: Page
) -> None:
    claims: dict[str, Any] = {
        "reasoning": "Marked-reason", "risk_reason": "Marked-risk",
        "alternatives": ["Marked-alternative"], "impact": {"summary": "Marked-impact"},
        "context": {"triggered_by": "Marked-trigger"},
        "rollback": {
            "available": True, "how": "Marked-rollback", "state_before": {"mode": "Marked-before"},
        },
        "resource": {"type": "Marked-type", "namespace": "Marked-where"},
        "recipients": ["Marked-recipient@example.com"], "session": "Marked-session",
        "parameters": {"mode": "fast"},
    }  # fmt: skip
    ref = world.submit(**claims)
    world.decide("lin", ref, "investigate", "Why not wait?")
    world.call(world.robo, "POST", f"/requests/{ref}/messages", {"text": "Marked-answer"})
    lin.set_viewport_size({"width": 1440, "height": 900})
    lin.goto(f"/r/{ref}?full=1")

    for words in (
        "reason", "risk", "alternative", "impact", "trigger", "rollback", "answer", "before",
        "type", "where", "recipient", "session",
    ):  # fmt: skip
        places = lin.evaluate(PLACES, f"Marked-{words}")
        assert places, words
        assert places == [[True, True]] * len(places), words
    for address in ("/queue?tab=all", "/history"):
        lin.goto(address)
        assert "Marked-" not in lin.locator("body").inner_text()
    lin.get_by_role("link", name="Why did the agent decide so?").click()
    told = lin.locator(f'tr[data-ref="{ref}"]').get_by_text("Marked-")
    expect(told).to_have_text("The agent says (not checked): Marked-reason")
    assert lin.locator("body").inner_text().count("Marked-") == 1


def test_the_links_of_a_mail_lead_through_sign_in_to_the_request_and_change_nothing(
    browser: Browser, world: World
) -> None:
    ref = world.submit()
    known = world.call(world.people["lin"], "GET", f"/requests/{ref}")
    letter = letters.card(replace(a_card(), url=f"{world.url}/r/{ref}"), Reader(""))
    links = re.findall(r"https?://[^\s\"<]+", letters.text(letter) + letters.html(letter))
    assert set(links) == {f"{world.url}/r/{ref}"}
    context = browser.new_context(base_url=world.url, locale="en-GB", timezone_id="UTC")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()

    for link in links:
        page.goto(link)
        expect(page.get_by_role("heading", name="Sign in", level=1)).to_be_visible()
        assert "production-api" not in page.content()
        page.wait_for_load_state("networkidle")
    assert world.call(world.people["lin"], "GET", f"/requests/{ref}") == known

    page.get_by_label("E-mail").fill("lin@example.com")
    page.get_by_label("Password", exact=True).fill(cast.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(f"{world.url}/r/{ref}")
    expect(page.locator("h1")).to_contain_text("production-api")
    assert world.status(ref) == "pending"
    assert world.call(world.people["lin"], "GET", f"/requests/{ref}")["version"] == known["version"]
    context.close()


def test_at_zero_no_page_says_expired_before_the_service_does(world: World, lin: Page) -> None:
    ref = world.submit()
    lin.set_viewport_size({"width": 1440, "height": 900})
    lin.goto(f"/r/{ref}")
    expect(lin.locator("#live-state")).to_have_text("Live")
    lin.evaluate("document.querySelector('.time-left').dataset.countdown = '2020-01-01T00:00:00Z'")

    expect(lin.locator(".time-left")).to_have_text("Time is up, waiting for the service")
    assert "expired" not in lin.locator("#main").inner_text().lower()
    assert world.status(ref) == "pending"


def test_no_key_of_the_keyboard_decides(world: World, lin: Page) -> None:
    ref = world.submit()
    address = f"{world.url}/r/{ref}"
    lin.set_viewport_size({"width": 1440, "height": 900})

    for key in (*string.ascii_lowercase, *string.digits, *NAMED, *SIGNS):
        if lin.url != address or lin.get_by_role("dialog").count():
            lin.goto(address)
        lin.keyboard.press(key)
    lin.goto(address)
    in_zone(lin, "Times in UTC")  # which a key changed

    said = world.call(world.people["lin"], "GET", f"/requests/{ref}")
    assert (said["status"], said["decisions"]) == ("pending", [])
