"""A button that was offered once counts only where it would be offered now."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.domain.terms import Status
from approvals.models import ApprovalRequest
from approvals.models.workspaces import Shows
from approvals.services import clock, showing
from tests.fakes import adaptive
from tests.fakes.teams import ROOM, FakeTeams
from tests.support import cast
from tests.support.slack import refusals
from tests.support.teams import clicked, let_in, linked, shown

pytestmark = pytest.mark.django_db


def status(row: ApprovalRequest) -> str:
    row.refresh_from_db()
    return row.status


def words(answer: dict[str, Any]) -> str:
    return "\n".join(adaptive.runs(answer["value"]))


def limit(address: str, shows: Shows) -> None:
    at = clock.now()
    showing.change(adapter="teams", address=address, shows=shows, actor=cast.OPERATOR, at=at)


def test_a_critical_request_is_no_longer_approved_in_teams_once_that_is_forbidden(
    teams: FakeTeams, settings: Any
) -> None:
    settings.TEAMS_CRITICAL_ON_WEB = False
    let_in(teams)
    linked("chen")
    row = cast.request(**cast.CRITICAL)
    click = teams.click(shown(teams, row), "approve", words="Rehearsed on staging.")
    settings.TEAMS_CRITICAL_ON_WEB = True
    answer = clicked(teams, click)
    assert "Critical requests are approved on the dashboard." in words(answer)
    assert "approve" not in adaptive.buttons(answer["value"])
    assert row.decisions.count() == 0
    assert refusals(row) == ["not_allowed"]


@pytest.mark.parametrize("shows", [Shows.NAMES, Shows.NOTHING])
@pytest.mark.parametrize("by_name", [True, False])
def test_a_room_that_may_no_longer_see_values_no_longer_approves(
    teams: FakeTeams, shows: Shows, by_name: bool
) -> None:
    let_in(teams)
    linked("lin")
    row = cast.request()
    click = teams.click(shown(teams, row), "approve")
    limit(row.receipts.get().address if by_name else ROOM, shows)
    answer = clicked(teams, click)
    assert "This channel may not see what would run" in words(answer)
    assert "approve" not in adaptive.buttons(answer["value"])
    assert status(row) == Status.PENDING
    assert refusals(row) == ["not_allowed"]


def test_a_limit_elsewhere_changes_nothing(teams: FakeTeams) -> None:
    let_in(teams)
    linked("lin")
    row = cast.request()
    click = teams.click(shown(teams, row), "approve")
    limit("teams:Elsewhere", Shows.NOTHING)
    clicked(teams, click)
    assert status(row) == Status.APPROVED
