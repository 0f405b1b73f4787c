"""A page that hears nothing any more says so; a machine whose clock is wrong says nothing wrong."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests.stories.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def world(shared_world: World) -> World:
    """The service with nothing waiting."""
    shared_world.settle_everything()
    return shared_world


@pytest.fixture
def page(browser: Browser, world: World) -> Iterator[Page]:
    """Lin's own browser, at the queue."""
    page = world.enter(browser, "lin")
    yield page
    page.context.close()


def test_a_line_that_falls_silent_is_told_though_it_stays_open(world: World, page: Page) -> None:
    ref = world.submit()
    lines: list[WebSocketRoute] = []
    closed: list[int | None] = []
    silent = [False]

    def relay(line: WebSocketRoute) -> None:
        lines.append(line)
        server = line.connect_to_server()
        server.on_message(lambda words: None if silent[0] else line.send(words))
        line.on_close(lambda code, _: closed.append(code))

    page.route_web_socket(re.compile("/ws/live"), relay)
    page.clock.install()
    page.goto("/queue?tab=all")
    expect(page.locator("#live-state")).to_have_text("Live")

    silent[0] = True
    page.clock.run_for(10_000)
    expect(page.get_by_role("alert")).to_contain_text(
        re.compile(r"Live updates stopped \d\d:\d\d:\d\d UTC\. What you see may be old\."),
        timeout=2_000,
    )
    assert (len(lines), closed) == (1, [])
    world.decide("lin", ref, "deny", "No.")
    page.clock.run_for(4_000)
    expect(page.locator(f"#row-{ref}")).to_contain_text("✖ Denied")

    silent[0] = False
    expect(page.get_by_role("alert")).to_be_hidden()
    assert (len(lines), closed) == (1, [])


def test_a_page_asks_for_a_reading_of_its_own_only_when_its_line_is_silent(page: Page) -> None:
    """Hundreds of live pages ask by themselves every half minute; what one of them reads does for all."""
    lines: list[WebSocketRoute] = []
    beats: list[str | bytes] = []

    def relay(line: WebSocketRoute) -> None:
        lines.append(line)
        line.connect_to_server().on_message(lambda words: beats.append(words))

    page.route_web_socket(re.compile("/ws/live"), relay)
    page.clock.install()
    page.goto("/queue?tab=all")
    expect(page.locator("#live-note")).to_have_attribute("data-state", "still")
    drawn = datetime.fromisoformat(page.locator("main").get_attribute("data-server-time") or "")
    while not beats:
        page.wait_for_timeout(50)

    def hear_for(beats_heard: int) -> None:
        for _ in range(beats_heard):
            lines[0].send(beats[0])
            page.clock.run_for(5_000)

    hear_for(1)
    page.wait_for_timeout(500)  # it may have missed something while it was drawn, and asks for that
    with page.expect_request("**/queue/rows?*") as asked:
        hear_for(6)
    [heard] = parse_qs(urlsplit(asked.value.url).query)["heard"]
    assert float(heard) >= drawn.timestamp()

    with page.expect_request("**/queue/rows?*") as asked:
        page.clock.run_for(12_000)
    expect(page.locator("#live-note")).to_have_attribute("data-state", "lost")
    assert "heard" not in parse_qs(urlsplit(asked.value.url).query)


@pytest.mark.parametrize("minutes", [10, -10])
def test_a_row_of_the_queue_counts_by_the_clock_of_the_service(
    world: World, page: Page, minutes: int
) -> None:
    ref = world.submit()  # less than ten minutes are left of it
    page.clock.set_system_time(time.time() + minutes * 60)
    page.goto("/queue?tab=all")
    expect(page.locator("#live-state")).to_have_text("Live")

    left = page.locator(f"#row-{ref} [data-countdown]")
    expect(left).to_have_text(re.compile(r"^Under 5 min · 4:\d\d left$"))
    row = page.locator(f"#row-{ref}")
    assert "expired" not in row.inner_text().lower()
    assert "Time is up" not in row.inner_text()
    assert world.status(ref) == "pending"
