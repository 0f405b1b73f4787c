"""Where approving takes a fresh sign-in no channel can give one; each says so, and still takes a no."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.domain.terms import Status
from approvals.models import Agent, ApprovalRequest
from tests.fakes import adaptive
from tests.fakes.github import FakeGitHub
from tests.fakes.github_events import pressed
from tests.fakes.pagerduty import FakePagerDuty
from tests.fakes.slack import FakeSlack
from tests.fakes.teams import FakeTeams
from tests.support import cast
from tests.support import github as github_support
from tests.support import pagerduty as pagerduty_support
from tests.support import servicenow as servicenow_support
from tests.support import slack as slack_support
from tests.support import teams as teams_support

pytestmark = pytest.mark.django_db
ADA = 11
WORDS = "Not counted. Approve it on the web: this needs a fresh sign-in."


@pytest.fixture
def robo() -> Agent:
    return cast.agent()[0]


def refused(row: ApprovalRequest) -> bool:
    """Whether it waits as before, and the refusal is in history."""
    row.refresh_from_db()
    written = slack_support.refusals(row) == ["fresh_sign_in_needed"]
    return written and row.status == Status.PENDING and not row.decisions.exists()


@pytest.mark.urls("integrations.slack.urls")
def test_slack(slack: FakeSlack, robo: Agent) -> None:
    slack_support.linked("lin")
    cast.fresh_sign_ins()
    row = cast.request(robo)
    message = slack_support.shown(slack, row)

    slack_support.knock(slack.click(message, "approve"))

    assert slack_support.words_of(slack.views[-1]) == WORDS
    assert f"/r/{row.public_id}" in str(slack.views[-1])
    assert refused(row)
    slack_support.knock(slack.click(message, "deny"))
    assert slack.views[-1]["callback_id"] == "deny"


def test_teams(teams: FakeTeams, robo: Agent) -> None:
    teams_support.let_in(teams)
    teams_support.linked("lin")
    cast.fresh_sign_ins()
    row = cast.request(robo)
    message = teams_support.shown(teams, row)

    answer = teams_support.clicked(teams, teams.click(message, "approve"))

    assert WORDS in "\n".join(adaptive.runs(answer["value"]))
    assert f"/r/{row.ref}" in str(answer["value"])
    assert refused(row)
    teams_support.clicked(teams, teams.click(message, "deny", words="Release freeze."))
    row.refresh_from_db()
    assert row.status == Status.DENIED


@pytest.mark.urls("integrations.pagerduty.urls")
def test_pagerduty(pagerduty: FakePagerDuty, robo: Agent) -> None:
    pagerduty.add_user("PADA", "ada@example.com")
    pagerduty_support.linked("ada", "PADA")
    cast.fresh_sign_ins()
    row = cast.request(robo, **cast.HIGH)
    incident = pagerduty_support.paged(pagerduty, row)

    answer = pagerduty_support.knock("/action/approve", pagerduty.press(incident, "PADA"))

    said = pagerduty_support.said(answer)["detail"]
    assert said.startswith(WORDS)
    assert f"/r/{row.ref}" in said
    assert refused(row)
    pagerduty_support.knock("/action/deny", pagerduty.press(incident, "PADA"))
    row.refresh_from_db()
    assert row.status == Status.DENIED


def test_github(github: FakeGitHub) -> None:
    github_support.linked("ada", ADA)
    github_support.agent()
    row, check = github_support.asked(github)
    ApprovalRequest.objects.filter(pk=row.pk).update(plan=row.plan | {"step_up": True})

    github_support.send("check_run", pressed(github, check, "approve", by=ADA))

    assert WORDS in " ".join(github_support.shown(github, row).text.split())
    assert f"/r/{row.ref}" in check.text
    assert refused(row)


def test_servicenow(settings: Any, robo: Agent) -> None:
    with servicenow_support.pointed(settings) as servicenow:
        servicenow_support.with_board(servicenow, "chen")
        cast.fresh_sign_ins()
        row = cast.request(robo, **cast.CRITICAL)
        servicenow_support.opened(servicenow, row)
        servicenow.says("chen", "approved")
        servicenow_support.look()
    assert refused(row)
