"""Signing in, out, and linking an account elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import signing
from django.test import Client

from approvals.models import Agent, Identity, Person
from approvals.models.people import Role
from approvals.services import clock
from approvals.web import entering, linking, throttle
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOBODY_SIGNED_IN = "You are not signed in. Try again."


@pytest.fixture
def somebody(db: None) -> Person:
    return cast.person("lin", password=cast.PASSWORD)


def sign_in(client: Client, password: str = cast.PASSWORD, **extra: Any) -> Any:
    fields = {
        "email": "lin@example.com",
        "password": password,
        "next": "/queue",
        **extra.pop("fields", {}),
    }
    return client.post("/sign-in", fields, **extra)


def test_the_right_password_leads_to_where_one_wanted_to_go(somebody: Person) -> None:
    client = Client()

    answer = sign_in(client, fields={"next": "/r/REQ-1", "email": "LIN@Example.com"})

    assert (answer.status_code, answer.headers["Location"]) == (302, "/r/REQ-1")
    assert client.get("/queue").status_code == 200


@pytest.mark.parametrize("email", ["lin@example.com", "nobody@example.com", "not an address"])
def test_a_wrong_password_and_an_unknown_person_read_the_same(somebody: Person, email: str) -> None:
    answer = sign_in(Client(), "wrong", fields={"email": email})

    assert answer.status_code == 422
    assert NOBODY_SIGNED_IN in Page(answer.content.decode()).text


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\\evil.example",
        "/\t/evil.example",
        "/sign-out",
        "/" + "x" * 3000,
        "///evil.example",
    ],
)
def test_signing_in_never_leads_elsewhere(somebody: Person, elsewhere: str) -> None:
    answer = sign_in(Client(), fields={"next": elsewhere})

    assert answer.headers["Location"] == "/queue"


def test_a_disabled_person_cannot_sign_in_and_is_out_at_once(somebody: Person) -> None:
    client = Client()
    sign_in(client)
    Person.objects.filter(pk=somebody.pk).update(is_active=False)

    assert client.get("/queue").status_code == 302
    assert sign_in(Client()).status_code == 422


def test_guessing_is_stopped_for_the_guesser_and_not_for_the_owner(somebody: Person) -> None:
    guesser = Client(REMOTE_ADDR="203.0.113.9")
    answers = [sign_in(guesser, f"guess-{number}") for number in range(throttle.MOST_TRIES + 2)]

    assert [answer.status_code for answer in answers].count(429) >= 2
    locked = sign_in(guesser)
    assert locked.status_code == 429
    assert int(locked.headers["Retry-After"]) > 0
    assert "Nobody was signed in" in Page(locked.content.decode()).text
    assert sign_in(Client(REMOTE_ADDR="203.0.113.10")).status_code == 302


def test_a_lockout_names_whom_to_ask(somebody: Person, settings: Any) -> None:
    cast.person("olga", role=Role.OPERATOR, teams=())
    guesser = Client(REMOTE_ADDR="203.0.113.11")
    for number in range(throttle.MOST_TRIES):
        sign_in(guesser, f"guess-{number}")

    assert "or ask olga@example.com." in Page(sign_in(guesser).content.decode()).text
    settings.SUPPORT_CONTACT = "the help desk (4711)"
    assert "or ask the help desk (4711)." in Page(sign_in(guesser).content.decode()).text


def test_password_managers_find_their_fields(somebody: Person) -> None:
    page = Page(Client().get("/sign-in?next=/r/REQ-1").content.decode())

    assert page.by_id("email").attributes["autocomplete"] == "username"
    assert page.by_id("password").attributes["autocomplete"] == "current-password"
    assert "REQ-1" not in page.text


def test_a_session_ends_after_twelve_hours_and_can_go_on_for_a_day(somebody: Person) -> None:
    client = Client()
    sign_in(client)
    began = clock.now()
    ends = client.session.get_expiry_date()
    assert timedelta(hours=11, minutes=59) < ends - began <= timedelta(hours=12)

    session = client.session
    session[entering.BEGAN_AT] = (began - timedelta(hours=11)).isoformat()
    session.save()
    answer = client.post("/sign-in/stay")
    assert timedelta(hours=11, minutes=59) < datetime.fromisoformat(answer.json()["ends"]) - began

    session = client.session
    session[entering.BEGAN_AT] = (began - timedelta(hours=24)).isoformat()
    session.save()
    assert client.post("/sign-in/stay").status_code == 409
    assert Client().post("/sign-in/stay").status_code == 302


def test_a_decision_remembers_how_its_person_signed_in(lin: Browser, robo: Agent) -> None:
    session = lin.client.session
    session["signed_in_by"] = "passkey_session"
    session.save()
    row = cast.request(robo)

    lin.send(row.ref, "approve")

    assert row.decisions.get().authenticated_by == "passkey_session"


def test_signing_out_takes_a_post(somebody: Person) -> None:
    client = Client()
    sign_in(client)

    assert client.get("/sign-out").status_code == 405
    assert client.get("/queue").status_code == 200
    assert client.post("/sign-out").status_code == 302
    assert client.get("/queue").status_code == 302


def a_token(**changes: str) -> str:
    account = {"kind": "slack", "external_id": "T1:U9", "label": "@dana"} | changes
    return signing.dumps(account, salt=linking.SALT)


def test_linking_asks_first_and_links_on_a_yes(lin: Browser) -> None:
    token = a_token()

    page = lin.get(f"/link/slack?token={token}")
    assert page.every("h1")[0].text == "Link Slack user @dana to Lin?"
    assert not Identity.objects.exists()

    answer = lin.post("/link/slack", token=token)
    assert "now decides as Lin" in Page(answer.content.decode()).text
    identity = Identity.objects.get()
    assert (identity.person, identity.external_id, identity.verified_by) == (
        lin.person,
        "T1:U9",
        "linking_page",
    )


def test_an_account_of_somebody_else_is_not_taken(lin: Browser, ada: Browser) -> None:
    lin.post("/link/slack", token=a_token())

    assert ada.get(f"/link/slack?token={a_token()}", status=409).every("h1")[0].text == (
        "This link was for Lin. You are Ada."
    )
    answer = ada.post("/link/slack", token=a_token())

    assert answer.status_code == 409
    assert Identity.objects.get().person == lin.person


@pytest.mark.parametrize(
    "token", ["", "x", signing.dumps({"kind": "slack"}, salt="other"), "{a_token}broken"]
)
def test_a_link_we_did_not_make_links_nothing(lin: Browser, token: str) -> None:
    assert lin.client.get("/link/slack", {"token": token}).status_code == 410
    assert lin.post("/link/slack", token=token).status_code == 410
    assert not Identity.objects.exists()


def test_a_link_is_for_one_kind_of_account(lin: Browser) -> None:
    assert lin.post("/link/github", token=a_token()).status_code == 410
    assert not Identity.objects.exists()


def test_trying_many_accounts_from_one_address_is_slowed_down_too(db: None) -> None:
    def tries(number: int, address: str = "192.0.2.7") -> bool:
        return throttle.may_try(email=f"{number}@example.com", address=address, at=NOON)

    allowed = [tries(number) for number in range(throttle.MOST_FROM_ONE_ADDRESS + 2)]

    assert allowed.count(True) == throttle.MOST_FROM_ONE_ADDRESS
    assert allowed[-2:] == [False, False]
    assert tries(0, "192.0.2.8")
