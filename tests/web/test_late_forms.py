"""A form sent after the session ended leads through signing in to the page it stood on."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import signing
from django.test import Client

from approvals.domain.terms import AlertKind
from approvals.models import Agent
from approvals.models.people import Role
from approvals.services import clock, exports, views
from approvals.web import linking, urls
from tests.support import cast
from tests.web.alerting import an_alert
from tests.web.conftest import Browser
from tests.web.test_every_address import addresses, filled
from tests.web.test_guardrails import a_trip

HOST = "http://testserver"


@pytest.fixture
def rita(robo: Agent) -> Browser:
    """Somebody who may open every page."""
    return Browser(cast.person("rita", teams=("team-leads",), role=Role.OPERATOR))


@pytest.fixture
def known(rita: Browser, robo: Agent) -> list[str]:
    """Every address of the dashboard, of something that is there."""
    asked, blocked = cast.request(robo), cast.request(robo, **cast.FORBIDDEN)
    view = views.save(
        person=rita.person, page="queue", name="mine", query="tab=all", at=clock.now()
    )
    made = exports.ask(person=rita.person, form="csv", text="", at=clock.now())
    ids = {
        "r/": asked.ref, "agents/": "robo", "guardrails/alerts/": str(an_alert(AlertKind.SCOPE_VIOLATION).pk),
        "guardrails/breakers/": str(a_trip().pk), "guardrails/blocks/": blocked.ref,
        "views/<int": str(view.pk), "views/<slug": "queue", "history/exports/": str(made.public_id),
        "settings/channels/": "slack", "link/": "slack",
    }  # fmt: skip
    return [filled(route, ids) for route, _ in addresses(urls.urlpatterns)]


def token() -> str:
    """What Slack hands to somebody whose account is to be linked."""
    account = {"kind": "slack", "external_id": "U1", "label": "lin"}
    return signing.dumps(account, salt=linking.SALT)


def sent_late(address: str, fields: dict[str, str], came_from: str = "") -> str:
    """Where the sign-in page is told to lead; empty for what nobody need be signed in for."""
    answer = Client().post(address, fields, headers={"Referer": came_from} if came_from else {})
    place = urlsplit(answer.headers.get("Location", ""))
    return parse_qs(place.query).get("next", [""])[0] if place.path == "/sign-in" else ""


def late(known: list[str]) -> Iterator[str]:
    """The addresses that take forms."""
    yield from (each for each in known if Client().post(each).status_code != 405)


def answered(reader: Browser, address: str) -> int:
    """What whoever has signed in again is told in the end."""
    return reader.client.get("/sign-in", {"next": address}, follow=True).status_code


def test_every_form_leads_to_a_page_that_can_be_opened(rita: Browser, known: list[str]) -> None:
    fields = {
        "seen": "REQ-1~1~a",
        "agent": "robo",
        "token": token(),
        "q": "risk:low",
        "file": "a.yaml",
    }
    led = {address: sent_late(address, fields) for address in late(known)}

    assert len(led) > 50
    open_to_all = [address for address, page in led.items() if not page]
    assert all(address == "/" or address.startswith("/sign-") for address in open_to_all)
    for address, page in led.items():
        assert answered(rita, page) in ({200, 409} if address.endswith("/scope") else {200}), (
            address
        )
        for came_from in (HOST + address, "http://[", "https://evil.example/x", "//evil.example"):
            assert sent_late(address, fields, came_from) == page


def test_a_page_that_takes_its_own_form_is_led_back_to(rita: Browser, known: list[str]) -> None:
    own = [each for each in late(known) if rita.client.get(each).status_code != 405]
    led = {address: sent_late(address, {}) for address in own if sent_late(address, {})}

    assert len(led) > 8
    assert led == {address: address for address in led} | {"/sign-in/again": "/queue"}


def test_whichever_page_the_browser_names_can_be_opened(rita: Browser, known: list[str]) -> None:
    query = "?kind=scope_violation_attempts&do=deny&ref=REQ-1"
    led = {address: sent_late("/preferences", {}, HOST + address + query) for address in known}

    assert sum(page == address + query for address, page in led.items()) > 15
    for address, page in led.items():
        assert page in {address + query, "/queue"}
        assert rita.client.get(page).status_code != 405, address


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "fields", "page"),
    [
        ("/views/queue", {"name": "mine"}, "/queue?tab=all&risk=high"),
        ("/views/3/delete", {}, "/history?q=risk%3Alow"),
        ("/queue/assign", {"ref": "REQ-1"}, "/queue/several?do=assign&ref=REQ-1"),
        (
            "/guardrails/alerts/7/close",
            {},
            "/guardrails/alerts?kind=unusual_action_patterns&before=9",
        ),
        ("/guardrails/breakers/7/reset", {}, "/guardrails/breakers?before=9"),
        ("/oncall/shifts", {}, "/oncall?from=2026-11-23"),
        ("/policies/draft", {"text": "x"}, "/policies/simulate?action=restart"),
        ("/settings/messages/7/resend", {}, "/r/REQ-1"),
        ("/settings/tests", {}, "/settings/channels/slack"),
        ("/history/exports", {"q": "risk:low"}, "/history?q=risk%3Alow&show=why"),
    ],
)
def test_the_very_page_a_form_stood_on_is_opened_again(
    address: str, fields: dict[str, str], page: str
) -> None:
    assert sent_late(address, fields, HOST + page) == page


@pytest.mark.django_db
def test_of_another_site_nothing_but_a_page_of_ours_is_taken() -> None:
    assert sent_late("/preferences", {}, "https://evil.example/oncall") == "/oncall"
    assert sent_late("/preferences", {}, "https://evil.example//evil.example/oncall") == "/queue"


def test_an_account_is_still_to_be_linked_after_signing_in(lin: Browser) -> None:
    page = sent_late("/link/slack", {"token": token()})

    assert "Link Slack user lin to Lin?" in lin.get(page).text


def test_a_search_typed_for_an_export_stands_there_again(lin: Browser) -> None:
    came_from = f"{HOST}/history/exports?q=old"
    page = lin.get(sent_late("/history/exports", {"q": "agent:robo"}, came_from))

    assert page.by_id("export-search").attributes["value"] == "agent:robo"


def test_another_try_of_an_export_leads_to_that_export(rita: Browser, known: list[str]) -> None:
    again = next(each for each in known if each.endswith("/retry"))

    assert sent_late(again, {}) == again.removesuffix("/retry")


@pytest.mark.django_db
def test_whoever_proved_it_too_late_goes_on_to_what_asked_for_it() -> None:
    assert sent_late("/sign-in/again", {"next": "/settings/you"}) == "/settings/you"
    led = Client().get("/sign-in/again?next=/settings/you").headers["Location"]
    assert led == "/sign-in?next=%2Fsettings%2Fyou"
