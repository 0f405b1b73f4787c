"""Single sign-on: every forged token, answer and way is refused in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from approvals.models import Identity, Person
from tests.fakes import oidc
from tests.fakes.oidc import IdentityProvider
from tests.web.single_sign_on import (
    BACK,
    BEGIN,
    NOBODY,
    is_out,
    there,
    walk,
    words,
)

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
