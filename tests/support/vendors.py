"""Vendors of the tests' own, with the service's settings pointing at them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.github import FakeGitHub
from tests.fakes.pagerduty import FakePagerDuty
from tests.fakes.slack import FakeSlack
from tests.fakes.teams import FakeTeams


@pytest.fixture
def slack(settings: Any) -> Iterator[FakeSlack]:
    with FakeSlack() as fake:
        for name, value in fake.settings.items():
            setattr(settings, name, value)
        settings.ADAPTERS = ["integrations.slack.adapter.SlackAdapter"]
        yield fake


@pytest.fixture
def pagerduty(settings: Any) -> Iterator[FakePagerDuty]:
    with FakePagerDuty() as fake:
        for name, value in fake.settings.items():
            setattr(settings, name, value)
        settings.ADAPTERS = ["integrations.pagerduty.adapter.PagerDutyAdapter"]
        yield fake
        assert fake.wrong == []


@pytest.fixture
def teams(settings: Any) -> Iterator[FakeTeams]:
    with FakeTeams() as fake:
        for name, value in fake.settings.items():
            setattr(settings, name, value)
        settings.ADAPTERS = ["integrations.teams.adapter.TeamsAdapter"]
        yield fake
        assert fake.wrong == []


@pytest.fixture
def github(settings: Any) -> Iterator[FakeGitHub]:
    with FakeGitHub() as fake:
        for name, value in fake.settings.items():
            setattr(settings, name, value)
        settings.ADAPTERS = ["integrations.github.adapter.GitHubAdapter"]
        yield fake
        assert fake.wrong == []
