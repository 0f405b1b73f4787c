"""A minute of other people's work takes nothing from whoever is in the middle of something.

`STEADY_SECONDS` says how long the others go on; a minute is what people can count on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.stories.world import World
from tests.support import cast
from tests.support.browser import PATIENCE_MS
from tests.support.service import running

SECONDS = float(os.environ.get("STEADY_SECONDS", "6"))
pytestmark = [pytest.mark.browser, pytest.mark.slow]
NOTES = 12  # few enough for what one person may write to one request within an hour
WRITERS = ("grace", "lin", "chen")
RESTART: dict[str, Any] = {
    "action": "restart_service",
    "target": "checkout",
    "parameters": {"service": "checkout"},
}
HOW_IT_STANDS = """() => ({
  selected: [...document.querySelectorAll('#rows [name="ref"]:checked')].map((box) => box.value),
  words: document.querySelector("#bulk-count")?.textContent ?? "",
  marked: document.getSelection().toString(),
  focus: document.activeElement.id || document.activeElement.closest("tr")?.id || "",
  dialog: document.querySelector("dialog[open]")?.id ?? "",
  typed: [...document.querySelectorAll("dialog[open] textarea")].map((field) =>
    [field.value, field.selectionStart, field.selectionEnd]),
  chosen: [...document.querySelectorAll("dialog[open] input:checked")].map((box) => box.value),
  scrolled: [scrollX, scrollY],
  rows: [...document.querySelectorAll("#rows tr[data-ref]")].map((row) =>
    [row.dataset.ref, row.getBoundingClientRect().top]),
})"""


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("steady")) as service:
        yield World(service)


def entered(browser: Browser, world: World, name: str) -> Page:
    context = browser.new_context(base_url=world.url, locale="en-GB", timezone_id="UTC")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto("/queue")
    page.get_by_label("E-mail").fill(f"{name}@example.com")
    page.get_by_label("Password", exact=True).fill(cast.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Queue", level=1)).to_be_visible()
    return page


def others_work(world: World, page: Page, *, touched: list[str]) -> None:
    """Agents ask, people decide, and write notes to these until the time is up."""
    began, number, notes = time.monotonic(), 0, 0
    while (spent := time.monotonic() - began) < SECONDS:
        ref = world.submit(**RESTART | {"target": f"shop-{number}"})
        if number % 2:
            world.decide("lin", ref, "deny", "Not during the freeze.")
        if spent > notes * SECONDS / NOTES:
            path = f"/requests/{touched[notes % len(touched)]}/messages"
            who = world.people[WRITERS[notes % len(WRITERS)]]
            world.call(who, "POST", path, {"text": f"Note {notes}."})
            notes += 1
        page.wait_for_timeout(150)
        number += 1


def test_others_may_work_for_a_minute_without_moving_anything(
    browser: Browser, world: World
) -> None:
    first = [world.submit(**RESTART | {"target": f"till-{n}"}) for n in range(4)]
    high = world.submit(**cast.HIGH)
    queue, request = entered(browser, world, "sam"), entered(browser, world, "ada")
    queue.goto("/queue?tab=all&sort=risk")
    request.goto(f"/r/{high}")
    for page in (queue, request):
        expect(page.locator("#live-state")).to_have_text("Live")

    unfold = queue.get_by_role("button", name="3 similar from robo")
    unfold.click()
    for ref in first[1:3]:
        queue.get_by_label(f"Select {ref}").check()
    queue.locator(f"#row-{first[2]} a").focus()
    request.keyboard.press("d")
    dialog = request.get_by_role("dialog")
    dialog.get_by_label("Not allowed by our rules").check()
    dialog.get_by_label("Reason").fill("The freeze ends on Monday, so")
    request.keyboard.press("ArrowLeft")
    mark = queue.locator(f"#row-{first[1]}").get_attribute("data-mark") or "none"
    before = [page.evaluate(HOW_IT_STANDS) for page in (queue, request)]
    assert before[0]["selected"] == first[1:3]
    assert before[1]["chosen"] == ["not_allowed"]

    others_work(world, queue, touched=[high, first[1]])

    expect(queue.locator("#show-new")).to_be_visible()
    expect(queue.locator(f"#row-{first[1]}")).not_to_have_attribute("data-mark", mark)
    expect(dialog.get_by_role("status")).to_contain_text("This request changed while you were here")
    assert [page.evaluate(HOW_IT_STANDS) for page in (queue, request)] == before
    dialog.get_by_role("link", name="Go back").click()
    expect(request.get_by_role("link", name="Review")).to_be_visible()
    for page in (queue, request):
        page.context.close()
