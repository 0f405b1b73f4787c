"""What is written in the background is followed where it was asked for, without opening the page anew."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.stories.conftest import Home

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]
WAIT_MS = 120_000  # a pack is drawn page by page


def mark(page: Page) -> None:
    """Something only this very page knows."""
    page.evaluate("() => { window.isTheSame = true; }")


def is_the_same(page: Page) -> bool:
    return bool(page.evaluate("() => window.isTheSame === true"))


def test_a_pack_is_followed_until_it_can_be_downloaded(browser: Browser, home: Home) -> None:
    page = home.enter(browser)
    page.goto("/history/exports")
    page.get_by_role("radio", name=re.compile("PDF evidence pack")).check()
    page.get_by_role("button", name="Export", exact=True).click()
    progress = page.locator("#progress")
    expect(progress.get_by_role("progressbar")).to_be_visible()
    mark(page)

    expect(progress.get_by_role("heading")).to_have_text(
        re.compile(r"^Ready: [\d,]+ requests"), timeout=WAIT_MS
    )
    with page.expect_download() as given:
        progress.get_by_role("link", name="Download").click()
    assert given.value.suggested_filename.endswith((".pdf", ".zip"))
    assert is_the_same(page)
    page.context.close()
