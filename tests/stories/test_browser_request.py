"""One request in a real browser: its clock, its keys, its ladder, what changes meanwhile, and undo."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from io import BytesIO
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader

from tests.stories.world import World
from tests.support import cast
from tests.support.browser import PATIENCE_MS
from tests.support.service import running

pytestmark = [pytest.mark.browser, pytest.mark.slow]
UNDO_SECONDS = 4
LONG = "All is well. " * 900 + "rm -rf /srv"
SignIn = Callable[..., Page]
ENDS_IN = """(seconds) => {
  document.querySelector(".time-left").dataset.countdown =
    new Date(Date.now() + seconds * 1000).toISOString();
}"""


@pytest.fixture(scope="module")
def unhurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A service where what was decided can be taken back for a while."""
    folder = tmp_path_factory.mktemp("request")
    with running(folder, UNDO_SECONDS=str(UNDO_SECONDS)) as service:
        yield World(service)


@pytest.fixture
def world(unhurried: World) -> World:
    """The service with nothing waiting."""
    unhurried.settle_everything()
    return unhurried


@pytest.fixture(scope="module")
def states() -> dict[str, Any]:
    """The sessions of those who signed in, so that each does so once."""
    return {}


@pytest.fixture
def sign_in(browser: Browser, world: World, states: dict[str, Any]) -> Iterator[SignIn]:
    """`sign_in("lin", "/r/REQ-1")`: Lin's own browser, at a page."""
    with ExitStack() as ending:

        def signed_in(name: str, address: str, **options: Any) -> Page:
            context = browser.new_context(
                locale="en-GB",
                timezone_id="UTC",
                base_url=world.url,
                storage_state=states.get(name),
                **options,
            )
            context.set_default_timeout(PATIENCE_MS)
            ending.callback(context.close)
            page = context.new_page()
            page.goto(address)
            if name not in states:
                page.get_by_label("E-mail").fill(f"{name}@example.com")
                page.get_by_label("Password", exact=True).fill(cast.PASSWORD)
                page.get_by_role("button", name="Sign in", exact=True).click()
                expect(page.locator("h1")).to_contain_text("robo")
                states[name] = context.storage_state()
            return page

        yield signed_in


def is_live(page: Page) -> None:
    expect(page.locator("#live-state")).to_have_text("Live")


def bar(page: Page) -> Any:
    return page.get_by_role("region", name="Decide", exact=True)


@pytest.mark.parametrize("wrong", [600, -600])
def test_the_countdown_is_right_by_a_clock_that_is_ten_minutes_wrong(
    world: World, sign_in: SignIn, wrong: int
) -> None:
    ref = world.submit()
    page = sign_in("lin", f"/r/{ref}")
    page.clock.set_system_time(time.time() + wrong)
    page.reload()

    shown = page.locator(".time-left")
    expect(shown).to_have_text(re.compile(r"^Under 5 min · 4:\d\d left$"))
    ends = datetime.fromisoformat(str(shown.get_attribute("data-countdown"))).timestamp()
    before = time.time()
    minutes, seconds = re.findall(r"(\d+):(\d\d)", shown.inner_text())[0]
    assert abs(ends - before - (int(minutes) * 60 + int(seconds))) <= 2
    expect(page.locator(".strip")).to_contain_text("then more people are asked")
    assert "expired" not in page.locator("#main").inner_text().lower()


def test_no_key_decides_and_each_opens_its_form(world: World, sign_in: SignIn) -> None:
    ref = world.submit()
    page = sign_in("lin", f"/r/{ref}")
    is_live(page)

    for key, title in (("a", "Approve scale"), ("d", "Deny scale"), ("q", "Ask first about")):
        page.keyboard.press(key)
        expect(page.get_by_role("dialog", name=re.compile(title))).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("z")

    assert world.status(ref) == "pending"
    page.keyboard.press("e")
    expect(page).to_have_url(re.compile(f"/r/{ref}/evidence$"))


def test_the_last_minutes_are_told_in_other_words_and_said_aloud_once(
    world: World, sign_in: SignIn
) -> None:
    ref = world.submit()
    page = sign_in("lin", f"/r/{ref}")
    is_live(page)
    left, said = page.locator(".time-left"), page.locator("#live-says")

    page.evaluate(ENDS_IN, 602)
    expect(said).to_have_text("10 minutes left, then more people are asked.", timeout=15_000)
    expect(left).to_have_text("9 min left")
    page.evaluate(ENDS_IN, 302)
    expect(left).to_have_text(re.compile(r"^Under 5 min · 4:\d\d left$"))
    page.evaluate(ENDS_IN, 62)
    expect(left).to_have_text(re.compile(r"^Under 1 min · 0:\d\d left$"))
    expect(said).to_have_text("1 minute left, then more people are asked.", timeout=15_000)


