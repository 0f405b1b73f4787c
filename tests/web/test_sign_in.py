"""Signing in, out, and linking an account elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core import signing
from django.test import Client

from approvals.models import Identity, Person
from approvals.web import linking, throttle
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
    ["https://evil.example/", "//evil.example", "\\\\evil.example", "javascript:alert(1)"],
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
