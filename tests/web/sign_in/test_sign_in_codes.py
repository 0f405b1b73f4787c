"""Password and one-time code, recovery codes, and where a second proof is required."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.test import Client

from approvals.domain import errors
from approvals.models import AuditEvent, OneTimeSecret, Passkey, Person
from approvals.services import clock, one_time_codes
from approvals.services import sign_in as rules
from approvals.web import throttle
from tests.support import cast
from tests.web.reading import Page

NOBODY = "Nobody was signed in"


@pytest.fixture
def recovery(lin: Person) -> list[str]:
    """Lin has codes; confirmed two steps ago, so that the code of now is unused."""
    return enrol(lin)


def enrol(person: Person) -> list[str]:
    then = clock.now() - timedelta(seconds=60)
    one_time_codes.begin(person=person, at=then)
    return one_time_codes.confirm(person=person, code=code(person, -60), at=then)


def code(person: Person, seconds: int = 0) -> str:
    """What the person's app shows so many seconds from now."""
    secret = one_time_codes.letters(OneTimeSecret.objects.get(person=person))
    at = clock.now() + timedelta(seconds=seconds)
    key = base64.b32decode(secret)
    return TOTP(key, 6, SHA1(), 30).generate(int(at.timestamp())).decode()


def password(client: Client, **fields: str) -> Any:
    typed = {"email": "lin@example.com", "password": cast.PASSWORD, "next": "/r/REQ-1"}
    return client.post("/sign-in", typed | fields)


def send(client: Client, typed: str) -> Any:
    return client.post("/sign-in/code", {"code": typed})


def is_out(client: Client) -> bool:
    return client.get("/queue").status_code == 302


def text(answer: Any) -> str:
    return Page(answer.content.decode()).text


def test_the_code_is_asked_for_after_the_password_and_leads_to_the_page_asked_for(
    lin: Person, recovery: list[str]
) -> None:
    client = Client()

    answer = password(client)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in/code")
    assert is_out(client)
    page = Page(client.get("/sign-in/code").content.decode())
    assert page.by_id("code").attributes["autocomplete"] == "one-time-code"

    answer = send(client, code(lin))
    assert (answer.status_code, answer.headers["Location"]) == (302, "/r/REQ-1")
    assert client.session["signed_in_by"] == "password_and_code_session"


def test_a_wrong_password_says_nothing_of_codes(lin: Person, recovery: list[str]) -> None:
    client = Client()
    assert password(client, password="wrong").status_code == 422
    assert client.get("/sign-in/code").status_code == 422


def test_no_code_counts_twice(lin: Person, recovery: list[str]) -> None:
    first, second, now = Client(), Client(), code(lin)
    for client in (first, second):
        password(client)

    assert send(first, now).status_code == 302
    answer = send(second, now)

    assert answer.status_code == 422
    assert "used already" in text(answer)
    assert is_out(second)


