"""Signing in with a real browser: passkey, single sign-on, no JavaScript, and a session that ends."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fakes import oidc
from tests.fakes.oidc import IdentityProvider, Somebody
from tests.stories.world import World
from tests.support import cast
from tests.support.browser import PATIENCE_MS
from tests.support.processes import free_port
from tests.support.service import running

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Open = Callable[..., Page]
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with IdentityProvider() as running:
        running.user = Somebody(subject="ada-at-work", email="ada@example.com", name="Ada")
        running.extra = {"end_session_endpoint": f"{running.url}/leave"}
        yield running


@pytest.fixture(scope="module")
def world(provider: IdentityProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The service by a name, for browsers know passkeys for names alone."""
    port = free_port()
    with running(
        tmp_path_factory.mktemp("sign-in"),
        PORT=str(port),
        PUBLIC_URL=f"http://localhost:{port}",
        OIDC_ISSUER=provider.url,
        OIDC_CLIENT_ID=oidc.CLIENT,
        OIDC_CLIENT_SECRET=oidc.SECRET,
        OIDC_NAME="Acme Login",
    ) as service:
        yield World(service)


@pytest.fixture
def at(browser: Browser, world: World) -> Iterator[Open]:
    """`at("/r/REQ-1")`: a browser that has never been here."""
    with ExitStack() as ending:

        def opened(address: str, **options: Any) -> Page:
            base = world.url.replace("127.0.0.1", "localhost")
            context = browser.new_context(locale="en-GB", base_url=base, **options)
            context.set_default_timeout(PATIENCE_MS)
            ending.callback(context.close)
            page = context.new_page()
            page.goto(address)
            return page

        yield opened


def by_password(page: Page, name: str = "lin") -> None:
    page.get_by_label("E-mail").fill(f"{name}@example.com")
    page.get_by_label("Password", exact=True).fill(cast.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def is_request(page: Page) -> None:
    expect(page.get_by_role("region", name="Decide", exact=True)).to_be_visible()


def complaints(page: Page) -> list[str]:
    """What the page's security policy forbade."""
    found: list[str] = []
    page.on(
        "console", lambda said: found.append(said.text) if "Content Security" in said.text else None
    )
    return found


def test_a_passkey_made_in_settings_signs_in_with_one_click_to_the_page_asked_for(
    world: World, at: Open
) -> None:
    ref = world.submit()
    page = at("/settings/you")
    forbidden = complaints(page)
    speaks = page.context.new_cdp_session(page)
    speaks.send("WebAuthn.enable")
    speaks.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    by_password(page)
    page.get_by_label("Name of a new passkey").fill("Laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("button", name="Remove the passkey Laptop")).to_be_visible()

    page.context.clear_cookies()
    page.goto(f"/r/{ref}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert ref not in page.locator("main").inner_text()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(re.compile(rf"/r/{ref}$"))
    is_request(page)

    page.goto(f"/sign-in/again?next=/r/{ref}")
    page.get_by_role("button", name="Use a passkey").click()
    is_request(page)
    assert forbidden == []


def test_single_sign_on_leads_out_and_back_to_the_page_asked_for(world: World, at: Open) -> None:
    ref = world.submit()
    page = at(f"/r/{ref}?full=1")
    forbidden = complaints(page)

    page.get_by_role("link", name="Continue with Acme Login").click()

    is_request(page)
    assert page.url.endswith(f"/r/{ref}?full=1")
    expect(page.locator(".me")).to_contain_text("Ada")
    assert forbidden == []


@pytest.mark.parametrize("has_script", [True, False])
def test_signing_out_leads_on_to_the_provider_with_and_without_script(
    world: World, provider: IdentityProvider, at: Open, has_script: bool
) -> None:
    page = at("/queue", java_script_enabled=has_script)
    forbidden = complaints(page)
    page.get_by_role("link", name="Continue with Acme Login").click()
    expect(page).to_have_url(re.compile("/queue"))

    page.get_by_role("button", name="Sign out").first.click()

    expect(page).to_have_url(re.compile(re.escape(f"{provider.url}/leave?")))
    assert "id_token_hint=" in page.url
    page.goto("/queue")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert forbidden == []


def test_a_password_signs_in_without_javascript(world: World, at: Open) -> None:
    ref = world.submit()
    page = at(f"/r/{ref}", java_script_enabled=False)
    expect(page.get_by_role("button", name="Use a passkey")).to_be_hidden()

    by_password(page)

    is_request(page)
    assert page.url.endswith(f"/r/{ref}")


def test_a_session_that_ends_says_so_before_and_can_go_on(world: World, at: Open) -> None:
    page = at("/settings/you")
    page.clock.install()
    by_password(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Settings")
    page.wait_for_load_state("load")  # its scripts read the clock of this machine when they begin
    page.clock.fast_forward("11:50:00")
    expect(page.get_by_role("button", name="Stay signed in")).to_be_hidden()

    page.clock.fast_forward("06:00")
    page.get_by_role("button", name="Stay signed in").click()

    expect(page.get_by_role("button", name="Stay signed in")).to_be_hidden()


def test_what_was_typed_is_there_again_after_signing_in_again(world: World, at: Open) -> None:
    ref = world.submit()
    page = at(f"/r/{ref}")
    by_password(page)
    question = page.locator('form[data-keep="investigate"] textarea')
    page.get_by_role("button", name="Investigate…").click()
    question.fill("Why five replicas and not three?")

    page.context.clear_cookies(name="session")
    question.locator("xpath=ancestor::form").locator("[type=submit]").click()
    by_password(page)

    is_request(page)
    expect(question).to_have_value("Why five replicas and not three?")
