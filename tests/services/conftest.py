"""What the services' tests share: a channel that remembers, and a history that must hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pytest_django import Settings

from approvals import queries
from approvals.domain import chain
from approvals.models import ApprovalRequest
from approvals.services import adapters, chains
from tests.fakes.adapter import FakeAdapter


@pytest.fixture
def channel(settings: Settings) -> FakeAdapter:
    """The only adapter of this test."""
    settings.ADAPTERS = ["tests.fakes.adapter.FakeAdapter"]
    made = adapters.enabled()["fake"]
    assert isinstance(made, FakeAdapter)
    return made


@pytest.fixture(autouse=True)
def every_chain_holds(db: None, request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test, unless it tampers on purpose: every chain, and the rows that must agree with it."""
    yield
    if "tampering" not in request.fixturenames:
        assert chains.walk(None, progress=lambda *_: None).broken is None


@pytest.fixture
def tampering() -> None:
    """Named by a test that breaks history on purpose."""


def broken_chains() -> list[chain.Break]:
    found = []
    for name, head, length, events in queries.chains():
        entries = ({**event.entry, "hash": event.hash} for event in events)
        broken = chain.first_break(name, entries, head=head, length=length)
        if broken is not None:
            found.append(broken)
    return found


@pytest.fixture
def kinds() -> Callable[[ApprovalRequest], list[str]]:
    """The history of a request as the kinds of its events."""
    return lambda row: [event.type for event in queries.events_of(row)]