def test_a_code_older_than_one_used_is_gone_too(lin: Person, recovery: list[str]) -> None:
    OneTimeSecret.objects.update(last_step=int(clock.now().timestamp()) // 30)
    client = Client()
    password(client)
    assert send(client, code(lin, -30)).status_code == 422


@pytest.mark.parametrize(
    "typed", ["", "000000x", "12345", "١٢٣٤٥٦", "0" * 400, "\x00", "-" * 16, "abcd-efgh-jkmn-pqrs"]
)
def test_nothing_else_counts_as_a_code(lin: Person, recovery: list[str], typed: str) -> None:
    client = Client()
    password(client)

    answer = send(client, typed)

    assert answer.status_code == 422
    assert NOBODY in text(answer)
    assert is_out(client)


def test_a_recovery_code_counts_once_however_it_is_typed(lin: Person, recovery: list[str]) -> None:
    assert len(set(recovery)) == 10
    assert recovery[0] not in str(OneTimeSecret.objects.get().recovery_digests)
    client, another = Client(), Client()
    for each in (client, another):
        password(each)

    assert send(client, recovery[3].upper().replace("-", " ")).status_code == 302
    assert send(another, recovery[3]).status_code == 422
    assert len(OneTimeSecret.objects.get().recovery_digests) == 9
    last = AuditEvent.objects.filter(type="person.sign_in_changed").order_by("pk").last()
    assert last is not None
    assert last.entry["detail"]["recovery_code_used"] == 9


def test_guessing_codes_is_stopped_from_however_many_addresses(
    lin: Person, recovery: list[str], settings: Any
) -> None:
    settings.SUPPORT_CONTACT = "the help desk"
    clients = [Client(REMOTE_ADDR=f"192.0.2.{number}") for number in range(3)]
    for client in clients:
        password(client)

    answers = [send(clients[number % 3], "000000") for number in range(throttle.MOST_TRIES + 2)]

    assert answers[-1].status_code == 429
    assert "or ask the help desk" in text(answers[-1])
    assert send(clients[0], code(lin)).status_code == 429


def test_the_half_step_is_tied_to_its_browser_its_password_and_ten_minutes(
    lin: Person, recovery: list[str]
) -> None:
    client = Client()
    password(client)
    assert send(Client(), code(lin)).status_code == 422

    lin.set_password("another-correct-horse")
    lin.save()
    assert send(client, code(lin)).status_code == 422
    assert is_out(client)


def test_the_half_step_counts_once(lin: Person, recovery: list[str]) -> None:
    client = Client()
    password(client)
    slip = client.cookies["second-step"].value
    send(client, code(lin))
    again = Client()
    again.cookies["second-step"] = slip

    assert send(again, recovery[0]).status_code == 422
    assert is_out(again)


@pytest.mark.parametrize(("who", "asked"), [("lin", False), ("ada", True)])
def test_managers_may_be_asked_for_a_second_proof(
    db: None, settings: Any, who: str, asked: bool
) -> None:
    settings.REQUIRE_SECOND_FACTOR = "managers"
    cast.person(who, password=cast.PASSWORD)

    answer = password(Client(), email=f"{who}@example.com")

    assert answer.headers["Location"] == ("/sign-in/codes" if asked else "/r/REQ-1")


def test_whoever_needs_codes_and_has_none_sets_them_up_and_is_in(
    lin: Person, settings: Any
) -> None:
    settings.REQUIRE_SECOND_FACTOR = "all"
    client = Client()
    password(client)
    page = Page(client.get("/sign-in/codes").content.decode())
    assert page.every("img")[1].attributes["src"].startswith("data:image/svg+xml")
    assert is_out(client)

    assert client.post("/sign-in/codes", {"code": "000000"}).status_code == 422
    answer = client.post("/sign-in/codes", {"code": code(lin)})

    page = Page(answer.content.decode())
    assert len(page.every("ul")[0].every("li")) == 10
    assert not is_out(client)
    assert client.session["signed_in_by"] == "password_and_code_session"


def test_a_stolen_password_sets_up_no_codes_beside_a_passkey(lin: Person, settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = "all"
    Passkey.objects.create(
        person=lin, name="Laptop", credential_id="x", public_key=b"x", created_at=clock.now()
    )
    client = Client()

    answer = password(client)

    assert answer.status_code == 403
    assert client.get("/sign-in/codes").status_code == 422


def test_the_only_proof_is_not_given_away_where_one_is_required(
    lin: Person, recovery: list[str], settings: Any
) -> None:
    settings.REQUIRE_SECOND_FACTOR = "all"

    with pytest.raises(errors.NotAllowed):
        one_time_codes.remove(person=lin, at=clock.now())


def test_settings_turn_codes_on_and_off_for_a_fresh_sign_in_only(lin: Person) -> None:
    client = Client()
    password(client)
    page = Page(client.get("/settings/you/codes").content.decode())
    assert page.by_id("code").tag == "input"

    answer = client.post("/settings/you/codes", {"code": code(lin)})
    assert len(OneTimeSecret.objects.get().recovery_digests) == 10
    assert Page(answer.content.decode()).every("ul")

    session = client.session
    session["signed_in_at"] = (clock.now() - timedelta(minutes=6)).isoformat()
    session.save()
    answer = client.post("/settings/you/codes/remove")
    assert answer.headers["Location"].startswith("/sign-in/again?next=")
    assert rules.has_codes(lin)

    answer = client.post("/sign-in/again", {"password": cast.PASSWORD, "next": "/settings/you"})
    assert answer.headers["Location"] == "/settings/you"
    assert client.post("/settings/you/codes/remove").status_code == 302
    assert not rules.has_codes(lin)


def test_an_operator_forgets_the_proofs_of_whoever_lost_their_phone(
    lin: Person, recovery: list[str]
) -> None:
    rules.reset(person=lin, actor=cast.OPERATOR, at=clock.now())

    assert password(Client()).headers["Location"] == "/r/REQ-1"
    last = AuditEvent.objects.filter(type="person.sign_in_changed").order_by("pk").last()
    assert last is not None
    assert last.entry["detail"]["reset"] == {"passkeys": 0, "codes": 1, "single_sign_on": 0}


def test_the_secret_is_not_readable_in_the_database(lin: Person, recovery: list[str]) -> None:
    row = OneTimeSecret.objects.get()
    assert one_time_codes.letters(row) not in row.sealed_secret
