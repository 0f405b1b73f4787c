"""Callers of the API: an agent, people, and somebody nobody knows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from approvals.models import Agent, Person
from tests.support import cast


class Caller:
    """Sends JSON to `/api/v1` with a key, and returns Django's own response."""

    def __init__(self, key: str = "") -> None:
        self.key = key
        self.client = Client()

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(_address(path), query, headers=self.headers())

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        raw = body if isinstance(body, bytes) else json.dumps({} if body is None else body)
        return self.client.post(
            _address(path),
            raw,
            content_type=headers.pop("content_type", "application/json"),
            headers=self.headers()
            | {name.replace("_", "-"): value for name, value in headers.items()},
        )

    def put(self, path: str) -> Any:
        return self.client.put(
            _address(path), "{}", content_type="application/json", headers=self.headers()
        )

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}


def _address(path: str) -> str:
    return path if path.startswith(("/api", "http", "/.")) else f"/api/v1{path}"


@pytest.fixture
def agent(db: None) -> Agent:
    return cast.agent()[0]


@pytest.fixture
def robo(db: None) -> Caller:
    """The agent Robo, as it calls."""
    return Caller(cast.agent()[1])


@pytest.fixture
def other(db: None) -> Caller:
    """Another agent."""
    return Caller(cast.agent("digger")[1])


@pytest.fixture
def nobody() -> Caller:
    return Caller()


@pytest.fixture
def calls(db: None) -> Callable[..., Caller]:
    """A person as they call: `calls("lin")`."""

    def as_person(name: str, *scopes: str) -> Caller:
        return Caller(cast.token(cast.person(name), *scopes))

    return as_person


@pytest.fixture
def lin(calls: Callable[..., Caller]) -> Caller:
    return calls("lin")


@pytest.fixture
def ada(calls: Callable[..., Caller]) -> Caller:
    return calls("ada")


@pytest.fixture
def grace(calls: Callable[..., Caller]) -> Caller:
    return calls("grace")


@pytest.fixture
def mallory(calls: Callable[..., Caller]) -> Caller:
    return calls("mallory")


def a_person(name: str) -> Person:
    return cast.person(name)
