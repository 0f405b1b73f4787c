"""Passkeys: made in Settings, used to sign in and to prove it again, and every false answer refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from approvals.models import AuditEvent, Passkey, Person
from approvals.services import clock
from approvals.web import fresh
from tests.fakes.authenticator import PRESENT, VERIFIED, Authenticator
from tests.support import cast
from tests.web.reading import Page

ORIGIN, DOMAIN = "https://approve.example", "approve.example"


@pytest.fixture(autouse=True)
def place(settings: Any) -> None:
    settings.PUBLIC_URL = ORIGIN


@pytest.fixture
def home(lin: Person) -> Client:
    """Lin, signed in by password a moment ago."""
    return signed_in("lin")


@pytest.fixture
def laptop(home: Client) -> Authenticator:
    """Holds a passkey of Lin's."""
    return registered(home, "Laptop")


def signed_in(name: str) -> Client:
    client = Client()
    client.post("/sign-in", {"email": f"{name}@example.com", "password": cast.PASSWORD})
    return client


def registered(client: Client, name: str) -> Authenticator:
    made = Authenticator(ORIGIN, DOMAIN)
    options = client.post("/settings/you/passkeys/options").json()
    answer = client.post("/settings/you/passkeys", {"answer": made.make(options), "name": name})
    assert answer.status_code == 302, answer.content
    return made


def prove(client: Client, by: Authenticator, **fields: str) -> Any:
    options = client.post("/sign-in/passkey/options").json()
    return client.post("/sign-in/passkey", {"answer": by.sign(options)} | fields)


def is_out(client: Client) -> bool:
    return client.get("/queue").status_code == 302


def text(answer: Any) -> str:
    return Page(answer.content.decode()).text


def test_a_passkey_is_made_in_settings_and_signs_in_with_nothing_typed(
    laptop: Authenticator, lin: Person
) -> None:
    client = Client()

    answer = prove(client, laptop, next="/r/REQ-1")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/r/REQ-1")
    assert client.session["signed_in_by"] == "passkey_session"
    assert client.session["_auth_user_id"] == str(lin.pk)
    row = Passkey.objects.get()
    assert (row.name, row.sign_count, row.transports) == ("Laptop", 2, ["internal"])
    assert row.last_used_at is not None
    assert AuditEvent.objects.filter(type="person.sign_in_changed").count() == 1


def test_the_browser_is_asked_to_make_sure_of_the_owner(home: Client) -> None:
    made = home.post("/settings/you/passkeys/options").json()
    asked = Client().post("/sign-in/passkey/options").json()

    assert made["authenticatorSelection"]["userVerification"] == "required"
    assert made["authenticatorSelection"]["residentKey"] == "required"
    assert (asked["userVerification"], asked["rpId"]) == ("required", DOMAIN)
    assert asked["allowCredentials"] == []


FALSE: dict[str, Callable[[Authenticator], object]] = {
    "another site": lambda by: setattr(by, "origin", "https://approve.example.evil.example"),
    "another domain": lambda by: setattr(by, "domain", "evil.example"),
    "owner not made sure of": lambda by: setattr(by, "flags", PRESENT),
    "nobody there": lambda by: setattr(by, "flags", VERIFIED),
    "another key": lambda by: setattr(by, "key", Authenticator(ORIGIN, DOMAIN).key),
    "unknown": lambda by: setattr(by, "number", b"nobody's"),
    "another owner": lambda by: setattr(by, "handle", b"person:0"),
    "a count that went back": lambda by: setattr(by, "count", -1),
    "a count that stood still": lambda by: setattr(by, "count", 0),
}


@pytest.mark.parametrize("how", FALSE)
def test_a_false_answer_lets_nobody_in(laptop: Authenticator, how: str) -> None:
    client = Client()
    FALSE[how](laptop)

    answer = prove(client, laptop)

    assert answer.status_code == 403
    assert "Nobody was signed in" in text(answer)
    assert is_out(client)


@pytest.mark.parametrize(
    "answer",
    ["", "x", "[]", "{}", '{"id": {}, "response": {}}', '{"id": "\\u0000", "response": {}}',
     '{"id": "a", "rawId": 7, "type": [], "response": {"clientDataJSON": null}}', "[" * 9000, "9" * 20_000],
)  # fmt: skip
def test_nonsense_lets_nobody_in(laptop: Authenticator, answer: str) -> None:
    client = Client()
    client.post("/sign-in/passkey/options")

    assert client.post("/sign-in/passkey", {"answer": answer}).status_code == 403
    assert is_out(client)


