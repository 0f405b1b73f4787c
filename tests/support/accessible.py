"""What every page is held to: WCAG 2.2 A and AA as far as axe can tell, and no wider than its window."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RULES: dict[str, Any] = {
    "runOnly": {"type": "tag", "values": WCAG},
    # Off unless asked for, though it is part of WCAG 2.2 AA.
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
           "resultTypes": ["violations"]}  # fmt: skip
WIDE, PHONE, NARROW = (1440, 900), (390, 844), (320, 640)
TOO_WIDE = """() => {
  const over = document.documentElement.scrollWidth - window.innerWidth;
  if (over <= 0) return [];
  const guilty = [...document.querySelectorAll("main *")].filter(
    (one) => one.getBoundingClientRect().right > window.innerWidth + 1);
  return [`${over} px too wide`, ...guilty.slice(0, 4).map((one) => one.outerHTML.slice(0, 120))];
}"""


def broken(page: Page, rules: dict[str, Any] = RULES) -> list[str]:
    """What axe finds against WCAG A and AA, one line a place."""
    found = Axe().run(page, options=rules).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:160]} {node['any'][0]['message'] if node['any'] else ''}"
        for rule in found
        for node in rule["nodes"]
    ]


def too_wide(page: Page) -> list[str]:
    """By how much a page is wider than its window, and what makes it so."""
    found: list[str] = page.evaluate(TOO_WIDE)
    return found
