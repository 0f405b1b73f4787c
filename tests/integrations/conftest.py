"""What several files of one channel stand on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings

from approvals.models import ApprovalRequest
from tests.fakes.smtp import MailServer
from tests.fakes.teams import FakeTeams
from tests.integrations.test_email_contract import MailStand, configured
from tests.support import cast
from tests.support.teams import let_in, linked


@pytest.fixture
def mail_stand(settings: Any) -> Iterator[MailStand]:
    """The mail adapter beside a server that complains of nothing in the end."""
    with MailServer() as server:
        configured(settings, server)
        yield MailStand(server)
        assert server.complaints == []


@pytest.fixture
def held_in_teams(teams: FakeTeams, settings: Settings) -> ApprovalRequest:
    """A request on which lin, Person 1, may decide by a click, and undo that in time."""
    settings.UNDO_SECONDS = 30
    let_in(teams)
    linked("lin")
    return cast.request()
