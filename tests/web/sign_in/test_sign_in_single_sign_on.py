"""Single sign-on: who is let in, and what is kept of them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from approvals.models import AuditEvent, Identity, Person
from approvals.models.people import Role
from approvals.web import fresh
from tests.fakes import oidc
from tests.fakes.oidc import IdentityProvider
from tests.support import cast
from tests.web.single_sign_on import (
    is_out,
    walk,
    words,
)


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
