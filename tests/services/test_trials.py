"""A test approval goes one channel's whole way round, and nobody else ever hears of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from approvals import queries
from approvals.domain import errors, trial
from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.state import RequestState
from approvals.domain.terms import EventKind, Status, Verdict
from approvals.models import (
    ApprovalRequest,
    AuditEvent,
    Decision,
    Delivery,
    Recipient,
    Team,
    TeamMember,
    TeamQuestion,
    states,
)
from approvals.models.people import Role
from approvals.queries import oncall
from approvals.queries.trials import Progress, progress
from approvals.services import clock, deliveries, lifecycle, policies, signals, timers, trials
from tests.fakes.adapter import FakeAdapter
from tests.fakes.slack import FakeSlack
from tests.fakes.smtp import MailServer
from tests.fakes.teams import FakeTeams
from tests.integrations.test_email_contract import configured
from tests.support import cast
from tests.support import teams as in_teams
from tests.support.slack import knock, linked, shown

pytestmark = [pytest.mark.django_db, pytest.mark.urls("integrations.slack.urls")]
EVERYWHERE = [
    "integrations.slack.adapter.SlackAdapter",
    "integrations.teams.adapter.TeamsAdapter",
    "integrations.pagerduty.adapter.PagerDutyAdapter",
    "integrations.servicenow.adapter.ServiceNowAdapter",
]


@pytest.fixture
def mail(settings: Any) -> Iterator[MailServer]:
    with MailServer() as server:
        configured(settings, server)
        settings.ADAPTERS = ["integrations.email.EmailAdapter"]
        yield server


def sent(name: str, adapter: str) -> ApprovalRequest:
    return trials.send(person=cast.person(name), adapter=adapter, at=clock.now())


def stands(row: ApprovalRequest, **later: float) -> list[str]:
    return [step.stands.value for step in now(row, **later).steps]


def now(row: ApprovalRequest, **later: float) -> Progress:
    row.refresh_from_db()
    return progress(row, now=clock.now() + timedelta(**later))


# --- the whole way round -------------------------------------------------------------------------


def test_slack_is_tried_from_the_post_to_the_updated_card(slack: FakeSlack) -> None:
    linked("lin")
    row = sent("lin", "slack")
    assert stands(row) == ["now", "later", "later", "later"]
    message = shown(slack, row)
    assert stands(row) == ["done", "now", "later", "later"]
    knock(slack.click(message, "approve"))
    assert stands(row) == ["done", "done", "done", "now"]
    deliveries.send_due()
    found = now(row)
    assert [step.stands.value for step in found.steps] == ["done"] * 4
    assert [step.at for step in found.steps] == sorted(step.at for step in found.steps if step.at)
    assert (found.is_over, found.sentence) == (
        True,
        "Slack works, the whole way there and back.",
    )
    assert "APPROVED" in message.text.upper()
    assert message.button("approve") is None
    assert Decision.objects.get(request=row).channel == "slack"


def test_a_denied_test_went_the_whole_way_too(slack: FakeSlack) -> None:
    linked("lin")
    row = sent("lin", "slack")
    knock(slack.click(shown(slack, row), "deny"))
    knock(slack.submit(slack.views[0], "Only trying."))
    deliveries.send_due()
    assert stands(row) == ["done"] * 4


def test_teams_is_tried_with_a_click_of_its_own(teams: FakeTeams) -> None:
    in_teams.let_in(teams)
    in_teams.linked("lin")
    row = sent("lin", "teams")
    in_teams.clicked(teams, teams.click(in_teams.shown(teams, row), "approve"))
    deliveries.send_due()
    assert stands(row) == ["done"] * 4


def test_mail_is_posted_and_decided_on_the_page(mail: MailServer) -> None:
    row = sent("lin", "email")
    deliveries.send_due()
    assert [each.to for each in mail.taken] == [["lin@example.com"]]
    found = now(row)
    assert [step.title for step in found.steps] == [
        "Posted", "Decided on the page", "Recorded", "Result sent",
    ]  # fmt: skip
    lifecycle.decide(
        ref=row.ref, person=cast.person("lin"), verdict=Verdict.APPROVE, comment="", channel="web",
        at=clock.now(),
    )  # fmt: skip
    deliveries.send_due()
    assert stands(row) == ["done"] * 4
    assert len(mail.taken) == 2


# --- where it sticks, and why --------------------------------------------------------------------


def test_a_bot_that_is_not_in_the_channel_is_named_with_its_mend(slack: FakeSlack) -> None:
    linked("lin")
    slack.will("chat.postMessage", "not_in_channel")
    row = sent("lin", "slack")
    deliveries.send_due()
    found = now(row)
    posted = found.steps[0]
    assert (posted.stands, posted.words) == ("failed", "Not to C1: Slack said not_in_channel.")
    assert posted.fix == "The bot is not in C1: write /invite @countersign there."
    assert found.is_over
    assert found.sentence == "Slack failed at the step “Posted”."


def test_a_slack_that_is_away_says_when_it_is_tried_again(slack: FakeSlack) -> None:
    linked("lin")
    slack.will("chat.postMessage", "fatal_error")
    row = sent("lin", "slack")
    deliveries.send_due()
    posted = now(row).steps[0]
    assert posted.stands == "now"
    assert "Next try " in posted.words


def test_a_card_no_worker_takes_says_so(slack: FakeSlack) -> None:
    linked("lin")
    posted = now(sent("lin", "slack"), seconds=40).steps[0]
    assert posted.words == "No worker has taken it for 40 s."
    assert "worker" in posted.fix


def test_a_click_that_is_refused_tells_why(slack: FakeSlack) -> None:
    linked("lin")
    linked("mallory", "U2")
    row = sent("lin", "slack")
    knock(slack.click(shown(slack, row), "approve", user="U2"))
    clicked = now(row).steps[1]
    assert clicked.stands == "now"
    assert "did not count" in clicked.words
    assert "you are not one of them" in clicked.words


def test_a_test_nobody_answers_expires_and_says_what_to_look_at(slack: FakeSlack) -> None:
    linked("lin")
    row = sent("lin", "slack")
    deliveries.send_due()
    timers.fire_due(at=row.decide_by + timedelta(seconds=1))
    found = now(row)
    assert row.status == Status.EXPIRED
    assert "Nobody did within 10 minutes" in found.steps[1].words
    assert "PUBLIC_URL" in found.steps[1].fix
    assert found.is_over


def test_deciding_it_elsewhere_does_not_pass_for_a_click_there(slack: FakeSlack) -> None:
    linked("lin")
    row = sent("lin", "slack")
    deliveries.send_due()
    cast.decide(row, cast.person("lin"))
    deliveries.send_due()
    found = now(row)
    assert found.steps[1].stands == "unlike"
    assert "not in Slack" in found.steps[1].words
    assert found.sentence == "Slack was tried in part."


# --- nobody else ---------------------------------------------------------------------------------


def test_no_other_channel_hears_of_it(slack: FakeSlack, settings: Any) -> None:
    settings.ADAPTERS = [*settings.ADAPTERS, "tests.fakes.adapter.FakeAdapter"]
    linked("lin")
    row = sent("lin", "slack")
    timers.fire_due(at=row.decide_by + timedelta(seconds=1))
    told = Delivery.objects.filter(request=row)
    assert {(each.adapter, each.address) for each in told} == {("slack", "C1")}


def test_it_asks_one_person_and_counts_nobodys_attention(slack: FakeSlack) -> None:
    linked("lin")
    row = sent("lin", "slack")
    assert [str(p) for _, people in queries.approvers_of(_state(row)) for p in people] == ["Lin"]
    with pytest.raises(errors.NotAnApprover):
        cast.decide(row, cast.person("ada"))
    assert not TeamQuestion.objects.filter(request=row).exists()
    assert not Recipient.objects.filter(request=row).exists()
    assert not row.asked


def test_somebody_put_into_its_team_is_taken_out_before_the_next(slack: FakeSlack) -> None:
    linked("lin")
    row = sent("lin", "slack")
    team = Team.objects.get(name=trial.seat(cast.person("lin").pk))
    TeamMember.objects.create(team=team, person=cast.person("mallory"))
    timers.fire_due(at=row.decide_by + timedelta(seconds=1))
    trials.send(person=cast.person("lin"), adapter="slack", at=row.decide_by + timedelta(seconds=2))
    members = TeamMember.objects.filter(team__name=trial.seat(cast.person("lin").pk))
    assert [str(each.person) for each in members] == ["Lin"]


def test_figures_do_not_know_of_it(slack: FakeSlack) -> None:
    linked("lin")
    before = signals.waiting_by_risk(), signals.by_status(), signals.last_asked()
    row = sent("lin", "slack")
    cast.decide(row, cast.person("lin"))
    sent("lin", "slack")
    assert (signals.waiting_by_risk(), signals.by_status(), signals.last_asked()) == before


def test_it_is_written_down_who_tried_what(slack: FakeSlack) -> None:
    linked("lin")
    row = sent("lin", "slack")
    event = AuditEvent.objects.get(type=EventKind.CHANNEL_TRIED.value)
    assert event.actor == "person:lin@example.com"
    assert event.entry["detail"] == {
        "channel": "slack", "person": "lin@example.com", "request": row.ref,
    }  # fmt: skip


# --- who may, and how often ----------------------------------------------------------------------


def test_a_second_press_shows_the_test_that_waits(slack: FakeSlack) -> None:
    linked("lin")
    assert sent("lin", "slack") == sent("lin", "slack")
    assert Delivery.objects.count() == 1


def test_a_stuck_finger_is_stopped(slack: FakeSlack) -> None:
    linked("lin")
    lin = cast.person("lin")
    for _ in range(trials.MOST):
        cast.decide(sent("lin", "slack"), lin)
    with pytest.raises(trials.TooManyTrials) as caught:
        sent("lin", "slack")
    assert 0 < int(str(caught.value.facts["retry_after"])) <= 600


def test_who_is_not_linked_is_told_so_unless_they_run_the_place(slack: FakeSlack) -> None:
    with pytest.raises(trials.NoWay, match="Your Slack account is not linked"):
        sent("lin", "slack")
    assert sent("ada", "slack").status == Status.PENDING


def test_paging_somebody_is_for_operators(settings: Any) -> None:
    settings.ADAPTERS = EVERYWHERE
    settings.PAGERDUTY_ROUTING_KEY = "R" * 32
    settings.SERVICENOW_URL = "https://dev.example.com"
    olga = cast.person("olga", role=Role.OPERATOR)
    reasons = {way.adapter: way.why_not for way in trials.ways(cast.person("ada"))}
    assert "pages whoever is on call" in reasons["pagerduty"]
    assert "opens a change request" in reasons["servicenow"]
    mine = {way.adapter: way for way in trials.ways(olga)}
    assert mine["pagerduty"].why_not == ""
    assert "pages whoever" in mine["pagerduty"].beware


@pytest.mark.parametrize("adapter", ["webhook", "github", "nothing", "fake"])
def test_what_cannot_be_tried_says_why(adapter: str, channel: FakeAdapter) -> None:
    with pytest.raises(trials.NoWay):
        sent("ada", adapter)
    assert not ApprovalRequest.objects.filter(effect=trial.EFFECT).exists()


def test_another_persons_test_is_not_found(slack: FakeSlack) -> None:
    linked("lin")
    row = sent("lin", "slack")
    assert trials.sent_by(cast.person("lin"), number=row.pk) == row
    for number, person in ((row.pk, cast.person("ada")), (cast.request().pk, cast.person("lin"))):
        with pytest.raises(errors.NotFound):
            trials.sent_by(person, number=number)


def _state(row: ApprovalRequest) -> RequestState:
    return states.of(row)


def test_no_policy_can_name_the_seat_of_a_test(slack: FakeSlack) -> None:
    document = "apiVersion: guardrails.io/v1\nkind: Team\nmetadata: {name: 'trial:1'}\nspec: {}\n"
    files = cast.frame() | {"team.yaml": document}
    with pytest.raises(PolicyInvalid, match="who tries a channel"):
        policies.apply(files=files, author="tests", actor=cast.OPERATOR, at=clock.now())


def test_lists_of_teams_do_not_show_it(slack: FakeSlack) -> None:
    linked("lin")
    sent("lin", "slack")
    assert not [team.name for team in oncall.teams() if trial.is_seat(team.name)]
