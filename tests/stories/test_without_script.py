"""Everything that matters, in a browser that runs no script: forms and links alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.stories.world import World
from tests.support import cast

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Enter = Callable[[str], Page]


@pytest.fixture(scope="module")
def world(shared_world: World) -> World:
    """The service with nothing waiting."""
    shared_world.settle_everything()
    return shared_world


@pytest.fixture(scope="module")
def enter(browser: Browser, world: World) -> Iterator[Enter]:
    """`enter("lin")`: Lin's browser without script, signed in by the form, at the queue."""
    with ExitStack() as ending:
        inside: dict[str, Page] = {}

        def entered(name: str) -> Page:
            if name not in inside:
                inside[name] = world.enter(browser, name, java_script_enabled=False)
                ending.callback(inside[name].context.close)
            inside[name].goto("/queue?tab=all")
            expect(inside[name].get_by_role("heading", name="Queue", level=1)).to_be_visible()
            return inside[name]

        yield entered


def decided(page: Page) -> Any:
    return expect(page.get_by_role("region", name="Decide", exact=True))


def test_signing_in_leads_to_where_one_wanted_to_go(world: World, browser: Browser) -> None:
    ref = world.submit()
    context = browser.new_context(base_url=world.url, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"/r/{ref}")
    page.get_by_label("E-mail").fill("sam@example.com")
    page.get_by_label("Password", exact=True).fill("not the one")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("E-mail")).to_have_value("sam@example.com")
    page.get_by_label("Password", exact=True).fill(cast.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(re.compile(f"/r/{ref}$"))
    context.close()
    world.settle_everything()


def test_medium_risk_is_approved_from_the_queue_with_one_button(world: World, enter: Enter) -> None:
    ref = world.submit()
    page = enter("lin")
    page.locator(f"#row-{ref} a").first.click()
    page.get_by_role("button", name="Approve now: scale deployment · production-api").click()
    decided(page).to_contain_text("Approved by Lin")
    assert world.status(ref) == "approved"


def test_a_denial_without_a_reason_comes_back_and_with_one_counts(
    world: World, enter: Enter
) -> None:
    ref = world.submit()
    page = enter("lin")
    page.goto(f"/r/{ref}")
    page.get_by_role("button", name="Deny… scale deployment · production-api").click()
    dialog = page.get_by_role("dialog", name="Deny scale deployment · production-api?")
    dialog.get_by_label("Not allowed by our rules").check()
    deny = dialog.get_by_role("button", name="Deny scale deployment · production-api")
    deny.click()  # the browser itself wants the reason
    assert world.status(ref) == "pending"
    dialog.get_by_label("Reason").fill("Not in the evening.")
    deny.click()
    decided(page).to_contain_text("Denied by Lin")
    decided(page).to_contain_text("Nothing ran.")
    assert world.status(ref) == "denied"


def test_high_risk_is_approved_through_the_form_that_repeats_it(world: World, enter: Enter) -> None:
    ref = world.submit(**cast.HIGH)
    page = enter("ada")
    page.goto(f"/r/{ref}")
    page.get_by_role("button", name="Approve… config change · production-api").click()
    dialog = page.get_by_role("dialog", name="Approve config change · production-api?")
    expect(dialog).to_contain_text("undone")
    dialog.get_by_role("button", name=re.compile("^Approve config change · production-api")).click()
    expect(page.get_by_role("complementary", name="Who decides")).to_contain_text("✔ Approved")
    assert world.status(ref) == "pending"  # of two
    world.decide("grace", ref, "approve")
    page.goto(f"/r/{ref}")
    decided(page).to_contain_text("Approved")
    assert world.status(ref) == "approved"


def test_a_question_is_asked_and_its_answer_read(world: World, enter: Enter) -> None:
    ref = world.submit()
    page = enter("lin")
    page.goto(f"/r/{ref}")
    page.get_by_role("button", name="Investigate… scale deployment · production-api").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("Why not wait for the night?")
    dialog.get_by_role("button", name=re.compile("scale deployment · production-api")).click()
    expect(page.get_by_role("main")).to_contain_text("Why not wait for the night?")
    assert world.status(ref) == "investigating"
    world.call(world.robo, "POST", f"/requests/{ref}/messages", {"text": "Customers wait now."})
    page.goto(f"/r/{ref}")
    expect(page.get_by_role("main")).to_contain_text("Customers wait now.")
    world.decide("lin", ref, "deny", "Then later.")


def test_history_is_searched_and_its_address_says_it_again(world: World, enter: Enter) -> None:
    ref = world.submit(target="shop-without-script")
    world.decide("lin", ref, "deny", "Never.")
    page = enter("lin")
    page.get_by_label("Search all requests").fill("shop-without-script outcome:denied")
    page.get_by_label("Search all requests").press("Enter")
    expect(page.locator("tr[data-ref]")).to_have_count(1)
    expect(page.locator(f"tr[data-ref={ref}]")).to_contain_text("✖ Denied")
    page.goto(page.url)
    expect(page.locator("tr[data-ref]")).to_have_count(1)


def test_every_page_is_there_and_says_what_it_is(enter: Enter) -> None:
    page = enter("ada")
    for name in ("History", "Agents", "Policies", "Guardrails", "Insights", "On call", "Settings"):
        page.get_by_role("navigation", name="Pages", exact=True).get_by_role(
            "link", name=name
        ).click()
        expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    page.get_by_role("navigation", name="Settings").get_by_role("link", name="You").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_several_are_ticked_and_denied_with_one_reason(world: World, enter: Enter) -> None:
    refs = [world.submit(target=f"ticked-{number}") for number in range(2)]
    page = enter("lin")
    for ref in refs:
        page.locator(f"#row-{ref}").get_by_role("checkbox").check()
    page.get_by_role("button", name="Deny…").click()
    page.get_by_label("Reason").fill("Both are too late today.")
    page.get_by_role("button", name="Deny 2 requests").click()
    expect(page.get_by_role("heading", name="2 requests denied", level=1)).to_be_visible()
    assert [world.status(ref) for ref in refs] == ["denied", "denied"]


def test_somebody_goes_away_and_comes_back(enter: Enter) -> None:
    page = enter("lin")
    page.goto("/oncall")
    page.get_by_label("Until", exact=True).fill("2099-01-01T08:00")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_role("region", name="Away").get_by_role("status")).to_be_visible()
    page.get_by_role("group", name="Set away now").get_by_role("button").first.click()
    expect(page.get_by_role("heading", name="You are marked away until")).to_be_visible()
    page.get_by_role("button", name="I am back").click()
    expect(page.get_by_role("heading", name="You are marked away until")).to_have_count(0)


