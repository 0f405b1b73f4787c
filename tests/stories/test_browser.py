"""People decide in a real browser while other pages are open."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests.stories.entering import in_zone
from tests.stories.world import World
from tests.support import cast
from tests.support.browser import PATIENCE_MS

pytestmark = [pytest.mark.browser, pytest.mark.slow]
HOSTILE = "<img src=x onerror=alert(1)> *x* [a](http://evil.example) {{ 7 }}"
RESTART: dict[str, Any] = {
    "action": "restart_service",
    "target": "checkout",
    "parameters": {"service": "checkout"},
}


@pytest.fixture
def world(shared_world: World) -> World:
    """The service with nothing waiting."""
    shared_world.settle_everything()
    return shared_world


@pytest.fixture(scope="module")
def cookies() -> dict[str, Any]:
    """What each person's browser remembered; signing in often from one address is slowed down."""
    return {}


@pytest.fixture
def sign_in(
    browser: Browser, world: World, cookies: dict[str, Any]
) -> Iterator[Callable[..., Page]]:
    """`sign_in("lin")`: Lin's own browser, at the queue."""
    with ExitStack() as ending:

        def signed_in(name: str, zone: str = "UTC", **options: Any) -> Page:
            context = browser.new_context(
                locale="en-GB",
                timezone_id=zone,
                base_url=world.url,
                storage_state=cookies.get(name),
                **options,
            )
            context.set_default_timeout(PATIENCE_MS)
            ending.callback(context.close)
            page = context.new_page()
            page.goto("/queue")
            if "/sign-in" in page.url:
                page.get_by_label("E-mail").fill(f"{name}@example.com")
                page.get_by_label("Password").fill(cast.PASSWORD)
                page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_role("heading", name="Queue", level=1)).to_be_visible()
            cookies[name] = context.storage_state()
            return page

        yield signed_in


SignIn = Callable[..., Page]


def is_live(page: Page) -> None:
    expect(page.locator("#live-state")).to_have_text("Live")


def test_a_click_decides_and_every_open_page_shows_it(world: World, sign_in: SignIn) -> None:
    ref = world.submit()
    lin, others_queue, others_request = sign_in("lin"), sign_in("ada"), sign_in("sam")
    others_queue.goto("/queue?tab=all")
    others_request.goto(f"/r/{ref}")
    is_live(others_queue)
    is_live(others_request)
    for page in (others_queue, others_request):
        page.evaluate("window.neverReloaded = true")

    lin.get_by_role(
        "link", name=re.compile("Medium risk, Scale deployment · production-api")
    ).click()
    lin.get_by_role("button", name="Approve with a note… scale deployment · production-api").click()
    dialog = lin.get_by_role("dialog", name="Approve scale deployment · production-api?")
    expect(dialog.get_by_label("Note (optional)")).to_be_focused()
    dialog.get_by_role("button", name="Approve scale deployment · production-api").click()

    expect(lin.get_by_role("region", name="Decide", exact=True)).to_contain_text(
        "Approved by Lin at"
    )
    assert world.status(ref) == "approved"
    expect(others_queue.locator(f"#row-{ref}")).to_contain_text("✔ Approved")
    expect(others_request.get_by_role("region", name="Decide", exact=True)).to_contain_text(
        "Approved by Lin at"
    )
    for page in (others_queue, others_request):
        assert page.evaluate("window.neverReloaded")


def test_nothing_moves_under_the_pointer(world: World, sign_in: SignIn) -> None:
    first, second = world.submit(), world.submit(**RESTART)
    # So narrow that the time left takes three lines, which a closed row does not need.
    page = sign_in("lin", viewport={"width": 1120, "height": 800})
    is_live(page)
    rows = [page.locator(f"#row-{ref}") for ref in (first, second)]
    rows[1].hover()
    before = [row.bounding_box() for row in rows]

    for number in range(3):
        world.submit(**cast.HIGH | {"target": f"service-{number}"})
        world.submit(**RESTART | {"target": f"service-{number}"})
    world.decide("lin", first, "deny", "Not now.")

    button = page.get_by_role("button", name="Show 3 new requests")
    expect(button).to_be_visible()
    expect(rows[0]).to_contain_text("✖ Denied")
    assert [row.bounding_box() for row in rows] == before
    expect(page).to_have_title("(4) Queue · Countersign")

    page.keyboard.press(".")
    expect(button).to_be_hidden()
    expect(page.locator("#rows tr[data-ref]")).to_have_count(4)