def test_denying_by_keyboard_alone_never_loses_sight_of_the_focus(
    world: World, sign_in: SignIn
) -> None:
    ref = world.submit()
    page = sign_in("lin", f"/r/{ref}")
    is_live(page)
    for _ in range(45):
        page.keyboard.press("Tab")
        assert page.evaluate(IS_UNCOVERED), page.evaluate("document.activeElement.outerHTML")
        if page.evaluate("document.activeElement.dataset.opens === 'deny'"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_label("Wrong value or target")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("Not in the freeze.")
    page.keyboard.press("Control+Enter")

    expect(page.locator(".held")).to_contain_text("Denied. Going to the agent in")
    expect(bar(page)).to_contain_text("Denied by Lin", timeout=15_000)
    assert world.status(ref) == "denied"


# Whether the middle of what has the focus is really what one sees there.
IS_UNCOVERED = """() => {
  const focused = document.activeElement;
  if (!focused || focused === document.body) return true;
  const box = focused.getClientRects()[0];
  if (!box || focused.matches(".skip")) return true;
  const x = box.left + Math.min(box.width / 2, 20), y = box.top + box.height / 2;
  const top = document.elementFromPoint(x, y);
  return Boolean(top) && (focused.contains(top) || top.contains(focused));
}"""


def test_a_long_value_must_be_opened_before_high_risk_is_approved(
    world: World, sign_in: SignIn
) -> None:
    ref = world.submit(**cast.HIGH | {"parameters": {"body": LONG, "amount": 124000}})
    page = sign_in("ada", f"/r/{ref}")
    expect(page.get_by_role("button", name=re.compile("^Approve"))).to_have_count(0)

    page.get_by_role("link", name="Show all of body").click()
    page.get_by_role("button", name="Approve… config change · production-api").click()

    dialog = page.get_by_role("dialog", name="Approve config change · production-api?")
    expect(dialog).to_contain_text("Amount: 124000.")
    expect(dialog).to_contain_text("The agent says it can be undone")
    name = "Approve config change · production-api, amount 124000 (1 of 2)"
    expect(dialog.get_by_role("button", name=name)).not_to_be_focused()
    expect(dialog.get_by_label("Note (optional)")).to_be_focused()


def test_what_changes_meanwhile_must_be_read_before_approving(
    world: World, sign_in: SignIn
) -> None:
    ref = world.submit()
    page = sign_in("lin", f"/r/{ref}")
    is_live(page)
    world.decide("lin", ref, "investigate", "Why not wait?")
    world.call(world.robo, "POST", f"/requests/{ref}/messages", {"text": "The queue grows."})

    review = page.get_by_role("link", name="Review 2 changes")
    expect(review).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Approve"))).to_have_count(0)
    review.click()

    since = page.get_by_role("region", name="Changed since version 1")
    expect(since).to_contain_text("“The queue grows.”")
    expect(page.get_by_role("button", name=re.compile("^Approve now"))).to_be_visible()


def test_undo_brings_it_back_and_the_agent_hears_nothing(world: World, sign_in: SignIn) -> None:
    ref = world.submit()
    page = sign_in("lin", f"/r/{ref}")
    page.get_by_role("button", name=re.compile("^Approve now")).click()
    expect(page.locator(".held")).to_contain_text(
        re.compile(r"Approved\. Going to the agent in \d s")
    )
    assert world.status(ref) == "pending"

    page.keyboard.press("z")

    expect(page.get_by_role("button", name=re.compile("^Approve now"))).to_be_visible()
    history = page.get_by_role("region", name="History here")
    expect(history).to_contain_text("Lin approved in the dashboard, and could undo it")
    expect(history).to_contain_text("Lin took the approval back before it counted.")
    page.wait_for_timeout((UNDO_SECONDS + 1) * 1000)
    assert world.status(ref) == "pending"


def test_going_to_a_page_takes_nothing_back_whatever_key_that_has(
    world: World, sign_in: SignIn
) -> None:
    def undo_by(key: str) -> None:
        page.goto("/settings/you")
        page.locator("#k-undo").fill(key)
        page.get_by_role("button", name="Save keys").click()
        expect(page.locator("#k-undo")).to_have_value(key)

    ref = world.submit()
    page = sign_in("lin", f"/r/{ref}")
    undo_by("h")
    try:
        page.goto(f"/r/{ref}")
        page.get_by_role("button", name=re.compile("^Approve now")).click()
        expect(page.locator(".held")).to_be_visible()

        page.keyboard.press("g")
        page.keyboard.press("h")

        page.wait_for_url("**/history")
        page.goto(f"/r/{ref}")
        expect(bar(page)).to_contain_text("Approved by Lin at", timeout=15_000)
    finally:
        undo_by("z")


def test_left_alone_it_takes_effect_and_every_open_page_says_so(
    world: World, sign_in: SignIn
) -> None:
    ref = world.submit()
    lin, ada = sign_in("lin", f"/r/{ref}"), sign_in("ada", f"/r/{ref}")
    is_live(ada)
    lin.get_by_role("button", name=re.compile("^Approve now")).click()

    expect(ada.locator(".held")).to_contain_text("Lin approved this.")
    for page in (lin, ada):
        expect(bar(page)).to_contain_text("Approved by Lin at", timeout=15_000)
        expect(page.locator(".held")).to_have_count(0)
    assert world.status(ref) == "approved"


def test_what_was_typed_outlives_a_reload_a_closed_tab_and_is_its_writers_alone(
    world: World, sign_in: SignIn
) -> None:
    ref, other = world.submit(), world.submit(target="production-web")
    page = sign_in("lin", f"/r/{ref}?open=deny")
    is_live(page)
    page.locator("#deny-comment").fill("Wait until the freeze")
    page.locator("#deny-comment").press_sequentially(" ends.")
    page.get_by_label("Looks suspicious").check()

    page.reload()
    expect(page.locator("#deny-comment")).to_have_value("Wait until the freeze ends.")
    expect(page.get_by_label("Looks suspicious")).to_be_checked()
    context = page.context
    page.close()
    page = context.new_page()
    page.goto(f"/r/{other}?open=deny")
    expect(page.locator("#deny-comment")).to_have_value("")
    page.goto(f"/r/{ref}?open=deny")
    expect(page.locator("#deny-comment")).to_have_value("Wait until the freeze ends.")

    expect(page.get_by_label("Looks suspicious")).to_be_checked()
    page.locator("#deny-comment").press("Control+Enter")
    expect(page.locator(".held")).to_contain_text("Denied. Going to the agent in")
    assert page.evaluate("Object.keys(localStorage).filter((k) => k.startsWith('draft '))") == []


def test_a_draft_is_not_shown_to_whoever_signs_in_next(world: World, sign_in: SignIn) -> None:
    ref = world.submit(**cast.HIGH)
    typing = sign_in("ada", f"/r/{ref}?open=investigate")
    is_live(typing)
    typing.locator("#investigate-comment").fill("Is Mallory behind this?")
    kept = typing.evaluate("JSON.stringify(localStorage)")
    assert "Is Mallory behind this?" in kept

    # As if they shared one browser: all it stored is here, too.
    for name, found in (("ada", "Is Mallory behind this?"), ("grace", "")):
        page = sign_in(name, f"/r/{ref}")
        page.evaluate("(kept) => Object.assign(localStorage, JSON.parse(kept))", kept)
        page.goto(f"/r/{ref}?open=investigate")
        expect(page.locator("#investigate-comment")).to_have_value(found)


def test_each_value_can_be_copied_as_it_is_shown(world: World, sign_in: SignIn) -> None:
    ref = world.submit(parameters={"name": "orders db", "replicas": 8})
    page = sign_in("lin", f"/r/{ref}")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    is_live(page)

    page.get_by_role("button", name="Copy the value of name").click()
    expect(page.get_by_role("button", name="Copied the value of name")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "orders db"
    page.get_by_role("button", name="Copy the value of replicas").click()
    expect(page.get_by_role("button", name="Copied the value of replicas")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "8"


def test_of_two_at_once_one_counts_and_the_other_reads_by_whom(
    world: World, sign_in: SignIn
) -> None:
    ref = world.submit(**cast.HIGH)
    page = sign_in("ada", f"/r/{ref}?open=deny", java_script_enabled=False)
    world.decide("grace", ref, "deny", "Freeze.")
    page.get_by_label("Looks suspicious").check()
    page.get_by_label("Reason").fill("I was just about to.")
    page.get_by_role("button", name="Deny config change · production-api", exact=True).click()

    notice = page.get_by_role("alert")
    expect(notice).to_contain_text(re.compile(r"Grace denied this \d+ s before you\."))
    expect(notice).to_contain_text("Your denial was not counted.")
    expect(notice).to_contain_text("I was just about to.")


def test_critical_is_approved_without_javascript(world: World, sign_in: SignIn) -> None:
    ref = world.submit(**cast.CRITICAL)
    page = sign_in("chen", f"/r/{ref}", java_script_enabled=False)
    page.get_by_role("link", name="Open everything to approve…").click()
    page.get_by_role("button", name="Approve… database migration · orders").click()
    page.get_by_label(re.compile("the last 4 characters of the target")).fill("ders")
    page.locator("#approve-comment").fill("Checked with its owner.")
    page.get_by_role(
        "button", name="Approve database migration · orders (1 of 2)", exact=True
    ).click()

    expect(page.get_by_role("complementary", name="Who decides")).to_contain_text("✔ Approved")
    assert world.status(ref) == "pending"


def test_on_paper_every_fold_is_open_and_links_say_their_whole_address(
    world: World, sign_in: SignIn
) -> None:
    ref = world.submit()
    page = sign_in("lin", f"/r/{ref}")
    is_live(page)
    folds = page.locator("main details:not([open])")
    before = folds.count()
    assert before

    text = "".join(part.extract_text() for part in PdfReader(BytesIO(page.pdf())).pages)

    flat = re.sub(r"\s", "", text)
    assert '"to_replicas":8' in flat  # behind As JSON
    assert "Valuesused" in flat  # behind the whole evaluation
    assert f"({world.url}/history?" in flat
    assert "(/" not in flat
    expect(folds).to_have_count(before)