@pytest.mark.parametrize("part", ["clientDataJSON", "authenticatorData", "signature"])
@pytest.mark.parametrize("value", [None, 7, "", "!!", "AAAA", ["x"], "A" * 3000])
def test_a_broken_part_lets_nobody_in(laptop: Authenticator, part: str, value: Any) -> None:
    client = Client()
    options = client.post("/sign-in/passkey/options").json()
    said = json.loads(laptop.sign(options))
    said["response"][part] = value

    assert client.post("/sign-in/passkey", {"answer": json.dumps(said)}).status_code == 403


def test_an_answer_counts_once_and_for_the_browser_that_was_asked(laptop: Authenticator) -> None:
    client, other = Client(), Client()
    options = client.post("/sign-in/passkey/options").json()
    slip = client.cookies["passkey-proof"].value
    answer = laptop.sign(options)

    other.post("/sign-in/passkey/options")
    assert other.post("/sign-in/passkey", {"answer": answer}).status_code == 403
    assert Client().post("/sign-in/passkey", {"answer": answer}).status_code == 422
    assert client.post("/sign-in/passkey", {"answer": answer}).status_code == 302

    again = Client()
    again.cookies["passkey-proof"] = slip
    assert again.post("/sign-in/passkey", {"answer": laptop.sign(options)}).status_code == 422
    assert is_out(again)


def test_somebody_switched_off_stays_out(laptop: Authenticator, lin: Person) -> None:
    Person.objects.filter(pk=lin.pk).update(is_active=False)
    assert prove(Client(), laptop).status_code == 403


def test_proving_it_again_makes_the_session_fresh(home: Client, laptop: Authenticator) -> None:
    age(home)

    answer = prove(home, laptop, next="/r/REQ-1")

    assert answer.headers["Location"] == "/r/REQ-1"
    assert home.session["signed_in_by"] == "passkey_session"
    assert home.session[fresh.SIGNED_IN_AT] > (clock.now() - timedelta(minutes=1)).isoformat()


def test_the_passkey_of_somebody_else_proves_nothing_again(laptop: Authenticator) -> None:
    cast.person("ada", password=cast.PASSWORD)
    ada = signed_in("ada")
    age(ada)

    assert prove(ada, laptop).status_code == 403
    assert ada.session[fresh.SIGNED_IN_AT] < (clock.now() - timedelta(minutes=5)).isoformat()


def test_adding_one_takes_a_fresh_sign_in_of_the_same_person(home: Client) -> None:
    made = Authenticator(ORIGIN, DOMAIN)
    options = home.post("/settings/you/passkeys/options").json()
    cast.person("ada", password=cast.PASSWORD)
    ada = signed_in("ada")
    ada.cookies["passkey-new"] = home.cookies["passkey-new"].value
    fields = {"answer": made.make(options), "name": "Mine"}

    assert ada.post("/settings/you/passkeys", fields).status_code == 422
    age(home)
    assert home.post("/settings/you/passkeys/options").status_code == 403
    answer = home.post("/settings/you/passkeys", fields)
    assert answer.headers["Location"].startswith("/sign-in/again")
    assert not Passkey.objects.exists()


def test_a_name_is_asked_for_and_can_be_changed(home: Client, laptop: Authenticator) -> None:
    number = Passkey.objects.get().pk
    assert home.post(f"/settings/you/passkeys/{number}/rename", {"name": " "}).status_code == 422
    assert home.post(f"/settings/you/passkeys/{number}/rename", {"name": "Work"}).status_code == 302

    page = Page(home.get("/settings/you").content.decode())
    assert "Remove the passkey Work" in page.buttons


def test_one_is_removed_by_its_owner_alone(home: Client, laptop: Authenticator) -> None:
    number = Passkey.objects.get().pk
    cast.person("ada", password=cast.PASSWORD)

    assert signed_in("ada").post(f"/settings/you/passkeys/{number}/remove").status_code == 404
    assert home.post(f"/settings/you/passkeys/{10**30}/remove").status_code == 404
    assert home.post(f"/settings/you/passkeys/{number}/remove").status_code == 302
    assert prove(Client(), laptop).status_code == 403


def test_there_is_no_button_where_browsers_allow_no_passkeys(lin: Person, settings: Any) -> None:
    settings.PUBLIC_URL = "http://127.0.0.1:8000"

    page = Page(Client().get("/sign-in").content.decode())

    assert page.buttons == ["Sign in"]
    assert Client().post("/sign-in/passkey/options").status_code == 404


def age(client: Client) -> None:
    """Six minutes pass."""
    session = client.session
    session[fresh.SIGNED_IN_AT] = (clock.now() - timedelta(minutes=6)).isoformat()
    session.save()
