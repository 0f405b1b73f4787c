"""Take a picture of every page: wide and narrow, light and dark. `make screenshots`.

A service of its own is started on this machine, filled with a month of made-up history, and ended.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.browser import FLAGS, find_chromium
from tests.support.service import Service

PASSWORD = "a-month-of-made-up-history"
FILL = f"from tests.stories import gallery; gallery.fill(password={PASSWORD!r})"
SIZES = {"wide": (1440, 900), "phone": (390, 844), "narrow": (320, 640)}
SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
PAGES = {
    "queue": "/queue?tab=all",
    "request": "/r/REQ-{critical}",
    "hostile": "/r/REQ-{hostile}",
    "history": "/history",
    "changes": "/history/changes",
    "agents": "/agents",
    "agent": "/agents/deploy-bot",
    "stop": "/agents/stop",
    "policies": "/policies",
    "simulator": "/policies/simulate",
    "guardrails": "/guardrails",
    "insights": "/insights",
    "oncall": "/oncall",
    "settings": "/settings",
    "sign-in": "/sign-in",
}


@contextmanager
def lived_in() -> Iterator[Service]:
    """A running service with a month behind it."""
    with TemporaryDirectory(prefix="countersign-pictures-") as place:
        service = Service(Path(place), env={})
        # Filled before it runs: its timers would else end at once what the past left open.
        for words in (["prepare"], ["shell", "-v", "0", "-c", FILL]):
            said = service.run(*words, seconds=300)
            if said.returncode:
                raise SystemExit(f"The history could not be made.\n{said.stderr[-3000:]}")
        service.start()
        try:
            yield service
        finally:
            service.stop()


def sign_in(page: Page, name: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(f"{name}@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/queue*")


def numbers(service: Service) -> dict[str, int]:
    """The newest requests by what they show."""
    ask = (
        "from approvals.models import ApprovalRequest as R\n"
        "one = lambda **f: R.objects.filter(**f).order_by('-number').values_list('number', flat=True)[0]\n"
        "print(one(risk='critical'), one(target__startswith='search'))"
    )
    critical, hostile = service.run("shell", "-v", "0", "-c", ask).stdout.split()[-2:]
    return {"critical": int(critical), "hostile": int(hostile)}


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
            sign_in(page, who)
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
    with lived_in() as service, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        count = take(browser, service, into=chosen.into, only=set(chosen.pages), who=chosen.who)
        browser.close()
    print(f"{count} pictures in {chosen.into}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
