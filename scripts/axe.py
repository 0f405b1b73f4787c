"""Hold every page the tests draw to WCAG 2.2 A and AA: light, dark, and 320 px wide. `make axe`.

The tests draw each page in every state they know. One page of each shape is kept, and opened in a browser
with all of axe's rules. Within the tests the same rules see the pages of one lived-in service.
"""

from __future__ import annotations

import argparse
import mimetypes
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from playwright.sync_api import Page, Route, sync_playwright

from tests.support.accessible import NARROW, WIDE, broken, too_wide
from tests.support.browser import FLAGS, find_chromium

ROOT = Path(__file__).parents[1]
HOST = "http://pages.test"
LOOKS: tuple[tuple[Literal["light", "dark"], tuple[int, int]], ...] = (
    ("light", WIDE), ("dark", WIDE), ("light", NARROW), ("dark", NARROW),
)  # fmt: skip
ONE_EACH = """() => ["h1", "main"].map((tag) => [document.querySelectorAll(tag).length, tag])
  .filter(([count]) => count !== 1).map(([count, tag]) => `${count} times <${tag}>`)"""


def draw(folder: Path, tests: list[str]) -> int:
    """Run the tests that draw pages, and keep a page of each shape; what pytest said in the end."""
    words = [sys.executable, "-m", "pytest", "-q", "--no-header", "-n", "auto", "--maxprocesses", "8",
             "-m", "not (postgres or browser or faults)", *tests]  # fmt: skip
    env = os.environ | {"TEST_ENGINE": "sqlite", "KEEP_PAGES_IN": str(folder)}
    return subprocess.run(words, cwd=ROOT, env=env, check=False).returncode


def faults(page: Page, name: str) -> Iterator[str]:
    """What is wrong with one page, in every light and width."""
    page.goto(f"{HOST}/{name}")
    page.wait_for_load_state("load")
    yield from page.evaluate(ONE_EACH)
    for scheme, (width, height) in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": height})
        for fault in [*too_wide(page), *broken(page)]:
            yield f"{scheme}, {width} px: {fault}"


def _serve(route: Route, folder: Path) -> None:
    """The kept page, or a file it needs; what it asks its service for is not there."""
    path = route.request.url.removeprefix(f"{HOST}/").partition("?")[0]
    place = ROOT / path if path.startswith("static/") else folder / f"{path}.html"
    if not place.is_file():
        route.fulfill(status=404, body="")
        return
    kind = mimetypes.guess_type(place.name)[0] or "text/plain"
    route.fulfill(body=place.read_bytes(), content_type=f"{kind}; charset=utf-8")


def look(folder: Path) -> tuple[int, int]:
    """How many pages were looked at, and how many of them break a rule; each fault is printed."""
    names = sorted(place.stem for place in folder.glob("*.html"))
    bad = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        # The rules are put into the page, which its own policy would forbid.
        context = browser.new_context(reduced_motion="reduce", locale="en-GB", bypass_csp=True)
        context.route("**/*", lambda route: _serve(route, folder))
        for count, name in enumerate(names, 1):
            page = context.new_page()
            found = list(faults(page, name))
            page.close()
            if found:
                bad += 1
                origin = (folder / f"{name}.from").read_text(encoding="utf-8")
                print(f"{origin}\n  " + "\n  ".join(found), flush=True)
            if sys.stderr.isatty():
                print(f"\r{count} of {len(names)} pages", end="", file=sys.stderr, flush=True)
        browser.close()
    return len(names), bad


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "tests", nargs="*", default=["tests/web"], help="which tests draw; tests/web"
    )
    chosen = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="countersign-pages-") as place:
        if draw(Path(place), chosen.tests):
            print("Not looked at: the tests that draw the pages failed.", file=sys.stderr)
            return 1
        count, bad = look(Path(place))
    print(f"{count} pages, {len(LOOKS)} looks each: {bad or 'none'} with a fault")
    return 1 if bad or not count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