def test_a_denial_without_a_reason_cannot_be_sent(world: World, sign_in: SignIn) -> None:
    ref = world.submit()
    page = sign_in("lin")
    page.goto(f"/r/{ref}")

    page.keyboard.press("d")
    dialog = page.get_by_role("dialog", name="Deny scale deployment · production-api?")
    deny = dialog.get_by_role("button", name="Deny scale deployment · production-api")
    deny.click()
    expect(dialog).to_be_visible()
    assert world.status(ref) == "pending"

    dialog.get_by_label("Not allowed by our rules").check()
    dialog.get_by_label("Reason").fill("Too late in the day.")
    deny.click()
    expect(page.get_by_role("region", name="Decide", exact=True)).to_contain_text("Denied by Lin")
    expect(page.get_by_role("region", name="Decide", exact=True)).to_contain_text("Nothing ran.")
    assert world.status(ref) == "denied"


def test_no_key_decides_and_keys_can_be_turned_off(world: World, sign_in: SignIn) -> None:
    ref = world.submit()
    page = sign_in("lin")
    page.goto(f"/r/{ref}")

    page.keyboard.press("a")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    with page.expect_response("**/preferences"):
        page.get_by_role("button", name="Turn keys off").click()
    zone = page.locator("#zone-switch").inner_text()
    for key in ("a", *"dqxjkt/?esuz.pgohm", "Escape", "Control+Enter"):
        page.keyboard.press(key)
        assert page.locator("dialog[open]").count() == 0, key
        assert page.url.endswith(f"/r/{ref}"), key
        assert page.locator("#zone-switch").inner_text() == zone, key

    page.get_by_role("button", name="Deny…").click()
    dialog = page.get_by_role("dialog", name="Deny scale deployment · production-api?")
    dialog.get_by_label("Not allowed by our rules").check()
    dialog.get_by_label("Reason").fill("Too late in the day.")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.method))
    page.keyboard.press("Control+Enter")
    page.evaluate("new Promise((go) => setTimeout(go))")  # what a key sends, it sends at once
    expect(dialog).to_be_visible()
    assert "POST" not in asked
    page.reload()
    page.keyboard.press("a")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert world.status(ref) == "pending"
    page.get_by_role("button", name="Turn keys on").click()


def test_what_is_selected_stays_selected_while_others_decide(world: World, sign_in: SignIn) -> None:
    refs = [world.submit(**RESTART | {"target": f"shop-{number}"}) for number in range(3)]
    page = sign_in("lin")
    is_live(page)
    page.locator(f"#row-{refs[0]} a").focus()
    page.keyboard.press("x")
    page.get_by_label(f"Select {refs[1]}").check()
    page.locator(f"#row-{refs[1]} a").focus()

    world.submit(**RESTART | {"target": "shop-9"})
    world.decide("lin", refs[2], "deny", "Not now.")

    expect(page.locator(f"#row-{refs[2]}")).to_contain_text("✖ Denied")
    expect(page.get_by_role("button", name="Show 1 new request")).to_be_visible()
    for ref in refs[:2]:
        expect(page.get_by_label(f"Select {ref}")).to_be_checked()
    expect(page.locator(f"#row-{refs[1]} a")).to_be_focused()
    expect(page.get_by_text("2 selected")).to_be_visible()

    page.keyboard.press(".")
    expect(page.locator("#rows tr[data-ref]")).to_have_count(3)
    for ref in refs[:2]:
        expect(page.get_by_label(f"Select {ref}")).to_be_checked()


def test_several_are_denied_with_one_reason(world: World, sign_in: SignIn) -> None:
    refs = [world.submit(**RESTART | {"target": f"shop-{number}"}) for number in range(2)]
    page = sign_in("lin")
    for ref in refs:
        page.get_by_label(f"Select {ref}").check()
    page.get_by_role("button", name="Deny…").click()
    expect(page.get_by_role("heading", name="Deny 2 requests?")).to_be_visible()
    page.get_by_label("Reason, the same for each").fill("Not during the freeze.")
    page.get_by_role("button", name="Deny 2 requests").click()

    expect(page.get_by_role("heading", name="2 requests denied")).to_be_visible()
    assert {world.status(ref) for ref in refs} == {"denied"}


def test_repeats_fold_and_unfold_without_moving_what_stands_above(
    world: World, sign_in: SignIn
) -> None:
    refs = [world.submit(**RESTART | {"target": f"shop-{number}"}) for number in range(5)]
    page = sign_in("lin")
    expect(page.locator(f"#row-{refs[1]}")).to_be_hidden()
    top = page.locator(f"#row-{refs[0]}").bounding_box()

    fold = page.get_by_role("button", name="4 similar from robo")
    fold.click()

    expect(page.locator(f"#row-{refs[4]}")).to_be_visible()
    expect(fold).to_have_attribute("aria-expanded", "true")
    assert page.locator(f"#row-{refs[0]}").bounding_box() == top


