"""Risk and status badges as people see them who see colours otherwise, or none: measured in pixels."""

from __future__ import annotations

import io
import os
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import pytest
from django.template.loader import render_to_string
from PIL import Image
from playwright.sync_api import Browser, Page

from approvals.domain.cards import RISK_SHAPE
from approvals.domain.terms import RiskLevel
from approvals.web import standing
from tests.support.colours import Colour, contrast, difference

pytestmark = [pytest.mark.browser, pytest.mark.slow]
# Where to leave the pictures for whoever wants to look at them too.
PICTURES = os.environ.get("COLOUR_PICTURES", "")
STYLES = Path(__file__).resolve().parents[2] / "static" / "countersign.css"
READABLE = 4.5
SIGHTS = ("none", "protanopia", "deuteranopia", "tritanopia", "achromatopsia")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
# How far apart the nearest two fills of risk are at least; shape and word do the rest.
APART = {
    "light": {"none": 34, "protanopia": 33, "deuteranopia": 25.5, "tritanopia": 28.5, "achromatopsia": 11},
    "dark": {"none": 29, "protanopia": 27.5, "deuteranopia": 27.5, "tritanopia": 22, "achromatopsia": 12},
}  # fmt: skip
STATUSES = {
    standing.Standing("◷ Waiting", "status-yours"),
    standing.Standing("◷ Waiting", "status-open"),
    standing.Standing("⇧ Escalated", "status-open"),
    standing.Standing("◐ 1 of 2 approved", "status-open"),
    standing.Standing("? Question open", "status-open"),
    standing.Standing("✔ Approved", "status-closed"),
    standing.Standing("▷ Running", "status-closed"),
    *standing.CLOSED.values(),
    *standing.OUTCOMES.values(),
}


def document() -> str:
    """Every badge there is, by the style sheet and the part that draw them everywhere, without script."""
    risks = [
        render_to_string("parts/risk.html", {"risk": level.value, "shape": RISK_SHAPE[level]})
        for level in RiskLevel
    ]
    others = [
        f'<span class="badge {one.css}">{one.words}</span>'
        for one in sorted(STATUSES, key=lambda one: (one.css, one.words))
    ]
    lines = "".join(f"<p>{badge}</p>" for badge in [*risks, *others])
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        f"<style>{STYLES.read_text()} main {{ padding: 20px; }} p {{ margin: 12px; }}</style>"
        f"<main>{lines}</main>"
    )


def seen(page: Page, sight: str) -> dict[str, tuple[Colour, Colour]]:
    """The fill and the text of every badge, by its class and words."""
    line = page.context.new_cdp_session(page)
    line.send("Emulation.setEmulatedVisionDeficiency", {"type": sight})
    found = {}
    for badge in page.locator(".badge").all():
        words = " ".join((badge.text_content() or "").split())
        css = (badge.get_attribute("class") or "").split()[-1]
        found[f"{css}: {words}"] = _colours(page, badge.bounding_box() or {})
    line.send("Emulation.setEmulatedVisionDeficiency", {"type": "none"})
    return found


def _colours(page: Page, box: Any) -> tuple[Colour, Colour]:
    """What most of it shows, and what stands out most from that: letters, drawn large."""
    within: Any = {
        "x": box["x"] + 4, "y": box["y"] + 4, "width": box["width"] - 8, "height": box["height"] - 8,
    }  # fmt: skip
    picture = Image.open(io.BytesIO(page.screenshot(clip=within))).convert("RGB")
    counted: Counter[Any] = Counter(picture.get_flattened_data())
    fill = counted.most_common(1)[0][0]
    often = [colour for colour, count in counted.items() if count > 8]
    return fill, max(often, key=lambda colour: contrast(colour, fill))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_badge_is_readable_and_every_risk_its_own_in_every_sight(
    browser: Browser, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(
        java_script_enabled=False, color_scheme=scheme, device_scale_factor=4,
        viewport={"width": 420, "height": 1000},
    )  # fmt: skip
    page = context.new_page()
    page.set_content(document())
    faint, alike = [], []
    for sight in SIGHTS:
        colours = seen(page, sight)
        assert len(colours) == len(RiskLevel) + len(STATUSES)
        faint += [
            f"{sight}: {name} {contrast(*two):.2f}"
            for name, two in colours.items()
            if contrast(*two) < READABLE
        ]
        fills = {name: fill for name, (fill, _) in colours.items() if name.startswith("risk-")}
        assert len(fills) == len(RiskLevel)
        nearest = min(difference(one, other) for one, other in combinations(fills.values(), 2))
        if nearest < APART[scheme][sight]:
            alike.append(f"{sight}: {nearest:.1f}")
        least = min(contrast(*two) for two in colours.values())
        _keep(page, f"{scheme}-{sight}", sight, nearest=nearest, least=least)
    context.close()
    assert (faint, alike) == ([], [])


def _keep(page: Page, name: str, sight: str, *, nearest: float, least: float) -> None:
    if not PICTURES:
        return
    line = page.context.new_cdp_session(page)
    line.send("Emulation.setEmulatedVisionDeficiency", {"type": sight})
    Path(PICTURES).mkdir(parents=True, exist_ok=True)
    page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)
    with (Path(PICTURES) / "measured.txt").open("a") as file:
        file.write(f"{name}: nearest fills {nearest:.1f}, least contrast {least:.2f}\n")
