"""An Undo in Teams belongs to one card and one decision, and happens once, whatever dies in between."""

from __future__ import annotations

import json
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from approvals import queries
from approvals.domain.terms import EventKind, Status, Verdict
from approvals.models import ApprovalRequest, Decision, HeldDecision, Knock, Timer
from approvals.models.workspaces import Shows
from approvals.services import clock, holding, knocks, showing, timers
from approvals.services.clicks import Said
from integrations.teams import seals, undoing
from tests.fakes.teams import ROOM, FakeTeams, Sent, person
from tests.support import cast
from tests.support.slack import refusals
from tests.support.teams import clicked, knock, let_in, linked, shown
from tests.support.teams_held import (
    LINE,
    card_of,
    carried_out,
    head,
    left_behind,
    offered,
    press,
    status,
    words,
)

pytestmark = pytest.mark.django_db


# --- whose it is, and until when --------------------------------------------------------------


def test_only_whoever_decided_may_undo_it(teams: FakeTeams, held_in_teams: ApprovalRequest) -> None:
    linked("ada", 2)
    press(teams, held_in_teams, "approve")
    answer = press(teams, held_in_teams, "undo", by=2)
    assert (
        "Nothing of yours waits to be undone here. Only Lin, who approved this, can undo that. "
        "Nothing was changed."
    ) in words(answer)
    assert "undo" not in offered(answer["value"])
    carried_out(held_in_teams)
    assert status(held_in_teams) == Status.APPROVED