def test_an_agent_is_registered_given_a_key_stopped_and_started(enter: Enter) -> None:
    page = enter("ada")
    page.goto("/agents/new")
    page.get_by_label("Name", exact=True).fill("plain-bot")
    page.get_by_label("Owner’s e-mail address").fill("sam@example.com")
    page.get_by_role("button", name="Register and show its key").click()
    shown = page.get_by_role("status", name="The new key, shown this once")
    first = shown.locator("pre").inner_text()
    page.goto("/agents/plain-bot")
    page.get_by_text("Issue a key…").click()
    page.get_by_label("Name, such as where it is kept").fill("spare")
    page.get_by_role("button", name="Issue a key for plain-bot").click()
    assert shown.locator("pre").inner_text() != first
    page.goto("/agents/stop")
    page.get_by_label("Which agent").select_option("plain-bot")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Why").fill("Trying the way without script.")
    page.get_by_role("button", name="Stop plain-bot now").click()
    page.goto("/agents/plain-bot")
    page.get_by_label("Why it may ask again").fill("It was a trial.")
    page.get_by_role("button", name="Start plain-bot again").click()
    expect(page.get_by_role("heading", name="plain-bot is stopped")).to_have_count(0)
    expect(page.get_by_role("heading", name="plain-bot", level=1)).to_be_visible()


def test_a_token_is_made_shown_once_and_revoked(enter: Enter) -> None:
    page = enter("lin")
    page.goto("/sign-in/again?next=/settings/you")
    page.get_by_label("Your password").fill(cast.PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("Make a token…").click()
    page.get_by_label("What is it for?").fill("plain browser")
    page.get_by_role("button", name="Make a token", exact=True).click()
    expect(page.get_by_role("status", name="Your new token")).to_be_visible()
    listed = page.locator("#tokens li").filter(has_text="plain browser")
    listed.get_by_role("button", name="Revoke the token").click()
    expect(listed).to_contain_text("Revoked")
    expect(listed.get_by_role("button")).to_have_count(0)


def test_a_block_is_judged_and_a_draft_checked(world: World, enter: Enter) -> None:
    ref = world.submit(**cast.FORBIDDEN)
    page = enter("ada")
    page.goto("/guardrails")
    page.get_by_label(f"No, {ref} was wrongly blocked…").click()
    page.get_by_label("What is wrong about it?").fill("It was a test database.")
    page.get_by_role("button", name=f"{ref} was wrongly blocked", exact=True).click()
    expect(page.locator("#p-blocked ~ div, [data-region=blocked]")).to_contain_text("1 wrong")
    page.goto("/policies/draft?file=plain.yaml")
    page.get_by_label("Its text").fill("actions: {forbidden: [wipe_disk]}\n")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_role("region", name="What it would do")).to_contain_text("Stricter:")


def test_the_simulator_answers_a_form(enter: Enter) -> None:
    page = enter("lin")
    page.goto("/policies/simulate")
    page.get_by_label("Action", exact=True).fill("drop_database")
    page.get_by_label("Target", exact=True).fill("orders")
    page.get_by_role("button", name="Simulate", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("refused")
