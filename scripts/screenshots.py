"""Take a picture of every page: wide and narrow, light and dark. `make screenshots`.

A service of its own is started on this machine, filled with a month of made-up history, and ended.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from playwright.sync_api import Browser, sync_playwright

from tests.stories.entering import sign_in
from tests.stories.lived_in import PASSWORD, lived_in, numbers
from tests.support.browser import FLAGS, find_chromium
from tests.support.service import Service

SIZES = {"wide": (1440, 900), "phone": (390, 844), "narrow": (320, 640)}
SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
PAGES = {
    "queue": "/queue?tab=all",
    "request": "/r/REQ-{critical}",
    "hostile": "/r/REQ-{hostile}",
    "approving": "/r/REQ-{high}?open=approve",
    "denying": "/r/REQ-{high}?open=deny",
    "asking": "/r/REQ-{high}?open=investigate",
    "paper": "/r/REQ-{decided}/evidence",
    "several": "/queue/several?do=deny&ref=REQ-{medium}&ref=REQ-{high}",
    "history": "/history",
    "changes": "/history/changes",
    "exports": "/history/exports",
    "integrity": "/history/integrity",
    "agents": "/agents",
    "agent": "/agents/deploy-bot",
    "evidence": "/agents/infra-scaler?class=restarts",
    "tripped": "/agents/crawler-2",
    "new-agent": "/agents/new",
    "stop": "/agents/stop",
    "policies": "/policies",
    "versions": "/policies/versions",
    "draft": "/policies/draft",
    "simulator": "/policies/simulate",
    "simulated": "/policies/simulate?request=REQ-{high}",
    "compared": "/policies/simulate?request=REQ-{high}&draft={draft}&replay=yes",
    "guardrails": "/guardrails",
    "breakers": "/guardrails/breakers",
    "insights": "/insights",
    "oncall": "/oncall",
    "settings": "/settings",
    "you": "/settings/you",
    "channel": "/settings/channels/slack",
    "messages": "/settings/messages",
    "showing": "/settings/showing",
    "webhooks": "/settings/webhooks",
    "sign-in": "/sign-in",
}


def take(browser: Browser, service: Service, *, into: Path, only: set[str], who: str) -> int:
    """Every wanted page in every size and scheme; how many pictures were taken."""
    known, count = numbers(service), 0
    for size, (width, height) in SIZES.items():
        for scheme in SCHEMES:
            context = browser.new_context(
                base_url=service.url, viewport={"width": width, "height": height}, locale="en-GB",
                timezone_id="UTC", color_scheme=scheme, reduced_motion="reduce",
            )  # fmt: skip
            page = context.new_page()
            page.goto("/sign-in")
            if not only or "sign-in" in only:
                page.screenshot(path=into / f"sign-in-{size}-{scheme}.png")
                count += 1
            page.goto("/sign-in")
            sign_in(page, who, PASSWORD)
            for name, address in PAGES.items():
                if name == "sign-in" or (only and name not in only):
                    continue
                page.goto(address.format(**known))
                page.wait_for_load_state("load")
                page.wait_for_timeout(400)  # the first word of the live line, and charts
                page.screenshot(path=into / f"{name}-{size}-{scheme}.png", full_page=True)
                count += 1
            context.close()
    return count


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="*", help=f"some of: {', '.join(PAGES)}; all when none")
    parser.add_argument("--into", type=Path, default=Path("test-results/screenshots"))
    parser.add_argument("--as", dest="who", default="ada", help="whose pages: ada, lin, sam, …")
    chosen = parser.parse_args(arguments)
    unknown = set(chosen.pages) - set(PAGES)
    if unknown:
        parser.error(f"no page called {', '.join(sorted(unknown))}")
    chosen.into.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory(prefix="countersign-pictures-") as place,
        lived_in(Path(place), env={}) as service,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        count = take(browser, service, into=chosen.into, only=set(chosen.pages), who=chosen.who)
        browser.close()
    print(f"{count} pictures in {chosen.into}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