def test_nobody_unknown_undoes_and_history_keeps_that_they_tried(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    press(teams, held_in_teams, "approve")
    assert "We do not know who you are yet." in words(press(teams, held_in_teams, "undo", by=9))
    event = held_in_teams.events.get(type=EventKind.DECISION_REFUSED)
    told = {name: event.entry["detail"][name] for name in ("verdict", "refused_because")}
    assert told == {"verdict": "undo", "refused_because": "unknown_person"}
    knock(teams.signed(teams.submit(shown(teams, held_in_teams), "undo", by=9)))
    assert "An Undo was not counted" in teams.sent[-1].text
    assert teams.sent[-1].activity["summary"] == "Not undone."
    carried_out(held_in_teams)
    assert status(held_in_teams) == Status.APPROVED


def test_a_late_undo_is_refused_in_words(teams: FakeTeams, held_in_teams: ApprovalRequest) -> None:
    press(teams, held_in_teams, "approve")
    late = teams.click(shown(teams, held_in_teams), "undo")
    carried_out(held_in_teams)
    answer = clicked(teams, late)
    assert "Too late to undo: you approved this at" in words(answer)
    assert "✔ APPROVED" in words(answer)
    assert offered(answer["value"]) == ["Open full request"]
    assert status(held_in_teams) == Status.APPROVED


def test_undoing_twice_is_undoing_once(teams: FakeTeams, held_in_teams: ApprovalRequest) -> None:
    press(teams, held_in_teams, "approve")
    message = shown(teams, held_in_teams)
    first, second = teams.click(message, "undo"), teams.click(message, "undo")
    answers = [clicked(teams, each) for each in (first, first, first, second)]
    assert "You took this back at" not in "".join(map(words, answers[:3]))
    assert "You took this back at" in words(answers[3])
    assert held_in_teams.events.filter(type=EventKind.DECISION_UNDONE).count() == 1


def test_an_undo_sent_again_takes_back_nothing_said_since(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    press(teams, held_in_teams, "approve")
    undo = teams.click(shown(teams, held_in_teams), "undo")
    clicked(teams, undo)
    press(teams, held_in_teams, "approve")
    for _ in range(3):
        clicked(teams, undo)
    assert HeldDecision.objects.filter(undone_at=None).count() == 1
    carried_out(held_in_teams)
    assert status(held_in_teams) == Status.APPROVED


def test_the_undo_of_one_decision_is_none_of_a_later_one(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    """A card may be seen that was drawn before: Teams shows what it kept."""
    press(teams, held_in_teams, "approve")
    message = shown(teams, held_in_teams)
    old = Sent(ROOM, message.id, json.loads(json.dumps(message.activity)))
    press(teams, held_in_teams, "undo")
    press(teams, held_in_teams, "deny", words="No, wrong.")
    answer = clicked(teams, teams.click(old, "undo"))
    assert "You took this back at" in words(answer)
    carried_out(held_in_teams)
    assert status(held_in_teams) == Status.DENIED


def test_an_undo_covers_nothing_said_after_its_card_was_drawn(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    lin = cast.person("lin")
    press(teams, held_in_teams, "approve")
    drawn = queries.card(held_in_teams)
    holding.undo(ref=held_in_teams.ref, person=lin, at=clock.now())
    said = Said(
        person=lin, verdict=Verdict.DENY, comment="No, the wrong one.", version=None, shown=None,
        channel="web", authenticated_by="password",
    )  # fmt: skip
    holding.decide(said, ref=held_in_teams.ref, at=clock.now())
    assert undoing.held(drawn) == []


def test_the_undo_of_somebody_else_is_none_of_what_one_said_since(
    teams: FakeTeams, settings: Settings
) -> None:
    settings.UNDO_SECONDS = 30
    let_in(teams)
    linked("ada")
    linked("grace", 2)
    row = cast.request(**cast.HIGH)
    press(teams, row, "approve")
    message = shown(teams, row)
    old = Sent(ROOM, message.id, json.loads(json.dumps(message.activity)))
    press(teams, row, "approve", by=2)
    answer = clicked(teams, teams.click(old, "undo", by=2))
    assert "Not undone. This Undo is from before what you said, which still waits." in words(answer)
    assert offered(card_of(answer)) == ["undo", "Open full request"]
    press(teams, row, "undo", by=2)
    assert HeldDecision.objects.get(undone_at=None).person == cast.person("ada")


def test_a_click_sent_again_after_its_undo_does_not_come_up_again(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    approve = teams.click(shown(teams, held_in_teams), "approve")
    clicked(teams, approve)
    press(teams, held_in_teams, "undo")
    for _ in range(3):
        clicked(teams, approve)
    carried_out(held_in_teams)
    assert status(held_in_teams) == Status.PENDING
    assert HeldDecision.objects.count() == 1


def test_the_same_said_twice_is_one_and_its_opposite_is_refused_in_words(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    message = shown(teams, held_in_teams)
    drawn_before = Sent(ROOM, message.id, json.loads(json.dumps(message.activity)))
    press(teams, held_in_teams, "approve")
    again = clicked(teams, teams.click(drawn_before, "approve"))
    assert head(card_of(again))[LINE].startswith("Approved by you, counts at ")
    opposite = clicked(teams, teams.click(drawn_before, "deny", words="No, not today."))
    assert "Not counted. You approved this at" in words(opposite)
    assert "Undo that first." in words(opposite)
    assert HeldDecision.objects.count() == 1
    carried_out(held_in_teams)
    assert Decision.objects.filter(request=held_in_teams).count() == 1


@pytest.mark.parametrize("shows", [Shows.NAMES, Shows.NOTHING])
def test_a_room_that_may_see_less_tells_no_value_of_what_is_on_its_way(
    teams: FakeTeams, settings: Settings, shows: Shows
) -> None:
    settings.UNDO_SECONDS = 30
    let_in(teams)
    linked("lin")
    value = "a-value-of-its-own"
    row = cast.request(parameters={"note": value})
    approve = teams.click(shown(teams, row), "approve")
    assert value in shown(teams, row).text
    clicked(teams, approve)
    address = row.receipts.get().address
    showing.change(
        adapter="teams", address=address, shows=shows, actor=cast.OPERATOR, at=clock.now()
    )
    message = shown(teams, row)
    assert value not in message.text
    assert ("undo" in message.buttons) is (shows is Shows.NAMES)
    assert "approve" not in message.buttons


def test_one_person_takes_back_five_times_and_then_it_counts(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    for _ in range(holding.MOST_UNDONE):
        press(teams, held_in_teams, "approve")
        press(teams, held_in_teams, "undo")
    press(teams, held_in_teams, "approve")
    assert "Not undone. You took back 5 decisions" in words(press(teams, held_in_teams, "undo"))
    carried_out(held_in_teams)
    assert status(held_in_teams) == Status.APPROVED


# --- forgeries --------------------------------------------------------------------------------


def test_undo_belongs_to_its_message_its_conversation_and_its_button(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    press(teams, held_in_teams, "approve")
    message = shown(teams, held_in_teams)
    data = message.buttons["undo"]["data"]
    other = data | {"verb": "deny", "deny_reason": "No, not today."}
    forged = [
        ("Not undone.", Sent(ROOM, "1799999999999", message.activity), "undo", data),
        ("Not undone.", Sent("19:elsewhere@thread.tacv2", message.id, {}), "undo", data),
        ("Not counted.", message, "deny", other),
    ]
    for said, place, verb, carried in forged:
        answer = clicked(teams, teams.invoke(place, verb, carried))
        assert answer["statusCode"] == 400
        assert answer["value"]["message"].startswith(f"{said} This button was not made")
    assert refusals(held_in_teams) == ["not_our_button"] * 3
    carried_out(held_in_teams)
    assert status(held_in_teams) == Status.APPROVED


@pytest.mark.parametrize("verb", ["approve", "deny", "refresh"])
def test_no_other_button_can_be_made_into_an_undo(
    teams: FakeTeams, held_in_teams: ApprovalRequest, verb: str
) -> None:
    knock(teams.signed(teams.update(membersAdded=[person(1)])))
    message = shown(teams, held_in_teams)
    action = message.card["refresh"]["action"] if verb == "refresh" else message.buttons[verb]
    press(teams, held_in_teams, "approve")
    newest = HeldDecision.objects.get().pk
    sealed = action["data"]["sealed"]
    before, _, tag = sealed.rpartition(":")
    for forged in (sealed, f"{before}:u{newest}:{tag}", f"{before}:u{newest + 1}:{tag}"):
        data = {"sealed": forged, "verb": "undo"}
        assert clicked(teams, teams.invoke(message, "undo", data))["statusCode"] == 400
    assert refusals(held_in_teams) == ["not_our_button"] * 3
    assert HeldDecision.objects.get().undone_at is None


@pytest.mark.parametrize("change", ["later", "other version", "of a decision"])
def test_a_changed_undo_is_refused(
    teams: FakeTeams, held_in_teams: ApprovalRequest, change: str
) -> None:
    press(teams, held_in_teams, "approve")
    message = shown(teams, held_in_teams)
    sealed = message.buttons["undo"]["data"]["sealed"]
    newest = f":u{HeldDecision.objects.get().pk}:"
    changed = {
        "later": sealed.replace(newest, ":u999999:"),
        "other version": sealed.replace(":v1:", ":v2:"),
        "of a decision": sealed.replace(newest, ":"),
    }[change]
    assert changed != sealed
    data = {"sealed": changed, "verb": "undo"}
    assert clicked(teams, teams.invoke(message, "undo", data))["statusCode"] == 400
    assert HeldDecision.objects.get().undone_at is None


def test_an_undo_is_sealed_for_what_its_card_showed(settings: Settings) -> None:
    request = "0" * 8 + "-0000-7000-8000-" + "0" * 12
    known = {"request": request, "version": 3, "shown_sha256": "ab" * 32}
    value = seals.seal(**known, conversation=ROOM, newest=12)  # type: ignore[arg-type]
    carried = seals.read(value)
    assert carried
    assert (carried.newest, carried.version) == (12, 3)
    assert seals.is_genuine(carried, conversation=ROOM)
    assert not seals.is_genuine(carried, conversation="19:elsewhere@thread.tacv2")
    for old, new in ((":u12:", ":u13:"), (":u12:", ":"), (":v3:", ":v4:"), ("-7000-", "-7001-")):
        changed = seals.read(value.replace(old, new, 1))
        assert changed
        assert not seals.is_genuine(changed, conversation=ROOM)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", [settings.SECRET_KEY]
    assert seals.is_genuine(carried, conversation=ROOM)


# --- once, whatever dies in between -----------------------------------------------------------


def test_an_undo_left_behind_is_done_by_whoever_finds_it(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    press(teams, held_in_teams, "approve")
    left_behind(teams, teams.click(shown(teams, held_in_teams), "undo"))
    assert knocks.do_due() == 1
    carried_out(held_in_teams)
    assert status(held_in_teams) == Status.PENDING
    assert len(teams.sent) == 1


def test_an_undo_left_behind_until_it_is_too_late_is_told_in_the_conversation(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    press(teams, held_in_teams, "approve")
    left_behind(teams, teams.click(shown(teams, held_in_teams), "undo"))
    carried_out(held_in_teams)
    knocks.do_due()
    assert status(held_in_teams) == Status.APPROVED
    assert "Too late to undo" in teams.sent[-1].text
    assert teams.sent[-1].activity["summary"] == "Not undone."


def test_an_undo_from_before_a_later_decision_does_not_take_that_back(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    press(teams, held_in_teams, "approve")
    left_behind(teams, teams.click(shown(teams, held_in_teams), "undo"))
    press(teams, held_in_teams, "undo")
    press(teams, held_in_teams, "deny", words="No, wrong.")

    knocks.do_due()

    assert HeldDecision.objects.filter(verdict="deny", undone_at=None).count() == 1
    carried_out(held_in_teams)
    assert status(held_in_teams) == Status.DENIED


def test_a_click_left_behind_is_none_after_its_giver_took_the_same_back(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    """Nor does anything written meanwhile make it a newer one."""
    left_behind(teams, teams.click(shown(teams, held_in_teams), "approve"))
    press(teams, held_in_teams, "approve")
    press(teams, held_in_teams, "undo")
    reminded = Timer.objects.get(request=held_in_teams, kind="remind").due_at
    timers.fire_due(at=reminded)
    assert held_in_teams.events.filter(type="request.reminded").exists()

    knocks.do_due()

    carried_out(held_in_teams)
    timers.fire_due(at=reminded + timedelta(minutes=1))
    assert status(held_in_teams) == Status.PENDING
    assert HeldDecision.objects.count() == 1
    assert refusals(held_in_teams) == ["conflict"]
    assert "Not counted. You took this back after that click." in teams.sent[-1].text


def test_an_undo_that_is_given_up_says_what_happened_instead(
    teams: FakeTeams, held_in_teams: ApprovalRequest
) -> None:
    press(teams, held_in_teams, "approve")
    left_behind(teams, teams.click(shown(teams, held_in_teams), "undo"))
    Knock.objects.filter(done_at=None).update(attempts=len(knocks.BACK_OFF))
    carried_out(held_in_teams)
    knocks.do_due()
    assert "Not undone. We could not record your click in time" in teams.sent[-1].text
    assert refusals(held_in_teams) == ["given_up"]


@pytest.mark.django_db(transaction=True)
def test_after_words_that_nothing_was_undone_nobody_undoes_it(
    teams: FakeTeams, settings: Settings
) -> None:
    settings.UNDO_SECONDS = 30
    let_in(teams)
    linked("lin")
    row = cast.request()
    press(teams, row, "approve")
    undo = teams.click(shown(teams, row), "undo")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE approvals_delivery RENAME TO approvals_delivery_away")
    try:
        answer = clicked(teams, undo)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE approvals_delivery_away RENAME TO approvals_delivery")
    assert answer["statusCode"] == 500
    assert answer["value"]["message"].startswith("We could not undo your decision.")
    Knock.objects.update(leased_until=clock.now() - timedelta(seconds=1))
    assert knocks.do_due() == 0
    carried_out(row)
    assert status(row) == Status.APPROVED


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("undos", [1, 5])
def test_of_undo_and_release_at_once_one_happens_and_is_told(
    teams: FakeTeams, settings: Settings, undos: int
) -> None:
    settings.UNDO_SECONDS = 30
    let_in(teams)
    linked("lin")
    row = cast.request()
    press(teams, row, "approve")
    message = shown(teams, row)
    knocked = [teams.signed(teams.click(message, "undo")) for _ in range(undos)]
    together, answers = Barrier(undos + 1), []

    def take_back(one: Any) -> None:
        together.wait()
        answers.append(knock(one))
        connection.close()

    def release() -> None:
        together.wait()
        timers.fire_due(at=clock.now() + timedelta(minutes=1))
        connection.close()

    threads = [Thread(target=take_back, args=(one,)) for one in knocked]
    threads.append(Thread(target=release))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    timers.fire_due(at=clock.now() + timedelta(minutes=1))
    mine = HeldDecision.objects.get()
    was_undone = mine.undone_at is not None
    assert {answer.status_code for answer in answers} == {200}
    assert was_undone is (mine.released_at is None)
    assert status(row) == (Status.PENDING if was_undone else Status.APPROVED)
    assert Decision.objects.filter(request=row).count() == (0 if was_undone else 1)
    assert row.events.filter(type=EventKind.DECISION_UNDONE).count() == int(was_undone)
    told = "".join(words(json.loads(answer.content)) for answer in answers)
    assert ("Too late to undo" in told) is not was_undone