def test_critical_stands_first_and_the_tab_counts_what_it_shows(
    world: World, sign_in: SignIn
) -> None:
    for number in range(12):
        world.submit(**RESTART | {"target": f"shop-{number}"})
    high, critical = world.submit(**cast.HIGH), world.submit(**cast.CRITICAL)
    page = sign_in("lin")
    page.goto("/queue?tab=all")

    shown = page.locator("#rows tr[data-ref]")
    expect(shown).to_have_count(14)
    expect(page.get_by_role("link", name="All waiting 14")).to_be_visible()
    found = shown.evaluate_all("rows => rows.map((row) => row.dataset.ref)")
    assert (found[0], found[-1]) == (critical, high)
    expect(page.locator(f"#row-{high}")).to_contain_text("Config change · production-api")


def test_the_zone_of_times_is_switched_by_a_key_and_kept(world: World, sign_in: SignIn) -> None:
    ref = world.submit()
    page = sign_in("lin", zone="Asia/Kolkata")
    is_live(page)  # before its script runs no key does anything
    moment = page.locator(f"#row-{ref} time")
    iso = moment.get_attribute("datetime") or ""
    in_zone(page, "Times in UTC")
    expect(moment).to_have_text(re.compile(r"^\d\d:\d\d UTC$"))

    with page.expect_response("**/preferences"):
        page.keyboard.press("t")

    expect(moment).to_have_text(re.compile(r"\d\d:\d\d (GMT\+5:30|IST)$"))
    page.reload()
    expect(moment).to_have_text(re.compile(r"\d\d:\d\d (GMT\+5:30|IST)$"))
    expect(page.get_by_role("button", name="Times in my zone")).to_be_visible()
    assert moment.get_attribute("datetime") == iso
    assert iso.endswith("+00:00")
    for _ in range(2):
        with page.expect_response("**/preferences"):
            page.keyboard.press("t")
    expect(moment).to_have_text(re.compile(r"UTC$"))


@pytest.mark.parametrize(("width", "height"), [(390, 844), (320, 640)])
def test_nothing_scrolls_sideways_on_a_phone(
    world: World, sign_in: SignIn, width: int, height: int
) -> None:
    world.submit(target="x" * 120)
    page = sign_in("lin", viewport={"width": width, "height": height})

    over = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert over == 0
    page.get_by_text("More", exact=True).click()
    more = page.get_by_role("navigation", name="Pages, on a phone")
    for name in ("Queue", "History", "Agents", "On call", "Policies", "Guardrails", "Insights"):
        expect(more.get_by_role("link", name=name)).to_be_visible()
    expect(page.get_by_role("link", name="Stop an agent")).to_be_visible()


def test_what_was_typed_survives_what_others_decide(world: World, sign_in: SignIn) -> None:
    ref = world.submit(**cast.HIGH)
    page = sign_in("ada")
    page.goto(f"/r/{ref}")
    is_live(page)
    page.get_by_role("button", name="Deny… config change · production-api").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("I was just about to")

    world.decide("grace", ref, "deny", "Freeze.")

    expect(dialog.get_by_role("status")).to_contain_text("Denied by Grace")
    expect(dialog.get_by_label("Reason")).to_have_value("I was just about to")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    expect(
        dialog.get_by_role("button", name="Deny config change · production-api")
    ).to_be_disabled()
    dialog.get_by_role("button", name="Go back").or_(
        dialog.get_by_role("link", name="Go back")
    ).click()
    expect(page.get_by_role("region", name="Decide", exact=True)).to_contain_text("Denied by Grace")


def test_deciding_works_without_javascript(world: World, sign_in: SignIn) -> None:
    ref = world.submit(**cast.HIGH)
    page = sign_in("ada", java_script_enabled=False)
    page.get_by_role("link", name=re.compile("High risk, Config change")).click()
    page.get_by_role("button", name="Deny… config change · production-api").click()
    page.get_by_label("Not allowed by our rules").check()
    page.get_by_label("Reason").fill("Not during the freeze.")
    page.get_by_role("button", name="Deny config change · production-api", exact=True).click()

    expect(page.get_by_role("region", name="Decide", exact=True)).to_contain_text("Denied by Ada")
    assert world.status(ref) == "denied"


def test_hostile_text_is_only_ever_text(world: World, sign_in: SignIn) -> None:
    ref = world.submit(
        target=HOSTILE, parameters={"text": HOSTILE, HOSTILE: "x"}, reasoning=HOSTILE
    )
    page = sign_in("lin")
    asked: list[str] = []
    page.add_init_script("window.alert = () => { window.wasRun = true; };")
    page.on("request", lambda request: asked.append(request.url))

    expect(page.locator(f"#row-{ref}")).to_contain_text(HOSTILE)
    page.goto(f"/r/{ref}")

    expect(page.get_by_role("heading", level=1)).to_contain_text(HOSTILE)
    expect(page.locator(".parameters .value bdi").first).to_have_text(f'"{HOSTILE}"')
    expect(page.get_by_role("region", name="The agent says · not checked")).to_contain_text(HOSTILE)
    assert page.evaluate("window.wasRun") is None
    assert {url for url in asked if not url.startswith(world.url)} == set()


