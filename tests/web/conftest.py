"""People at their browsers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from approvals.models import Agent, Person
from tests.support import cast
from tests.web.reading import Page


class Browser:
    """One signed-in person; pages come parsed."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.client = Client()
        self.client.force_login(person)

    def get(self, address: str, status: int = 200, **headers: str) -> Page:
        answer = self.client.get(address, headers=headers)
        assert answer.status_code == status, answer.content[:2000]
        return Page(answer.content.decode())

    def post(self, address: str, **fields: Any) -> Any:
        return self.client.post(address, fields)

    def send(self, ref: str, form: str, **changes: str) -> Any:
        """Open the page with everything on it, fill in its form, and press the button."""
        reason = {"why": "other"} if form == "deny" else {}
        fields = self.get(f"/r/{ref}?full=1").form(form) | reason | changes
        return self.client.post(f"/r/{ref}/decide", fields)


@pytest.fixture
def at(db: None) -> Callable[[str], Browser]:
    """`at("lin")`: Lin at a browser."""
    return lambda name: Browser(cast.person(name))


@pytest.fixture
def lin(db: None) -> Browser:
    return Browser(cast.person("lin"))


@pytest.fixture
def ada(db: None) -> Browser:
    return Browser(cast.person("ada"))


@pytest.fixture
def robo(db: None) -> Agent:
    return cast.agent()[0]


@pytest.fixture
def max_(db: None) -> Browser:
    """A manager who owns no agent here."""
    person = cast.person("max")
    person.role = "manager"
    person.save()
    return Browser(person)
