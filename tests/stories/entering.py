"""Browsers of people at a service. Each signs in once: whoever does so often is slowed down."""

from __future__ import annotations

from dataclasses import dataclass, field
from re import Pattern
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.support.browser import PATIENCE_MS


@dataclass(slots=True)
class Entrance:
    """The way into one service, where all have one password, and the sessions of those who came in."""

    url: str
    password: str
    remembered: dict[str, Any] = field(default_factory=dict)

    def enter(self, browser: Browser, name: str, at: str = "/queue", **options: Any) -> Page:
        """A page in a browser of their own, signed in, at this address."""
        said = {"base_url": self.url, "locale": "en-GB", "timezone_id": "UTC"}
        context = browser.new_context(
            **said | options,
            storage_state=self.remembered.get(name),
        )
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(at)
        if "/sign-in" in page.url:
            sign_in(page, name, self.password)
            self.remembered[name] = context.storage_state()
        return page


def sign_in(page: Page, name: str, password: str) -> None:
    """From the page that asks who it is to the one it leads to."""
    page.get_by_label("E-mail").fill(f"{name}@example.com")
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    # The address of the sign-in page names where it leads, so a pattern would fit it, too.
    page.wait_for_url(lambda url: "/sign-in" not in url)


def arrives(page: Page, address: Pattern[str]) -> None:
    """Wait for a page that a key or a link leads to, until its scripts run: only then it hears keys."""
    expect(page).to_have_url(address)
    page.wait_for_load_state("load")


def in_zone(page: Page, name: str) -> None:
    """Press `t` until the page says that zone."""
    switch = page.locator("#zone-switch")
    for _ in range(4):
        if switch.inner_text() == name:
            return
        page.keyboard.press("t")
    expect(switch).to_have_text(name)