def test_a_cut_line_says_so_and_the_page_goes_on_asking(world: World, sign_in: SignIn) -> None:
    ref = world.submit()
    page = sign_in("lin")
    lines: list[WebSocketRoute] = []
    cut = [False]

    def relay(line: WebSocketRoute) -> None:
        if cut[0]:
            line.close()
            return
        lines.append(line)
        line.connect_to_server()

    page.route_web_socket(re.compile("/ws/live"), relay)
    page.reload()
    is_live(page)

    cut[0] = True
    lines[0].close()
    expect(page.get_by_role("alert")).to_contain_text(
        re.compile(r"Live updates stopped \d\d:\d\d:\d\d UTC\. What you see may be old\."),
        timeout=10_000,
    )
    world.decide("lin", ref, "deny", "No.")
    expect(page.locator(f"#row-{ref}")).to_contain_text("✖ Denied")

    cut[0] = False
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("alert")).to_be_hidden()


def test_signing_out_elsewhere_is_noticed_within_seconds(world: World, sign_in: SignIn) -> None:
    page = sign_in("lin")
    is_live(page)
    other = page.context.new_page()
    other.goto("/queue")
    other.get_by_role("button", name="Sign out").click()

    expect(page.get_by_role("alert")).to_contain_text("You are signed out.", timeout=6_000)


def test_the_countdown_follows_the_service_and_not_this_machine(
    world: World, sign_in: SignIn
) -> None:
    ref = world.submit(**cast.HIGH)
    page = sign_in("ada")
    page.clock.set_system_time("2030-01-01T00:00:00Z")
    page.goto(f"/r/{ref}")

    expect(page.locator(".time-left")).to_have_text(re.compile(r"^3 h 59 min left$|^4 h left$"))


def test_my_reminders_are_muted_by_a_key_and_had_again(world: World, sign_in: SignIn) -> None:
    ref = world.submit()
    page = sign_in("lin")
    page.goto(f"/r/{ref}")
    is_live(page)

    page.keyboard.press("s")

    expect(page.get_by_role("status").filter(has_text="not reminded")).to_be_visible()
    expect(page.get_by_text("You muted your reminders of this one.")).to_be_visible()
    expect(page.get_by_role("button", name="Approve now")).to_be_visible()
    page.get_by_role("region", name="Decide", exact=True).get_by_text("More").click()
    page.get_by_role("button", name="Remind me again").click()
    expect(page.get_by_role("status").filter(has_text="reminded of this one again")).to_be_visible()
    expect(page.get_by_text("You muted your reminders")).to_have_count(0)
    page.keyboard.press("s")
    expect(page.get_by_text("You muted your reminders of this one.")).to_be_visible()
    assert world.status(ref) == "pending"


def test_times_of_a_request_are_read_where_its_agent_works(world: World, sign_in: SignIn) -> None:
    ref = world.submit()
    manager = sign_in("ada")
    manager.goto("/agents/robo")
    manager.get_by_text("time zone…").click()
    manager.get_by_label("Time zone it works in").fill("Asia/Kolkata")
    manager.get_by_role("button", name="Save its time zone").click()
    expect(manager.get_by_text("works in Asia/Kolkata")).to_be_visible()

    page = sign_in("grace", zone="America/New_York")
    page.goto(f"/r/{ref}")
    moment = page.locator(".strip time")
    for words in (r"(EST|EDT|GMT-[45])$", r"(GMT\+5:30|IST)$"):
        with page.expect_response("**/preferences"):
            page.keyboard.press("t")
        expect(moment).to_have_text(re.compile(words))
    expect(page.get_by_role("button", name="Agent’s times, Asia/Kolkata")).to_be_visible()
    page.reload()
    expect(moment).to_have_text(re.compile(r"(GMT\+5:30|IST)$"))
    told = page.locator(f"#{moment.get_attribute('aria-describedby')}")
    expect(told).to_contain_text("UTC, here ")
    expect(told).to_contain_text(", at the agent ")

    page.goto("/queue?tab=all")
    expect(page.get_by_role("button", name="Times in UTC")).to_be_visible()
    expect(page.locator(f"#row-{ref} time")).to_have_text(re.compile(r"UTC$"))
    page.goto(f"/r/{ref}")
    for words in (r"UTC \(.*(EST|EDT|GMT-[45])\)$", r"UTC$"):
        with page.expect_response("**/preferences"):
            page.keyboard.press("t")
        expect(moment).to_have_text(re.compile(words))
    manager.get_by_text("time zone…").click()
    manager.get_by_label("Time zone it works in").fill("")
    manager.get_by_role("button", name="Save its time zone").click()
    expect(manager.get_by_text("works in Asia")).to_have_count(0)
