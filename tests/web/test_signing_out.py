"""Signing out: here at once, and at the identity provider where it publishes a way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from approvals.models import Person
from tests.fakes import oidc
from tests.fakes.oidc import IdentityProvider
from tests.support import cast
from tests.web.reading import Page
from tests.web.single_sign_on import is_out, walk


@pytest.fixture
def provider(settings: Any) -> Iterator[IdentityProvider]:
    with IdentityProvider() as running:
        running.extra = {"end_session_endpoint": f"{running.url}/leave?realm=acme"}
        settings.OIDC_ISSUER = running.url
        settings.OIDC_CLIENT_ID = oidc.CLIENT
        settings.OIDC_CLIENT_SECRET = oidc.SECRET
        settings.OIDC_NAME = "Acme Login"
        yield running


@pytest.fixture
def lin(db: None) -> Person:
    return cast.person("lin", password=cast.PASSWORD)


def further(answer: Any) -> str:
    """Where the page leads, by itself and by its button: the same address."""
    page = Page(answer.content.decode())
    by_itself = next(
        meta.attributes["content"].removeprefix("0; url=")
        for meta in page.every("meta")
        if meta.attributes.get("http-equiv") == "refresh"
    )
    button = next(a for a in page.every("a") if a.text == "Sign out of Acme Login")
    assert button.attributes["href"] == by_itself
    return by_itself


def test_who_came_by_single_sign_on_is_out_here_and_led_to_sign_out_there(
    provider: IdentityProvider, lin: Person, settings: Any
) -> None:
    client = Client()
    walk(provider, client)
    answer = client.post("/sign-out")
    assert answer.status_code == 200
    assert is_out(client)
    assert "no-store" in answer.headers["Cache-Control"]
    assert Session.objects.count() == 0
    address = further(answer)
    assert address.startswith(f"{provider.url}/leave?realm=acme&")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert asked["client_id"] == oidc.CLIENT
    assert asked["post_logout_redirect_uri"] == f"{settings.PUBLIC_URL}/sign-in"
    said = jwt.decode(asked["id_token_hint"], options={"verify_signature": False})
    assert said["sub"] == provider.user.subject


def test_who_came_by_password_is_led_nowhere_else(provider: IdentityProvider, lin: Person) -> None:
    client = Client()
    client.post("/sign-in", {"email": "lin@example.com", "password": cast.PASSWORD})
    answer = client.post("/sign-out")
    assert answer.headers["Location"] == "/sign-in"
    assert is_out(client)


@pytest.mark.parametrize(
    "endpoint", [None, "", 7, "http://elsewhere.example/leave", "javascript:x"]
)
def test_without_a_way_out_that_is_safe_one_is_out_here(
    provider: IdentityProvider, lin: Person, endpoint: object
) -> None:
    provider.extra = {"end_session_endpoint": endpoint}
    client = Client()
    walk(provider, client)
    answer = client.post("/sign-out")
    assert answer.headers["Location"] == "/sign-in"
    assert is_out(client)


def test_a_token_too_long_for_an_address_is_left_out(
    provider: IdentityProvider, lin: Person
) -> None:
    provider.user.says = {"groups": ["x" * 50] * 400}
    client = Client()
    walk(provider, client)
    address = further(client.post("/sign-out"))
    assert "id_token_hint" not in address
    assert "client_id" in address


def test_signed_out_already_or_never_in_leads_to_the_page(provider: IdentityProvider) -> None:
    assert Client().post("/sign-out").headers["Location"] == "/sign-in"


def test_a_provider_that_is_down_keeps_nobody_signed_in(
    provider: IdentityProvider, lin: Person, settings: Any
) -> None:
    client = Client()
    walk(provider, client)
    settings.OIDC_ISSUER = "http://127.0.0.1:9"
    answer = client.post("/sign-out")
    assert answer.headers["Location"] == "/sign-in"
    assert is_out(client)
