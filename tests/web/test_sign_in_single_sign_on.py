"""Single sign-on: who is let in, what is kept, and every forgery refused in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.test import Client

from approvals.models import AuditEvent, Identity, Person
from approvals.models.people import Role
from approvals.project import sign_in_checks
from approvals.web import fresh
from tests.fakes import oidc
from tests.fakes.oidc import IdentityProvider
from tests.fakes.server import done_and_gone, garbage, half, hangs_up, nonsense, says
from tests.support import cast
from tests.web.reading import Page

BEGIN, BACK = "/sign-in/single-sign-on", "/sign-in/single-sign-on/back"
NOBODY = "Nobody was signed in"


@pytest.fixture
def provider(settings: Any) -> Iterator[IdentityProvider]:
    with IdentityProvider() as running:
        settings.OIDC_ISSUER = running.url
        settings.OIDC_CLIENT_ID = oidc.CLIENT
        settings.OIDC_CLIENT_SECRET = oidc.SECRET
        settings.OIDC_NAME = "Acme Login"
        settings.SUPPORT_CONTACT = "the help desk"
        yield running


@pytest.fixture
def lin(db: None) -> Person:
    return cast.person("lin", password=cast.PASSWORD)


def there(provider: IdentityProvider, client: Client, **fields: str) -> str:
    """Begin in a browser, pass the provider, and return the address it sends the browser to."""
    answer = client.get(BEGIN, fields)
    assert answer.status_code == 302, answer.content
    assert answer.headers["Location"].startswith(f"{provider.url}/authorize?")
    address = provider.go(answer.headers["Location"])
    return address[address.index(BACK) :]


def walk(provider: IdentityProvider, client: Client, **fields: str) -> Any:
    return client.get(there(provider, client, **fields))


def words(answer: Any) -> str:
    return Page(answer.content.decode()).text


def is_out(client: Client) -> bool:
    return client.get("/queue").status_code == 302


def test_a_verified_address_lets_in_the_first_time_and_the_account_ever_after(
    provider: IdentityProvider, lin: Person
) -> None:
    client = Client()

    answer = walk(provider, client, next="/r/REQ-1?full=1")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/r/REQ-1?full=1")
    assert client.get("/queue").status_code == 200
    identity = Identity.objects.get()
    assert (identity.person, identity.kind, identity.verified_by) == (lin, "oidc", "verified_email")
    assert identity.external_id == f"{provider.url} lin-at-work"
    event = AuditEvent.objects.filter(type="person.linked").get()
    assert event.entry["detail"]["person"] == lin.email

    provider.user.email, provider.user.is_verified = "married@example.com", False
    assert walk(provider, Client()).status_code == 302
    assert Identity.objects.count() == 1


def test_the_session_says_how_it_began_and_counts_as_fresh_only_if_the_provider_says_when(
    provider: IdentityProvider, lin: Person
) -> None:
    client = Client()
    walk(provider, client)
    assert client.session["signed_in_by"] == "oidc_session"
    assert client.session[fresh.SIGNED_IN_AT].startswith("1970")

    answer = walk(provider, client, again="yes", next="/r/REQ-1")

    assert answer.headers["Location"] == "/r/REQ-1"
    assert not client.session[fresh.SIGNED_IN_AT].startswith("1970")


def test_proving_it_again_as_somebody_else_changes_nothing(
    provider: IdentityProvider, lin: Person
) -> None:
    cast.person("dana")
    client = Client()
    walk(provider, client)
    provider.user = oidc.Somebody(subject="dana", email="dana@example.com", name="Dana")

    answer = walk(provider, client, again="yes")

    assert answer.status_code == 403
    assert "This proof was Dana's. You are Lin." in words(answer)
    assert client.session["_auth_user_id"] == str(lin.pk)


def test_a_provider_that_does_not_make_sure_anew_proves_nothing_again(
    provider: IdentityProvider, lin: Person
) -> None:
    client = Client()
    walk(provider, client)
    provider.change = lambda claims: claims.update(auth_time=1_000_000)

    answer = walk(provider, client, again="yes")

    assert answer.status_code == 403
    assert client.session[fresh.SIGNED_IN_AT].startswith("1970")


FORGERIES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "another nonce": lambda claims: claims.update(nonce="another"),
    "no nonce": lambda claims: claims.pop("nonce"),
    "another audience": lambda claims: claims.update(aud="another-client"),
    "ours among others": lambda claims: claims.update(aud=[oidc.CLIENT, "another-client"]),
    "issued to another": lambda claims: claims.update(azp="another-client"),
    "expired": lambda claims: claims.update(exp=1_000_000),
    "never expires": lambda claims: claims.pop("exp"),
    "from tomorrow": lambda claims: claims.update(iat=claims["iat"] + 86_400),
    "another issuer": lambda claims: claims.update(iss="https://evil.example"),
    "no issuer": lambda claims: claims.pop("iss"),
    "no subject": lambda claims: claims.pop("sub"),
    "an empty subject": lambda claims: claims.update(sub=""),
    "an odd subject": lambda claims: claims.update(sub=["lin-at-work"]),
    "odd times": lambda claims: claims.update(exp="for ever", iat={}),
    "endless": lambda claims: claims.update(exp=float("inf")),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_token_that_says_something_wrong_lets_nobody_in(
    provider: IdentityProvider, lin: Person, forgery: str
) -> None:
    client = Client()
    provider.change = FORGERIES[forgery]

    answer = walk(provider, client)

    assert answer.status_code == 403
    assert NOBODY in words(answer)
    assert is_out(client)
    assert not Identity.objects.exists()


SIGNATURES = {
    "none": oidc.unsigned,
    "HS256 with the public key": oidc.signed_with_the_public_key,
    "another key": oidc.signed_by_a_stranger,
    "an unknown key": lambda to, claims: oidc.signed(to, claims, by="second", kid="second"),
    "no token": lambda *_: "x",
    "three parts of nothing": lambda *_: "e30.e30.e30",
    "far too long": lambda *_: "a" * 40_000,
}


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_token_the_provider_did_not_sign_lets_nobody_in(
    provider: IdentityProvider, lin: Person, signature: str
) -> None:
    client = Client()
    provider.sign = SIGNATURES[signature]

    answer = walk(provider, client)

    assert answer.status_code == 403
    assert NOBODY in words(answer)
    assert is_out(client)


def test_a_new_key_is_fetched_once_and_unknown_ones_start_no_storm(
    provider: IdentityProvider, lin: Person
) -> None:
    walk(provider, Client())
    provider.sign = SIGNATURES["an unknown key"]
    for _ in range(5):
        walk(provider, Client())
    assert len(provider.called("GET", "/keys")) == 1  # within the pause nothing is asked again


def test_another_browser_cannot_finish_what_this_one_began(
    provider: IdentityProvider, lin: Person
) -> None:
    victim, attacker = Client(), Client()
    address = there(provider, attacker)

    assert victim.get(address).status_code == 403
    there(provider, victim)
    assert victim.get(address).status_code == 403
    assert is_out(victim)
    assert not provider.called("POST", "/token")


def test_an_answer_counts_once(provider: IdentityProvider, lin: Person) -> None:
    client = Client()
    address = there(provider, client)
    slip = client.cookies["single-sign-on"].value
    assert client.get(address).status_code == 302

    again = Client()
    again.cookies["single-sign-on"] = slip
    answer = again.get(address)

    assert answer.status_code == 403
    assert is_out(again)
    assert len(provider.called("POST", "/token")) == 1


def test_a_code_somebody_else_used_lets_nobody_in(provider: IdentityProvider, lin: Person) -> None:
    client = Client()
    address = there(provider, client)
    provider.codes.clear()

    answer = client.get(address)

    assert answer.status_code == 403
    assert NOBODY in words(answer)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?state=x",
        "?code=x",
        "?code=x&state=%00",
        "?error=access_denied&state=x",
        "?state=é&code=1",
    ],
)
def test_an_answer_nobody_asked_for_is_refused(
    provider: IdentityProvider, lin: Person, query: str
) -> None:
    client = Client()
    assert client.get(BACK + query).status_code == 403
    client.get(BEGIN)
    assert client.get(BACK + query).status_code == 403
    assert is_out(client)


def test_stopping_at_the_provider_is_said_so(provider: IdentityProvider, lin: Person) -> None:
    client = Client()
    address = there(provider, client).split("?")[0]
    state = next(iter(provider.codes.values())).asked["state"]

    answer = client.get(address, {"state": state, "error": "access_denied"})

    assert answer.status_code == 403
    assert "Acme Login did not let you in." in words(answer)


def test_an_answer_of_another_issuer_is_refused_before_its_code_is_sent_anywhere(
    provider: IdentityProvider, lin: Person
) -> None:
    client = Client()
    address = there(provider, client).replace("iss=http", "iss=https")

    assert client.get(address).status_code == 403
    assert not provider.called("POST", "/token")


@pytest.mark.parametrize("verified", [False, None, "true", 1, "yes"])
def test_an_address_that_is_not_verified_finds_nobody(
    provider: IdentityProvider, lin: Person, verified: Any
) -> None:
    client = Client()
    provider.user.is_verified = verified

    answer = walk(provider, client)

    assert answer.status_code == 403
    assert "Ask the help desk." in words(answer)
    assert is_out(client)


def test_an_address_given_to_somebody_new_does_not_bring_them_into_the_old_account(
    provider: IdentityProvider, lin: Person
) -> None:
    walk(provider, Client())
    provider.user.subject = "the-new-lin"
    client = Client()

    answer = walk(provider, client)

    assert answer.status_code == 403
    assert "linked to another account at Acme Login" in words(answer)
    assert is_out(client)
    assert Identity.objects.get().external_id.endswith("lin-at-work")


def test_an_account_stays_its_persons_whatever_address_it_shows(
    provider: IdentityProvider, lin: Person
) -> None:
    cast.person("ada")
    walk(provider, Client())
    provider.user.email = "ada@example.com"
    client = Client()

    walk(provider, client)

    assert client.session["_auth_user_id"] == str(lin.pk)


def test_somebody_unknown_is_refused_with_whom_to_ask(
    provider: IdentityProvider, lin: Person
) -> None:
    provider.user.email = "stranger@example.com"

    answer = walk(provider, Client())

    assert answer.status_code == 403
    assert "Nobody here has the address stranger@example.com" in words(answer)
    assert "Ask the help desk to add you." in words(answer)
    assert not Person.objects.filter(email="stranger@example.com").exists()


def test_where_people_are_added_they_come_without_rights(
    provider: IdentityProvider, settings: Any, lin: Person
) -> None:
    settings.OIDC_CREATE = True
    provider.user = oidc.Somebody(subject="new", email="New@Example.com", name="New Person")
    provider.user.says = {"role": "operator", "groups": ["managers"], "roles": ["admin"]}

    assert walk(provider, Client()).status_code == 302

    added = Person.objects.get(email="new@example.com")
    assert (added.name, added.role, added.teams.count()) == ("New Person", Role.MEMBER, 0)
    assert not added.has_usable_password()


@pytest.mark.parametrize(
    "email", ["a\x00b@example.com", "x@" + "y" * 300, "no address", 7, None, "é@x.y"]
)
def test_an_odd_address_is_nobodys(
    provider: IdentityProvider, settings: Any, lin: Person, email: Any
) -> None:
    settings.OIDC_CREATE = True
    provider.user.email = email

    assert walk(provider, Client()).status_code == 403


def test_somebody_switched_off_stays_out(provider: IdentityProvider, lin: Person) -> None:
    Person.objects.filter(pk=lin.pk).update(is_active=False)

    answer = walk(provider, Client())

    assert answer.status_code == 403
    assert "switched off" in words(answer)


@pytest.mark.parametrize(
    "fault", [hangs_up, garbage, half, nonsense, done_and_gone, says(500), says(404), says(200, {})]
)
def test_a_provider_that_is_down_is_said_so_and_passwords_stay(
    provider: IdentityProvider, lin: Person, fault: Any
) -> None:
    provider.will(fault)

    answer = Client().get(BEGIN)

    assert answer.status_code == 422
    page = Page(answer.content.decode())
    assert "Acme Login does not answer as it should" in page.text
    assert page.by_id("password").tag == "input"


@pytest.mark.parametrize("fault", [hangs_up, half, nonsense, says(500), says(429)])
def test_a_provider_that_falls_silent_on_the_way_is_said_so(
    provider: IdentityProvider, lin: Person, fault: Any
) -> None:
    client = Client()
    address = there(provider, client)
    provider.will(fault)

    answer = client.get(address)

    assert answer.status_code == 422
    assert "does not answer as it should" in words(answer)
    assert is_out(client)


def test_a_provider_that_publishes_another_issuer_is_not_used(
    provider: IdentityProvider, settings: Any, lin: Person
) -> None:
    settings.OIDC_ISSUER = provider.url.replace("127.0.0.1", "localhost")

    assert Client().get(BEGIN).status_code == 422


def test_where_single_sign_on_alone_counts_passwords_let_in_named_operators_only(
    provider: IdentityProvider, settings: Any, lin: Person
) -> None:
    settings.OIDC_ONLY = True
    settings.OIDC_BREAK_GLASS = ["boss@example.com", "lin@example.com"]
    cast.person("boss", role=Role.OPERATOR, teams=(), password=cast.PASSWORD)
    page = Page(Client().get("/sign-in").content.decode())
    assert not page.every("input")

    def tries(email: str) -> int:
        fields = {"email": email, "password": cast.PASSWORD}
        return Client().post("/sign-in?with=password", fields).status_code

    assert tries("lin@example.com") == 422  # named, and no operator
    assert tries("boss@example.com") == 302
    event = AuditEvent.objects.filter(type="person.sign_in_changed").get()
    assert event.entry["detail"] == {"person": "boss@example.com", "emergency": "password"}
    assert walk(provider, Client()).status_code == 302


def test_it_is_not_there_where_it_is_not_set_up(lin: Person) -> None:
    assert Client().get(BEGIN).status_code == 404
    assert Client().get(BACK).status_code == 404


def complaints(**changes: Any) -> Callable[[Any], list[CheckMessage]]:
    def check(settings: Any) -> list[CheckMessage]:
        for name, value in changes.items():
            setattr(settings, name, value)
        return sign_in_checks.sign_in()

    return check


@pytest.mark.parametrize(
    ("check", "named"),
    [
        (complaints(OIDC_ISSUER="https://a.example"), ["OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"]),
        (complaints(OIDC_CLIENT_ID="x", OIDC_CLIENT_SECRET="y"), ["OIDC_ISSUER"]),
        (complaints(OIDC_ONLY=True), ["OIDC_ONLY"]),
        (
            complaints(OIDC_ISSUER="http://a.example", OIDC_CLIENT_ID="x", OIDC_CLIENT_SECRET="y"),
            ["OIDC_ISSUER"],
        ),
        (complaints(REQUIRE_SECOND_FACTOR="yes"), ["REQUIRE_SECOND_FACTOR"]),
        (complaints(), []),
    ],
)
def test_settings_that_are_not_whole_stop_the_start_and_are_named(
    settings: Any, check: Callable[[Any], list[CheckMessage]], named: list[str]
) -> None:
    found = [str(each.msg) for each in check(settings)]

    assert len(found) == len(named)
    for name in named:
        assert any(name in words for words in found)
