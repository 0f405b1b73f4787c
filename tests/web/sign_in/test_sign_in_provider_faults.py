"""Single sign-on with a provider that fails, that is the only way in, or that is half set up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.test import Client

from approvals.models import AuditEvent, Person
from approvals.models.people import Role
from approvals.project import sign_in_checks
from tests.fakes.oidc import IdentityProvider
from tests.fakes.server import done_and_gone, garbage, half, hangs_up, nonsense, says
from tests.support import cast
from tests.web.reading import Page
from tests.web.single_sign_on import (
    BACK,
    BEGIN,
    is_out,
    there,
    walk,
    words,
)


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
