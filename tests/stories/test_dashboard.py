"""What a manager finds in a lived-in dashboard: every number with its list, every badge with a word."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader

from tests.stories.conftest import Home
from tests.stories.entering import arrives

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]
RISKS = {"Low": "○", "Medium": "◆", "High": "▲", "Critical": "⬣"}
WEAKER = """
apiVersion: guardrails.io/v1
kind: AgentPolicy
metadata: {name: less}
spec:
  agents: ["*"]
  actions:
    - {name: scale_deployment, approval: auto, because: It always went well.}
"""
AGENT_SAYS = """(words) => {
  const box = [...document.querySelectorAll("section, [role=region]")]
    .find((one) => one.innerText.startsWith("The agent says"));
  const what = [...document.querySelectorAll("h2")].find((one) => one.innerText === "What will run");
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  const places = [];
  while (walker.nextNode())
    if (walker.currentNode.data.includes(words)) places.push(box.contains(walker.currentNode));
  return {
    found: places.length > 0,
    inside: places.every(Boolean),
    below: box.getBoundingClientRect().top > what.getBoundingClientRect().bottom,
    says: box.innerText.split("\\n")[0],
  };
}"""


# Whole, and under nothing that sticks to the window.
IN_SIGHT = """(one) => {
  const box = one.getBoundingClientRect();
  if (box.top < 0 || box.bottom > innerHeight || !box.width) return false;
  const top = document.elementFromPoint(box.left + Math.min(box.width / 2, 8), box.bottom - 3);
  return one.contains(top) || top?.contains(one) || one.closest("tr")?.contains(top) || false;
}"""
# Every text somebody can see or hear, but for the heads of tables that become cards; digits run on.
TOLD = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = new Set();
  while (walker.nextNode()) {
    const around = walker.currentNode.parentElement;
    const words = walker.currentNode.data.replace(/\\s+/g, " ").replace(/\\d+/g, "0").trim();
    if (/^0 events?$/.test(words)) continue; // looking is one more
    const isTold = around.checkVisibility() && !around.closest("thead, kbd, [data-region=tabs] .count");
    if (words && isTold && around.closest(".brand, .me") === null) found.add(words);
  }
  return [...found];
}"""


@pytest.fixture(scope="module")
def page(browser: Browser, home: Home) -> Iterator[Page]:
    page = home.enter(browser)
    yield page
    page.context.close()


# What one entry of a list is: a request, a breaker, or a rate.
LISTED = "tr[data-ref], li[data-rate]"
# Lengths and shares lead to what they are taken of; they are not counts.
NO_COUNT = re.compile(r"[\d,.]+ (%|s|min|h|days?)(\s|$)")


def listed(page: Page) -> int:
    """How many the list of an address holds: all of them, page after page."""
    rows = page.locator(LISTED).count()
    while page.get_by_role("link", name="Older", exact=True).count():
        page.get_by_role("link", name="Older", exact=True).click()
        rows += page.locator(LISTED).count()
    return rows


# Every figure of a place as what it says and where it leads; no address where it leads nowhere.
FIGURES = """([place, excepted]) => {
  const words = (one, drop) => {
    const copy = one.cloneNode(true);
    for (const each of copy.querySelectorAll(drop)) each.remove();
    return copy.textContent.replace(/\\s+/g, " ").trim();
  };
  const found = [];
  for (const one of document.querySelectorAll(`${place} :is(.digits, .digits-in, .chips a)`)) {
    if (excepted && one.matches(excepted)) continue;
    const around = one.closest("a");
    for (const link of around ? [around] : one.querySelectorAll("a"))
      found.push([words(link, ".unseen"), link.getAttribute("href")]);
    if (!around) found.push([words(one, "a, .unseen"), ""]);
  }
  return found;
}"""
# Figures that lead nowhere, and why.
WITHOUT_LINK = {
    "[data-region^=alerts-] > header .origin": "its list stands right below it",
}


def numbers_of(page: Page, place: str) -> list[tuple[str, int]]:
    """Every number of a place with the address of its list, which is empty where it leads nowhere."""
    found = set()
    for words, href in page.evaluate(FIGURES, [place, ", ".join(WITHOUT_LINK)]):
        number = re.search(r"\d[\d,]*", words)
        count = int(number[0].replace(",", "")) if number else 0
        if number and not NO_COUNT.match(words) and (count or href):
            found.add((href, count))
    return sorted(found)


