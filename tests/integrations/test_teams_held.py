"""What somebody decided in Teams can be taken back for some seconds, by them alone, on the card."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from approvals.domain.terms import Status, Verdict
from approvals.models import ApprovalRequest, Decision, Delivery, HeldDecision, Knock
from approvals.services import clock, deliveries, holding, lifecycle, people, timers
from approvals.services.clicks import Said
from tests.fakes import adaptive
from tests.fakes.teams import FakeTeams, person
from tests.support import cast
from tests.support.slack import refusals
from tests.support.teams import clicked, knock, let_in, linked, shown
from tests.support.teams_held import (
    BADGE,
    LINE,
    card_of,
    carried_out,
    head,
    offered,
    own,
    press,
    status,
)

pytestmark = pytest.mark.django_db


# --- what people read -------------------------------------------------------------------------


def test_its_giver_reads_when_it_counts_and_has_a_way_back(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    card = card_of(press(teams, held_in_teams, "approve"))
    mine = HeldDecision.objects.get()
    assert status(held_in_teams) == Status.PENDING
    assert (mine.channel, mine.authenticated_by) == ("teams", "teams_token")
    assert (mine.version, mine.shown_sha256) == (1, held_in_teams.action_sha256)
    assert head(card)[LINE] == (
        f"Approved by you, counts at {mine.release_at:%H:%M:%S} UTC. Until then you can undo it. "
        "Nothing has run."
    )
    assert offered(card) == ["undo", "Open full request"]


def test_everybody_else_reads_that_it_is_on_its_way(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    press(teams, held_in_teams, "approve")
    message = shown(teams, held_in_teams)
    at = f"{HeldDecision.objects.get().release_at:%H:%M:%S} UTC"
    assert head(message.card)[BADGE].startswith("◔ APPROVAL ON ITS WAY · ")
    assert head(message.card)[LINE].startswith("Approved by Lin (")
    assert f"Goes to the agent at {at}; until then it can be undone." in head(message.card)[LINE]
    assert message.activity["summary"].startswith(
        f"{held_in_teams.ref} was approved, which counts at {at}. Open "
    )
    assert offered(message.card) == ["undo", "Deny…", "Open full request"]
    assert (len(teams.sent), message.edits) == (1, 1)


def test_in_a_view_of_their_own_the_way_back_stands_before_its_giver_alone(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    linked("kim", 2)
    cast.person("kim", teams=("team-leads",))
    knock(teams.signed(teams.update(membersAdded=[person(1), person(2)])))
    press(teams, held_in_teams, "approve")
    assert offered(own(teams, held_in_teams, by=1)) == ["undo", "Open full request"]
    assert head(own(teams, held_in_teams, by=1))[LINE].startswith("Approved by you, counts at ")
    others = own(teams, held_in_teams, by=2)
    assert offered(others) == ["Deny…", "Open full request"]
    assert head(others)[LINE].startswith("Approved by Lin (")
    assert refusals(held_in_teams) == []


def test_somebody_unknown_keeps_the_buttons_that_everybody_sees(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    knock(teams.signed(teams.update(membersAdded=[person(1)])))
    press(teams, held_in_teams, "approve")
    card = own(teams, held_in_teams, by=9)
    assert offered(card) == ["Link your Teams account", "undo", "Deny…", "Open full request"]


def test_it_is_carried_out_and_the_card_says_so(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    press(teams, held_in_teams, "approve")
    carried_out(held_in_teams)
    message = shown(teams, held_in_teams)
    assert status(held_in_teams) == Status.APPROVED
    decision = Decision.objects.get(request=held_in_teams)
    assert (decision.channel, decision.authenticated_by) == ("teams", "teams_token")
    assert offered(message.card) == ["Open full request"]
    assert "✔ APPROVED" in head(message.card)[BADGE]
    assert "ON ITS WAY" not in message.text
    assert len(teams.sent) == 1


def test_a_denial_can_be_undone_too_and_keeps_its_reason_till_then(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    card = card_of(press(teams, held_in_teams, "deny", words="Not on a Friday."))
    assert head(card)[LINE].startswith("Denied by you, counts at ")
    assert HeldDecision.objects.get().comment == "Not on a Friday."
    message = shown(teams, held_in_teams)
    assert head(message.card)[BADGE].startswith("◔ DENIAL ON ITS WAY")
    assert offered(message.card) == ["undo", "Open full request"]
    press(teams, held_in_teams, "undo")
    carried_out(held_in_teams)
    assert status(held_in_teams) == Status.PENDING


def test_a_reason_and_a_note_are_kept_with_what_counts(
    teams: FakeTeams, settings: Settings
) -> None:
    settings.UNDO_SECONDS = 30
    let_in(teams)
    linked("ada", 1)
    row = cast.request(**cast.HIGH)
    press(teams, row, "approve", words="Rehearsed on staging.")
    carried_out(row)
    assert Decision.objects.get(request=row).comment == "Rehearsed on staging."


def test_what_was_undone_reads_as_before_and_never_counts(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    before = shown(teams, held_in_teams)
    read, summary = list(adaptive.runs(before.card)), before.activity["summary"]
    press(teams, held_in_teams, "approve")
    card = card_of(press(teams, held_in_teams, "undo"))
    assert offered(card) == ["approve", "Deny…", "Investigate…", "Open full request"]
    assert "Not counted" not in json.dumps(card)
    after = shown(teams, held_in_teams)
    assert (list(adaptive.runs(after.card)), after.activity["summary"]) == (read, summary)
    carried_out(held_in_teams)
    assert status(held_in_teams) == Status.PENDING
    assert not Knock.objects.filter(done_at=None).exists()


def test_who_took_it_back_can_decide_anew(teams: FakeTeams, held_in_teams: ApprovalRequest) -> None:
    press(teams, held_in_teams, "approve")
    press(teams, held_in_teams, "undo")
    press(teams, held_in_teams, "deny", words="No, wrong.")
    carried_out(held_in_teams)
    assert status(held_in_teams) == Status.DENIED


def test_an_older_client_undoes_by_a_message(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    knock(teams.signed(teams.submit(shown(teams, held_in_teams), "approve")))
    knock(teams.signed(teams.submit(shown(teams, held_in_teams), "undo")))
    carried_out(held_in_teams)
    assert status(held_in_teams) == Status.PENDING
    assert len(teams.sent) == 1, "what was done is told by its card alone"


# --- beside others ----------------------------------------------------------------------------


def test_of_two_people_the_first_can_undo_and_the_second_is_still_asked(
    teams: FakeTeams, settings: Settings
) -> None:
    settings.UNDO_SECONDS = 30
    let_in(teams)
    linked("ada")
    row = cast.request(**cast.HIGH)
    press(teams, row, "approve")
    message = shown(teams, row)
    assert "Counts at" in head(message.card)[LINE]
    assert offered(message.card) == [
        "undo", "Approve…", "Deny…", "Investigate…", "Open full request",
    ]  # fmt: skip
    linked("grace", 2)
    card = card_of(press(teams, row, "approve", by=2))
    assert head(card)[LINE].startswith("Approved by you, counts at")
    assert "Approved by Ada (" in head(card)[LINE]
    assert "Approved by Grace" not in head(card)[LINE]


def test_what_was_decided_on_the_dashboard_shows_and_is_undone_here_as_well(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    shown(teams, held_in_teams)
    said = Said(cast.person("lin"), Verdict.APPROVE, version=1, channel="web")
    holding.decide(said, ref=held_in_teams.ref, at=clock.now())
    press(teams, held_in_teams, "undo")
    carried_out(held_in_teams)
    assert status(held_in_teams) == Status.PENDING


def test_a_denial_beside_an_approval_on_its_way_counts_at_once(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    linked("kim", 2)
    cast.person("kim", teams=("team-leads",))
    press(teams, held_in_teams, "approve")
    press(teams, held_in_teams, "deny", by=2, words="Not on a Friday.")
    assert status(held_in_teams) == Status.DENIED
    deliveries.send_due()
    said = [message.text for message in teams.sent if "did not count" in message.text]
    assert len(said) == 1
    assert f"The approval of {held_in_teams.ref} by Lin did not count." in said[0]
    assert offered(shown(teams, held_in_teams).card) == ["Open full request"]


def test_a_question_that_came_meanwhile_ends_an_approval_and_says_so(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    linked("kim", 2)
    cast.person("kim", teams=("team-leads",))
    earlier = teams.click(shown(teams, held_in_teams), "investigate", by=2, words="Why now?")
    press(teams, held_in_teams, "approve")
    clicked(teams, earlier)
    assert status(held_in_teams) == Status.INVESTIGATING
    message = shown(teams, held_in_teams)
    assert "undo" not in offered(message.card)
    assert len([each for each in teams.sent if "did not count" in each.text]) == 1
    carried_out(held_in_teams)
    assert status(held_in_teams) == Status.INVESTIGATING


def test_a_question_is_asked_at_once(teams: FakeTeams, held_in_teams: ApprovalRequest) -> None:
    press(teams, held_in_teams, "investigate", words="Which node pool?")
    assert status(held_in_teams) == Status.INVESTIGATING
    assert not HeldDecision.objects.exists()


def test_a_denial_that_stands_is_undone_though_the_card_reads_otherwise_now(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    press(teams, held_in_teams, "deny", words="No, not today.")
    undo = teams.click(shown(teams, held_in_teams), "undo")
    kim = cast.person("kim", teams=("team-leads",))
    lifecycle.decide(
        ref=held_in_teams.ref,
        person=kim,
        verdict=Verdict.INVESTIGATE,
        comment="Why?",
        at=clock.now(),
    )
    clicked(teams, undo)
    assert HeldDecision.objects.get().undone_at is not None
    carried_out(held_in_teams)
    assert status(held_in_teams) == Status.INVESTIGATING


def test_whoever_lost_the_right_meanwhile_is_told_and_the_card_waits_again(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    press(teams, held_in_teams, "approve")
    people.leave(person=cast.person("lin"), team="team-leads", actor=cast.OPERATOR, at=clock.now())
    carried_out(held_in_teams)
    message = shown(teams, held_in_teams)
    assert status(held_in_teams) == Status.PENDING
    assert "undo" not in offered(message.card)
    assert [each for each in teams.sent if "by Lin did not count." in each.text]


# --- where there is no time to undo -----------------------------------------------------------


def test_critical_ones_are_never_held(teams: FakeTeams, settings: Settings) -> None:
    settings.UNDO_SECONDS = None
    settings.TEAMS_CRITICAL_ON_WEB = False
    let_in(teams)
    linked("chen")
    row = cast.request(**cast.CRITICAL)
    press(teams, row, "deny", words="No, not today.")
    assert status(row) == Status.DENIED
    assert not HeldDecision.objects.exists()


@pytest.mark.parametrize(("name", "asked"), [("lin", {}), ("ada", cast.HIGH)])
def test_the_time_to_undo_is_that_of_the_dashboard(
    teams: FakeTeams, settings: Settings, name: str, asked: dict[str, Any]
) -> None:
    settings.UNDO_SECONDS = None
    let_in(teams)
    linked(name)
    row = cast.request(**asked)
    press(teams, row, "deny", words="No, not today.")
    mine = HeldDecision.objects.get()
    assert timedelta(seconds=10) <= mine.release_at - mine.at < timedelta(seconds=13)


def test_where_the_window_is_none_nothing_is_held_and_one_edit_is_made(
    teams: FakeTeams, settings: Settings
) -> None:
    settings.UNDO_SECONDS = 0
    let_in(teams)
    linked("lin")
    row = cast.request()
    press(teams, row, "approve")
    assert status(row) == Status.APPROVED
    assert shown(teams, row).edits == 1


def test_an_edit_that_was_overtaken_is_not_sent(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    """A decision is two edits; where the first comes late it is one."""
    press(teams, held_in_teams, "approve")
    timers.fire_due(at=clock.now() + timedelta(minutes=1))
    assert shown(teams, held_in_teams).edits == 1
    assert Delivery.objects.filter(state="superseded").count() == 1
