"""A click in Teams is written down before it is decided, and decided once, whatever dies in between."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from pytest_django import Settings

from approvals.domain.terms import Status, Verdict
from approvals.models import ApprovalRequest, Decision, Knock
from approvals.services import clock, deliveries, holding, knocks, people, timers
from approvals.services.clicks import Said
from integrations.teams import activities, kept
from tests.fakes.teams import Body, FakeTeams
from tests.support import cast
from tests.support.slack import refusals
from tests.support.teams import clicked, let_in, linked, shown

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(teams: FakeTeams) -> ApprovalRequest:
    let_in(teams)
    linked("lin")
    return cast.request()


def status(row: ApprovalRequest) -> str:
    row.refresh_from_db()
    return row.status


def left_behind(teams: FakeTeams, activity: Body, *, tries: int = 1) -> None:
    """The click came in, and the process that wrote it down died; its hold has run out."""
    raw = teams.signed(activity).body
    assert kept.keep(activities.read(raw), raw) is not None
    Knock.objects.filter(done_at=None).update(
        leased_until=clock.now() - timedelta(seconds=1), attempts=tries
    )


def test_a_click_left_behind_is_decided_by_whoever_finds_it(
    teams: FakeTeams, waiting: ApprovalRequest
) -> None:
    click = teams.click(shown(teams, waiting), "approve")
    left_behind(teams, click)
    assert status(waiting) == Status.PENDING

    assert knocks.do_due() == 1

    assert status(waiting) == Status.APPROVED
    decision = Decision.objects.get(request=waiting)
    assert (decision.person.name, decision.channel) == ("Lin", "teams")
    assert decision.authenticated_by == "teams_token"
    assert "✔ APPROVED" in shown(teams, waiting).text
    assert len(teams.sent) == 1, "what counted is told by its card alone"
    assert bytes(Knock.objects.get().body) == b"", "what was said is not kept once it is done"


def test_teams_may_send_it_again_meanwhile_and_after(
    teams: FakeTeams, waiting: ApprovalRequest
) -> None:
    click = teams.click(shown(teams, waiting), "approve")
    left_behind(teams, click)
    clicked(teams, click)
    assert status(waiting) == Status.PENDING, "it is in somebody's hands already"
    knocks.do_due()
    clicked(teams, click)
    assert Decision.objects.filter(request=waiting).count() == 1
    assert refusals(waiting) == []


def test_what_was_answered_is_done_and_nobody_finds_it(
    teams: FakeTeams, waiting: ApprovalRequest
) -> None:
    clicked(teams, teams.click(shown(teams, waiting), "deny", words="Wrong cluster."))
    assert status(waiting) == Status.DENIED
    assert Knock.objects.get().done_at is not None
    assert knocks.do_due() == 0


def test_who_clicked_in_time_counts_though_it_is_done_later(
    teams: FakeTeams, waiting: ApprovalRequest
) -> None:
    left_behind(teams, teams.click(shown(teams, waiting), "approve"))
    ago = timedelta(minutes=6)
    ApprovalRequest.objects.filter(pk=waiting.pk).update(
        decide_by=waiting.decide_by - ago,
        updated_at=waiting.updated_at - 2 * ago,
        window_opened_at=waiting.window_opened_at - ago,
    )
    waiting.refresh_from_db()
    came_in = waiting.decide_by - timedelta(seconds=1)
    Knock.objects.update(received_at=came_in)

    knocks.do_due()

    assert status(waiting) == Status.APPROVED
    assert Decision.objects.get(request=waiting).at == came_in


def test_a_late_refusal_is_told_where_the_click_was_made(
    teams: FakeTeams, waiting: ApprovalRequest
) -> None:
    left_behind(teams, teams.click(shown(teams, waiting), "approve", by=9))
    knocks.do_due()
    assert status(waiting) == Status.PENDING
    [_, told] = teams.sent
    assert "we do not know whose Teams account made it" in told.text
    assert refusals(waiting) == ["unknown_person"]


def test_a_right_taken_away_meanwhile_is_gone(teams: FakeTeams, waiting: ApprovalRequest) -> None:
    left_behind(teams, teams.click(shown(teams, waiting), "approve"))
    people.leave(person=cast.person("lin"), team="team-leads", actor=cast.OPERATOR, at=clock.now())
    knocks.do_due()
    assert status(waiting) == Status.PENDING
    assert refusals(waiting) == ["not_an_approver"]


def on_the_web(row: ApprovalRequest, verdict: Verdict) -> None:
    said = Said(cast.person("lin"), verdict, "Changed my mind.", version=1, channel="web")
    holding.decide(said, ref=row.ref, at=clock.now())


def test_a_click_left_behind_does_not_bring_back_what_was_undone_since(
    teams: FakeTeams, waiting: ApprovalRequest, settings: Settings
) -> None:
    settings.UNDO_SECONDS = 30
    left_behind(teams, teams.click(shown(teams, waiting), "approve"))
    on_the_web(waiting, Verdict.APPROVE)
    holding.undo(ref=waiting.ref, person=cast.person("lin"), at=clock.now())

    knocks.do_due()

    assert status(waiting) == Status.PENDING
    assert "Not counted. You took this back after that click." in teams.sent[-1].text


@pytest.mark.parametrize("verdict", [Verdict.APPROVE, Verdict.DENY])
def test_a_click_left_behind_does_not_overtake_what_its_giver_said_since(
    teams: FakeTeams, waiting: ApprovalRequest, settings: Settings, verdict: Verdict
) -> None:
    settings.UNDO_SECONDS = 30
    left_behind(teams, teams.click(shown(teams, waiting), "approve"))
    on_the_web(waiting, verdict)

    knocks.do_due()

    assert status(waiting) == Status.PENDING
    told = "Not counted. You denied this at" in teams.sent[-1].text
    assert told is (verdict is Verdict.DENY), "the same said twice is one"
    timers.fire_due(at=clock.now() + timedelta(minutes=1))
    assert status(waiting) == {Verdict.APPROVE: "approved", Verdict.DENY: "denied"}[verdict]
    assert Decision.objects.get(request=waiting).channel == "web"


def test_a_click_left_behind_heeds_what_its_giver_said_since_of_one_on_the_card(
    teams: FakeTeams, waiting: ApprovalRequest, settings: Settings
) -> None:
    settings.UNDO_SECONDS = 30
    twin = cast.request()
    left_behind(teams, teams.click(shown(teams, waiting), "approve"))
    on_the_web(twin, Verdict.DENY)

    knocks.do_due()

    assert (status(waiting), status(twin)) == (Status.PENDING, Status.PENDING)
    assert refusals(waiting) == ["conflict"]


def test_a_click_made_after_an_undo_counts(
    teams: FakeTeams, waiting: ApprovalRequest, settings: Settings
) -> None:
    settings.UNDO_SECONDS = 30
    on_the_web(waiting, Verdict.APPROVE)
    holding.undo(ref=waiting.ref, person=cast.person("lin"), at=clock.now())
    left_behind(teams, teams.click(shown(teams, waiting), "approve"))

    knocks.do_due()

    timers.fire_due(at=clock.now() + timedelta(minutes=1))
    assert status(waiting) == Status.APPROVED


def test_one_that_never_works_is_given_up_in_words_and_in_history(
    teams: FakeTeams, waiting: ApprovalRequest
) -> None:
    click = teams.click(shown(teams, waiting), "approve")
    left_behind(teams, click, tries=len(knocks.BACK_OFF))
    knocks.do_due()
    assert status(waiting) == Status.PENDING
    assert refusals(waiting) == ["given_up"]
    [_, told] = teams.sent
    assert "stopped trying. Nothing was decided by it." in told.text
    assert knocks.do_due() == 0


@pytest.mark.django_db(transaction=True)
def test_after_words_that_nothing_was_recorded_nobody_decides_it(teams: FakeTeams) -> None:
    let_in(teams)
    linked("lin")
    row = cast.request()
    click = teams.click(shown(teams, row), "approve")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE approvals_decision RENAME TO approvals_decision_away")
    try:
        answer = clicked(teams, click)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE approvals_decision_away RENAME TO approvals_decision")
    assert answer["value"]["message"].startswith("We could not record your decision.")
    Knock.objects.update(leased_until=clock.now() - timedelta(seconds=1))

    assert knocks.do_due() == 0

    assert status(row) == Status.PENDING
    deliveries.send_due()
    clicked(teams, teams.click(shown(teams, row), "approve"))
    assert status(row) == Status.APPROVED