def lists_of(page: Page, numbers: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """How many each of these addresses really lists."""
    counted = {}
    for href in dict(numbers):
        page.goto(href)
        counted[href] = listed(page)
    return [(href, counted[href]) for href, _ in numbers]


@pytest.mark.parametrize(
    "address", ["/guardrails?span=week", "/guardrails?span=month", "/insights", "/insights?days=7"]
)
def test_every_number_opens_the_list_that_makes_it_up(page: Page, address: str) -> None:
    page.goto(address)
    numbers = numbers_of(page, "main")
    assert len(numbers) >= 4
    assert [count for href, count in numbers if not href] == []
    assert lists_of(page, numbers) == numbers


def test_alerts_are_counted_above_their_own_list(page: Page) -> None:
    page.goto("/guardrails")
    sections = page.locator("[data-region^=alerts-]").all()
    assert sections
    for section in sections:
        told = section.locator("> header .origin").inner_text()
        assert told == f"{section.locator('> article').count()} open"


def test_shares_open_the_list_they_are_a_share_of(page: Page) -> None:
    page.goto("/insights")
    tiles = [
        (tile.locator("h2").inner_text(), tile.locator("a").get_attribute("href") or "",
         tile.locator(".small").inner_text())
        for tile in page.locator(".tiles li").all()
    ]  # fmt: skip
    wrong = {}
    for title, href, words in tiles:
        told = re.search(r"(\d+) of (\d+)", words)
        if told:
            page.goto(href)
            if (count := listed(page)) not in {int(told[1]), int(told[2])}:
                wrong[title] = (count, words)
    assert wrong == {}


def test_agents_count_what_their_links_list(page: Page) -> None:
    page.goto("/agents")
    numbers = numbers_of(page, ".agents-list")
    assert len(numbers) >= 4
    assert [count for href, count in numbers if not href] == []
    assert lists_of(page, numbers) == numbers


def test_nothing_and_no_data_differ_in_words(page: Page) -> None:
    page.goto("/guardrails")
    panels = {
        name: page.get_by_role("region", name=name).inner_text()
        for name in ("Waiting now", "Blocked by a rule", "Breakers", "Near a limit")
    }
    assert "oldest" in panels["Waiting now"]
    assert re.search(r"\d+ of \d+ rates? in use", panels["Near a limit"])
    assert not [name for name, text in panels.items() if "no data yet" in text]


def test_every_badge_has_a_shape_and_a_word(page: Page, home: Home) -> None:
    bare = set()
    seen = set()
    for address in (
        "/queue?tab=all", "/history", "/r/REQ-{critical}", "/r/REQ-{hostile}", "/r/REQ-{decided}",
        "/r/REQ-{denied}", "/agents", "/agents/deploy-bot", "/policies", "/policies/versions",
        "/guardrails", "/insights", "/oncall", "/settings",
    ):  # fmt: skip
        page.goto(address.format(**home.known))
        for words in page.locator("main .badge").all_text_contents():
            said = " ".join(words.split())
            seen.add(said)
            if not re.match(r"^[^\w\s]+ ?.*[^\W\d_]{2,}", said) and not said.startswith("◐"):
                bare.add(f"{address}: {said}")
    assert bare == set()
    for word, shape in RISKS.items():
        assert any(said.startswith(shape) and word in said for said in seen), word


def test_a_stranger_sees_what_matters_without_scrolling(browser: Browser, home: Home) -> None:
    page = home.enter(browser, viewport={"width": 1440, "height": 900})
    page.goto("/queue?tab=all")
    first = page.locator("#rows tr[data-ref]").first
    expect(first.locator(".badge")).to_contain_text("Critical")
    for part in (".badge", ".what a", ".people", ".left"):
        assert first.locator(part).evaluate(IN_SIGHT), part

    for kind, who in (("critical", "chen"), ("high", "ada"), ("medium", "lin")):
        page = home.enter(browser, who, viewport={"width": 1440, "height": 900})
        page.goto(f"/r/REQ-{home.known[kind]}")
        for part in (
            ".strip .badge",
            ".time-left",
            "h1",
            ".glance",
            ".parameters tbody tr",
            ".count-line",
        ):
            assert page.locator(part).first.evaluate(IN_SIGHT), f"{kind}: {part}"
        expect(page.locator(".glance")).to_contain_text("Can it be undone?")
        assert page.get_by_role("button", name=re.compile("^Deny…")).evaluate(IN_SIGHT)
        page.context.close()


@pytest.mark.parametrize("address", ["/queue?tab=all", "/r/REQ-{high}", "/r/REQ-{hostile}"])
def test_twice_as_large_loses_nothing(browser: Browser, home: Home, address: str) -> None:
    page = home.enter(browser, "ada", viewport={"width": 1440, "height": 900})
    page.goto(address.format(**home.known))
    expect(page.locator("#live-state")).to_have_text("Live")
    whole = set(page.evaluate(TOLD))

    page.set_viewport_size({"width": 720, "height": 450})  # what 200 % leaves of the same window
    page.locator(".bottom .more summary").click()

    assert whole - set(page.evaluate(TOLD)) == set()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    kept = page.evaluate(
        "() => innerHeight - [...document.querySelectorAll('.bottom, .actions')]"
        ".reduce((sum, one) => sum + one.offsetHeight, 0)"
    )
    assert kept >= 450 / 2, "what sticks leaves less than half of the window"
    page.context.close()


def test_the_agents_words_stand_in_its_box_below_what_will_run(page: Page, home: Home) -> None:
    for kind, words in (("high", "Upstream answers slowly"), ("hostile", "Routine clean-up")):
        page.goto(f"/r/REQ-{home.known[kind]}?full=1")
        assert page.evaluate(AGENT_SAYS, words) == {
            "found": True, "inside": True, "below": True,
            "says": "The agent says · not checked",
        }  # fmt: skip


def test_times_on_a_request_are_told_twice_and_follow_the_reader(
    browser: Browser, home: Home
) -> None:
    page = home.enter(browser)
    page.goto(f"/r/REQ-{home.known['medium']}")
    isos = page.locator("main time").evaluate_all("all => all.map((one) => one.dateTime)")
    assert isos
    assert [iso for iso in isos if not iso.endswith("+00:00")] == []
    first = page.locator("main time").first
    expect(first).to_contain_text("UTC")
    for _ in range(3):
        with page.expect_response("**/preferences"):
            page.keyboard.press("t")
        page.reload()
        shown = page.locator("main time").evaluate_all("all => all.map((one) => one.dateTime)")
        assert set(isos) <= set(shown)
    page.context.close()


def test_the_simulator_answers_lists_the_rules_and_replays_with_nothing_sent(
    page: Page, home: Home
) -> None:
    page.goto("/policies/draft")
    page.get_by_role("link", name="A new file").click()
    page.get_by_role("textbox", name="File").fill("less.yaml")
    page.get_by_label("Its text").fill(WEAKER)
    page.get_by_label("Why? Whoever decides reads it.").fill("It always went well.")
    page.get_by_role("button", name="Apply or propose").click()
    page.goto("/history")
    before = listed(page)

    page.goto("/policies/simulate")
    page.get_by_label("A past request").fill(f"REQ-{home.known['medium']}")
    page.get_by_label("Compare with a proposal").select_option(index=1)
    page.get_by_role("button", name="Simulate").click()

    answers = page.get_by_role("status").filter(has_text=re.compile("risk"))
    expect(answers).to_have_count(2)
    for answer in answers.all_inner_texts():
        assert answer.count(".") <= 2, answer
    expect(page.locator("main")).to_contain_text("scale_deployment matches scale_deployment")
    expect(page.locator("main")).to_contain_text("Nothing is asked, sent or written.")

    page.get_by_role("button", name="Replay 30 days against the proposal").click()
    headings = page.locator("main summary").all_inner_texts()
    effects = [words for words in headings if words.startswith("Would")]
    assert effects[0].startswith("Would stop asking")
    first = page.locator("main details").filter(has_text="Would stop asking").first
    expect(first.locator("li a").first).to_be_visible()
    expect(first.locator("li a").first).to_have_attribute("href", re.compile(r"^/r/REQ-\d+$"))
    page.goto("/history")
    assert listed(page) == before


def test_one_search_is_the_same_in_its_address_and_in_three_files(
    page: Page, tmp_path: Path
) -> None:
    page.goto("/history")
    page.get_by_label("Search history").fill("agent:infra-scaler outcome:denied")
    page.get_by_role("button", name="Search", exact=True).click()
    assert parse_qs(urlsplit(page.url).query)["q"] == ["agent:infra-scaler outcome:denied"]
    refs = page.locator("tr[data-ref]").evaluate_all("rows => rows.map((row) => row.dataset.ref)")
    assert refs
    again = page.context.new_page()
    again.goto(page.url)
    assert again.locator("tr[data-ref]").count() == len(refs)
    again.close()

    files = {}
    for title in ("CSV", "JSON Lines", "PDF evidence pack"):
        with page.expect_download(timeout=60_000) as coming:
            page.get_by_role("button", name=title).click()
        coming.value.save_as(tmp_path / title)
        files[title] = (tmp_path / title).read_bytes()

    assert len(list(csv.reader(io.StringIO(files["CSV"].decode("utf-8-sig"))))) == 1 + len(refs)
    assert [json.loads(line)["ref"] for line in files["JSON Lines"].splitlines()] == refs
    paper = "".join(
        part.extract_text() for part in PdfReader(io.BytesIO(files["PDF evidence pack"])).pages
    )
    assert paper.count("Recorded by this service") == len(refs)


def test_no_page_of_ours_can_be_put_into_a_frame(browser: Browser, home: Home) -> None:
    page = browser.new_page()
    refused = re.compile("frame-ancestors|X-Frame-Options")
    with page.expect_console_message(lambda message: bool(refused.search(message.text))):
        page.set_content(f'<iframe src="{home.url}/sign-in"></iframe>')
    assert all("/sign-in" not in frame.url for frame in page.frames)
    page.close()


def test_going_away_takes_three_steps_and_refuses_who_cannot_stand_in(
    browser: Browser, home: Home
) -> None:
    """Until when, who, and the button."""
    page = home.enter(browser, "chen")
    page.goto("/oncall")
    until = page.get_by_label("Until", exact=True)
    until.fill("2099-01-01T00:00")
    page.get_by_role("button", name="Set away").click()
    expect(page.get_by_role("main")).to_contain_text(re.compile("at most|No longer|days"))
    assert page.locator("#stand_in option", has_text="Grace").count() == 0  # of another team

    page.goto("/oncall")
    tomorrow = page.get_by_label("From", exact=True).input_value()
    day = datetime.fromisoformat(tomorrow) + timedelta(days=1)
    until.fill(f"{day:%Y-%m-%dT%H:%M}")
    page.get_by_label("Who stands in").select_option(label="Dana")
    page.get_by_role("button", name="Set away").click()
    expect(page.get_by_role("main")).to_contain_text("You are marked away until")
    expect(page.get_by_role("link", name=re.compile("^Away"))).to_be_visible()
    page.get_by_role("button", name=re.compile("End the absence of Chen")).click()
    expect(page.get_by_role("main")).not_to_contain_text("You are marked away until")
    page.context.close()


# Whether what has the focus is drawn with its ring, and nothing lies over it.
IS_IN_SIGHT = """() => {
  const focused = document.activeElement;
  if (!focused || focused === document.body || focused.matches(".skip")) return true;
  const box = focused.getClientRects()[0];
  // A link that stands for its row has its ring around the row.
  const rings = [[focused], [focused, "::after"], [focused.closest("tr") ?? focused]];
  if (!box || rings.every((one) => getComputedStyle(...one).outlineStyle === "none")) return false;
  const at = [box.left + Math.min(box.width / 2, 20), box.top + box.height / 2];
  const top = document.elementFromPoint(...at);
  return Boolean(top) && (focused.contains(top) || top.contains(focused));
}"""


def tab_to(page: Page, wanted: str) -> None:
    """Press Tab until what the script asks for has the focus, which never is out of sight."""
    for _ in range(60):
        page.keyboard.press("Tab")
        assert page.evaluate(IS_IN_SIGHT), page.evaluate("document.activeElement.outerHTML")
        if page.evaluate(wanted):
            return
    raise AssertionError(f"Never reached: {wanted}")


def test_the_whole_way_by_keyboard_alone(browser: Browser, home: Home) -> None:
    page = home.enter(browser, "lin")
    page.goto("/queue?tab=all")
    ref = f"REQ-{home.known['medium']}"
    tab_to(page, f"document.activeElement.closest('tr')?.dataset.ref === '{ref}'"
                 " && document.activeElement.tagName === 'A'")  # fmt: skip
    page.keyboard.press("Enter")
    arrives(page, re.compile(f"/r/{ref}"))
    tab_to(page, "document.activeElement.dataset.opens === 'deny'")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Space")
    tab_to(page, "document.activeElement.tagName === 'TEXTAREA'")
    page.keyboard.type("Not before the weekend.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("region", name="Decide", exact=True)).to_contain_text("Denied by Lin")
    page.keyboard.press("u")
    expect(page.get_by_role("heading", name="Queue", level=1)).to_be_visible()
    page.context.close()
