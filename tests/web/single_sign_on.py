"""A provider of single sign-on, and a browser that walks to it and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.test import Client

from tests.fakes import oidc
from tests.fakes.oidc import IdentityProvider
from tests.web.reading import Page

BEGIN, BACK = "/sign-in/single-sign-on", "/sign-in/single-sign-on/back"
NOBODY = "Nobody was signed in"


@contextmanager
def configured(settings: Any) -> Iterator[IdentityProvider]:
    """A provider with the service's settings pointing at it."""
    with IdentityProvider() as running:
        settings.OIDC_ISSUER = running.url
        settings.OIDC_CLIENT_ID = oidc.CLIENT
        settings.OIDC_CLIENT_SECRET = oidc.SECRET
        settings.OIDC_NAME = "Acme Login"
        settings.SUPPORT_CONTACT = "the help desk"
        yield running


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
