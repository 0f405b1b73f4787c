"""What somebody decided in Teams can be taken back for some seconds, by them alone, on the card."""

from __future__ import annotations

import json
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from approvals.domain.terms import EventKind, Status, Verdict
from approvals.models import ApprovalRequest, Decision, Delivery, HeldDecision, Knock, Timer
from approvals.services import clock, deliveries, holding, knocks, lifecycle, people, timers
from approvals.services.clicks import Said
from integrations.teams import activities, kept, seals
from tests.fakes import adaptive
from tests.fakes.teams import ROOM, Body, FakeTeams, Sent, person
from tests.support import cast
from tests.support.slack import refusals
from tests.support.teams import clicked, knock, let_in, linked, shown

pytestmark = pytest.mark.django_db
CARD = "application/vnd.microsoft.card.adaptive"
LINE, BADGE = 2, 0  # where they stand in the head of a card


@pytest.fixture
def held(teams: FakeTeams, settings: Settings) -> ApprovalRequest:
    """A request on which lin, Person 1, may decide by a click, and undo that in time."""
    settings.UNDO_SECONDS = 30
    let_in(teams)
    linked("lin")
    return cast.request()


def status(row: ApprovalRequest) -> str:
    row.refresh_from_db()
    return row.status


def card_of(answer: Body) -> Body:
    assert (answer["statusCode"], answer["type"]) == (200, CARD)
    assert adaptive.faults(answer["value"]) == []
    return dict(answer["value"])


def head(card: Body) -> list[str]:
    """The badge, the headline and the line below it."""
    first = next(each for each in card["body"] if each.get("bleed"))
    return ["".join(run["text"] for run in line["inlines"]) for line in first["items"]]


def words(answer: Body) -> str:
    return "\n".join(adaptive.runs(card_of(answer)))


def offered(card: Body) -> list[str]:
    return [each.get("verb") or each["title"] for each in card["actions"]]


def press(teams: FakeTeams, row: ApprovalRequest, verb: str, **said: Any) -> Body:
    """What is answered to a press on the common card as it stands now."""
    return clicked(teams, teams.click(shown(teams, row), verb, **said))


def own(teams: FakeTeams, row: ApprovalRequest, *, by: int) -> Body:
    """The card as it is shown to one person whom the bot has met."""
    return card_of(clicked(teams, teams.refresh(shown(teams, row), by=by)))


def carried_out(row: ApprovalRequest) -> None:
    """The time to undo passes."""
    later = clock.now() + timedelta(minutes=1)
    timers.fire_due(at=later)
    deliveries.send_due(now=lambda: later)


def left_behind(teams: FakeTeams, activity: Body) -> None:
    """The click came in, and the process that wrote it down died; its hold has run out."""
    raw = teams.signed(activity).body
    found = kept.keep(activities.read(raw), raw)
    assert found is not None
    ran_out = clock.now() - timedelta(seconds=1)
    Knock.objects.filter(pk=found.id).update(leased_until=ran_out)


# --- what people read -------------------------------------------------------------------------


def test_its_giver_reads_when_it_counts_and_has_a_way_back(
    teams: FakeTeams, held: ApprovalRequest
) -> None:
    card = card_of(press(teams, held, "approve"))
    mine = HeldDecision.objects.get()
    assert status(held) == Status.PENDING
    assert (mine.channel, mine.authenticated_by) == ("teams", "teams_token")
    assert (mine.version, mine.shown_sha256) == (1, held.action_sha256)
    assert head(card)[LINE] == (
        f"Approved by you, counts at {mine.release_at:%H:%M:%S} UTC. Until then you can undo it. "
        "Nothing has run."
    )
    assert offered(card) == ["undo", "Open full request"]


def test_everybody_else_reads_that_it_is_on_its_way(
    teams: FakeTeams, held: ApprovalRequest
) -> None:
    press(teams, held, "approve")
    message = shown(teams, held)
    at = f"{HeldDecision.objects.get().release_at:%H:%M:%S} UTC"
    assert head(message.card)[BADGE].startswith("◔ APPROVAL ON ITS WAY · ")
    assert head(message.card)[LINE].startswith("Approved by Lin (")
    assert f"Goes to the agent at {at}; until then it can be undone." in head(message.card)[LINE]
    assert message.activity["summary"].startswith(
        f"{held.ref} was approved, which counts at {at}. Open "
    )
    assert offered(message.card) == ["undo", "Deny…", "Open full request"]
    assert (len(teams.sent), message.edits) == (1, 1)


def test_in_a_view_of_their_own_the_way_back_stands_before_its_giver_alone(
    teams: FakeTeams, held: ApprovalRequest
) -> None:
    linked("kim", 2)
    cast.person("kim", teams=("team-leads",))
    knock(teams.signed(teams.update(membersAdded=[person(1), person(2)])))
    press(teams, held, "approve")
    assert offered(own(teams, held, by=1)) == ["undo", "Open full request"]
    assert head(own(teams, held, by=1))[LINE].startswith("Approved by you, counts at ")
    others = own(teams, held, by=2)
    assert offered(others) == ["Deny…", "Open full request"]
    assert head(others)[LINE].startswith("Approved by Lin (")
    assert refusals(held) == []


def test_somebody_unknown_keeps_the_buttons_that_everybody_sees(
    teams: FakeTeams, held: ApprovalRequest
) -> None:
    knock(teams.signed(teams.update(membersAdded=[person(1)])))
    press(teams, held, "approve")
    card = own(teams, held, by=9)
    assert offered(card) == ["Link your Teams account", "undo", "Deny…", "Open full request"]


def test_it_is_carried_out_and_the_card_says_so(teams: FakeTeams, held: ApprovalRequest) -> None:
    press(teams, held, "approve")
    carried_out(held)
    message = shown(teams, held)
    assert status(held) == Status.APPROVED
    decision = Decision.objects.get(request=held)
    assert (decision.channel, decision.authenticated_by) == ("teams", "teams_token")
    assert offered(message.card) == ["Open full request"]
    assert "✔ APPROVED" in head(message.card)[BADGE]
    assert "ON ITS WAY" not in message.text
    assert len(teams.sent) == 1


def test_a_denial_can_be_undone_too_and_keeps_its_reason_till_then(
    teams: FakeTeams, held: ApprovalRequest
) -> None:
    card = card_of(press(teams, held, "deny", words="Not on a Friday."))
    assert head(card)[LINE].startswith("Denied by you, counts at ")
    assert HeldDecision.objects.get().comment == "Not on a Friday."
    message = shown(teams, held)
    assert head(message.card)[BADGE].startswith("◔ DENIAL ON ITS WAY")
    assert offered(message.card) == ["undo", "Open full request"]
    press(teams, held, "undo")
    carried_out(held)
    assert status(held) == Status.PENDING


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
    teams: FakeTeams, held: ApprovalRequest
) -> None:
    before = shown(teams, held)
    read, summary = list(adaptive.runs(before.card)), before.activity["summary"]
    press(teams, held, "approve")
    card = card_of(press(teams, held, "undo"))
    assert offered(card) == ["approve", "Deny…", "Investigate…", "Open full request"]
    assert "Not counted" not in json.dumps(card)
    after = shown(teams, held)
    assert (list(adaptive.runs(after.card)), after.activity["summary"]) == (read, summary)
    carried_out(held)
    assert status(held) == Status.PENDING
    assert not Knock.objects.filter(done_at=None).exists()


def test_who_took_it_back_can_decide_anew(teams: FakeTeams, held: ApprovalRequest) -> None:
    press(teams, held, "approve")
    press(teams, held, "undo")
    press(teams, held, "deny", words="No, wrong.")
    carried_out(held)
    assert status(held) == Status.DENIED


def test_an_older_client_undoes_by_a_message(teams: FakeTeams, held: ApprovalRequest) -> None:
    knock(teams.signed(teams.submit(shown(teams, held), "approve")))
    knock(teams.signed(teams.submit(shown(teams, held), "undo")))
    carried_out(held)
    assert status(held) == Status.PENDING
    assert len(teams.sent) == 1, "what was done is told by its card alone"


# --- whose it is, and until when --------------------------------------------------------------


def test_only_whoever_decided_may_undo_it(teams: FakeTeams, held: ApprovalRequest) -> None:
    linked("ada", 2)
    press(teams, held, "approve")
    answer = press(teams, held, "undo", by=2)
    assert (
        "Nothing of yours waits to be undone here. Only Lin, who approved this, can undo that. "
        "Nothing was changed."
    ) in words(answer)
    assert "undo" not in offered(answer["value"])
    carried_out(held)
    assert status(held) == Status.APPROVED


def test_nobody_unknown_undoes_and_history_keeps_that_they_tried(
    teams: FakeTeams, held: ApprovalRequest
) -> None:
    press(teams, held, "approve")
    assert "We do not know who you are yet." in words(press(teams, held, "undo", by=9))
    event = held.events.get(type=EventKind.DECISION_REFUSED)
    told = {name: event.entry["detail"][name] for name in ("verdict", "refused_because")}
    assert told == {"verdict": "undo", "refused_because": "unknown_person"}
    knock(teams.signed(teams.submit(shown(teams, held), "undo", by=9)))
    assert "An Undo was not counted" in teams.sent[-1].text
    assert teams.sent[-1].activity["summary"] == "Not undone."
    carried_out(held)
    assert status(held) == Status.APPROVED


def test_a_late_undo_is_refused_in_words(teams: FakeTeams, held: ApprovalRequest) -> None:
    press(teams, held, "approve")
    late = teams.click(shown(teams, held), "undo")
    carried_out(held)
    answer = clicked(teams, late)
    assert "Too late to undo: you approved this at" in words(answer)
    assert "✔ APPROVED" in words(answer)
    assert offered(answer["value"]) == ["Open full request"]
    assert status(held) == Status.APPROVED


def test_undoing_twice_is_undoing_once(teams: FakeTeams, held: ApprovalRequest) -> None:
    press(teams, held, "approve")
    message = shown(teams, held)
    first, second = teams.click(message, "undo"), teams.click(message, "undo")
    answers = [clicked(teams, each) for each in (first, first, first, second)]
    assert "You took this back at" not in "".join(map(words, answers[:3]))
    assert "You took this back at" in words(answers[3])
    assert held.events.filter(type=EventKind.DECISION_UNDONE).count() == 1


def test_an_undo_sent_again_takes_back_nothing_said_since(
    teams: FakeTeams, held: ApprovalRequest
) -> None:
    press(teams, held, "approve")
    undo = teams.click(shown(teams, held), "undo")
    clicked(teams, undo)
    press(teams, held, "approve")
    for _ in range(3):
        clicked(teams, undo)
    assert HeldDecision.objects.filter(undone_at=None).count() == 1
    carried_out(held)
    assert status(held) == Status.APPROVED


def test_the_undo_of_one_decision_is_none_of_a_later_one(
    teams: FakeTeams, held: ApprovalRequest
) -> None:
    """A card may be seen that was drawn before: Teams shows what it kept."""
    press(teams, held, "approve")
    message = shown(teams, held)
    old = Sent(ROOM, message.id, json.loads(json.dumps(message.activity)))
    press(teams, held, "undo")
    press(teams, held, "deny", words="No, wrong.")
    answer = clicked(teams, teams.click(old, "undo"))
    assert "You took this back at" in words(answer)
    carried_out(held)
    assert status(held) == Status.DENIED


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
    teams: FakeTeams, held: ApprovalRequest
) -> None:
    approve = teams.click(shown(teams, held), "approve")
    clicked(teams, approve)
    press(teams, held, "undo")
    for _ in range(3):
        clicked(teams, approve)
    carried_out(held)
    assert status(held) == Status.PENDING
    assert HeldDecision.objects.count() == 1


def test_one_person_takes_back_five_times_and_then_it_counts(
    teams: FakeTeams, held: ApprovalRequest
) -> None:
    for _ in range(holding.MOST_UNDONE):
        press(teams, held, "approve")
        press(teams, held, "undo")
    press(teams, held, "approve")
    assert "Not undone. You took back 5 decisions" in words(press(teams, held, "undo"))
    carried_out(held)
    assert status(held) == Status.APPROVED


# --- forgeries --------------------------------------------------------------------------------


def test_undo_belongs_to_its_message_its_conversation_and_its_button(
    teams: FakeTeams, held: ApprovalRequest
) -> None:
    press(teams, held, "approve")
    message = shown(teams, held)
    data = message.buttons["undo"]["data"]
    forged = [
        teams.invoke(Sent(ROOM, "1799999999999", message.activity), "undo", data),
        teams.invoke(Sent("19:elsewhere@thread.tacv2", message.id, {}), "undo", data),
        teams.invoke(message, "deny", data | {"verb": "deny", "deny_reason": "No."}),
    ]
    for each in forged:
        answer = clicked(teams, each)
        assert answer["statusCode"] == 400
        assert answer["value"]["message"].startswith("Not counted. This button was not made")
    assert refusals(held) == ["not_our_button"] * 3
    carried_out(held)
    assert status(held) == Status.APPROVED


@pytest.mark.parametrize("verb", ["approve", "deny", "refresh"])
def test_no_other_button_can_be_made_into_an_undo(
    teams: FakeTeams, held: ApprovalRequest, verb: str
) -> None:
    knock(teams.signed(teams.update(membersAdded=[person(1)])))
    message = shown(teams, held)
    action = message.card["refresh"]["action"] if verb == "refresh" else message.buttons[verb]
    press(teams, held, "approve")
    newest = HeldDecision.objects.get().pk
    sealed = action["data"]["sealed"]
    before, _, tag = sealed.rpartition(":")
    for forged in (sealed, f"{before}:u{newest}:{tag}", f"{before}:u{newest + 1}:{tag}"):
        data = {"sealed": forged, "verb": "undo"}
        assert clicked(teams, teams.invoke(message, "undo", data))["statusCode"] == 400
    assert refusals(held) == ["not_our_button"] * 3
    assert HeldDecision.objects.get().undone_at is None


@pytest.mark.parametrize("change", ["later", "other version", "of a decision"])
def test_a_changed_undo_is_refused(teams: FakeTeams, held: ApprovalRequest, change: str) -> None:
    press(teams, held, "approve")
    message = shown(teams, held)
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
    teams: FakeTeams, held: ApprovalRequest
) -> None:
    press(teams, held, "approve")
    left_behind(teams, teams.click(shown(teams, held), "undo"))
    assert knocks.do_due() == 1
    carried_out(held)
    assert status(held) == Status.PENDING
    assert len(teams.sent) == 1


def test_an_undo_left_behind_until_it_is_too_late_is_told_in_the_conversation(
    teams: FakeTeams, held: ApprovalRequest
) -> None:
    press(teams, held, "approve")
    left_behind(teams, teams.click(shown(teams, held), "undo"))
    carried_out(held)
    knocks.do_due()
    assert status(held) == Status.APPROVED
    assert "Too late to undo" in teams.sent[-1].text
    assert teams.sent[-1].activity["summary"] == "Not undone."


def test_an_undo_from_before_a_later_decision_does_not_take_that_back(
    teams: FakeTeams, held: ApprovalRequest
) -> None:
    press(teams, held, "approve")
    left_behind(teams, teams.click(shown(teams, held), "undo"))
    press(teams, held, "undo")
    press(teams, held, "deny", words="No, wrong.")

    knocks.do_due()

    assert HeldDecision.objects.filter(verdict="deny", undone_at=None).count() == 1
    carried_out(held)
    assert status(held) == Status.DENIED


def test_a_click_left_behind_is_none_after_its_giver_took_the_same_back(
    teams: FakeTeams, held: ApprovalRequest
) -> None:
    """Nor does anything written meanwhile make it a newer one."""
    left_behind(teams, teams.click(shown(teams, held), "approve"))
    press(teams, held, "approve")
    press(teams, held, "undo")
    reminded = Timer.objects.get(request=held, kind="remind").due_at
    timers.fire_due(at=reminded)
    assert held.events.filter(type="request.reminded").exists()

    knocks.do_due()

    carried_out(held)
    timers.fire_due(at=reminded + timedelta(minutes=1))
    assert status(held) == Status.PENDING
    assert HeldDecision.objects.count() == 1
    assert refusals(held) == ["conflict"]
    assert "Not counted. You took this back after that click." in teams.sent[-1].text


def test_an_undo_that_is_given_up_says_what_happened_instead(
    teams: FakeTeams, held: ApprovalRequest
) -> None:
    press(teams, held, "approve")
    left_behind(teams, teams.click(shown(teams, held), "undo"))
    Knock.objects.filter(done_at=None).update(attempts=len(knocks.BACK_OFF))
    carried_out(held)
    knocks.do_due()
    assert "Not undone. We could not record your click in time" in teams.sent[-1].text
    assert refusals(held) == ["given_up"]


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
    teams: FakeTeams, held: ApprovalRequest
) -> None:
    shown(teams, held)
    said = Said(cast.person("lin"), Verdict.APPROVE, version=1, channel="web")
    holding.decide(said, ref=held.ref, at=clock.now())
    press(teams, held, "undo")
    carried_out(held)
    assert status(held) == Status.PENDING


def test_a_denial_beside_an_approval_on_its_way_counts_at_once(
    teams: FakeTeams, held: ApprovalRequest
) -> None:
    linked("kim", 2)
    cast.person("kim", teams=("team-leads",))
    press(teams, held, "approve")
    press(teams, held, "deny", by=2, words="Not on a Friday.")
    assert status(held) == Status.DENIED
    deliveries.send_due()
    said = [message.text for message in teams.sent if "did not count" in message.text]
    assert len(said) == 1
    assert f"The approval of {held.ref} by Lin did not count." in said[0]
    assert offered(shown(teams, held).card) == ["Open full request"]


def test_a_question_that_came_meanwhile_ends_an_approval_and_says_so(
    teams: FakeTeams, held: ApprovalRequest
) -> None:
    linked("kim", 2)
    cast.person("kim", teams=("team-leads",))
    earlier = teams.click(shown(teams, held), "investigate", by=2, words="Why now?")
    press(teams, held, "approve")
    clicked(teams, earlier)
    assert status(held) == Status.INVESTIGATING
    message = shown(teams, held)
    assert "undo" not in offered(message.card)
    assert len([each for each in teams.sent if "did not count" in each.text]) == 1
    carried_out(held)
    assert status(held) == Status.INVESTIGATING


def test_a_question_is_asked_at_once(teams: FakeTeams, held: ApprovalRequest) -> None:
    press(teams, held, "investigate", words="Which node pool?")
    assert status(held) == Status.INVESTIGATING
    assert not HeldDecision.objects.exists()


def test_a_denial_that_stands_is_undone_though_the_card_reads_otherwise_now(
    teams: FakeTeams, held: ApprovalRequest
) -> None:
    press(teams, held, "deny", words="No.")
    undo = teams.click(shown(teams, held), "undo")
    kim = cast.person("kim", teams=("team-leads",))
    lifecycle.decide(
        ref=held.ref, person=kim, verdict=Verdict.INVESTIGATE, comment="Why?", at=clock.now()
    )
    clicked(teams, undo)
    assert HeldDecision.objects.get().undone_at is not None
    carried_out(held)
    assert status(held) == Status.INVESTIGATING


def test_whoever_lost_the_right_meanwhile_is_told_and_the_card_waits_again(
    teams: FakeTeams, held: ApprovalRequest
) -> None:
    press(teams, held, "approve")
    people.leave(person=cast.person("lin"), team="team-leads", actor=cast.OPERATOR, at=clock.now())
    carried_out(held)
    message = shown(teams, held)
    assert status(held) == Status.PENDING
    assert "undo" not in offered(message.card)
    assert [each for each in teams.sent if "by Lin did not count." in each.text]


# --- where there is no time to undo -----------------------------------------------------------


def test_critical_ones_are_never_held(teams: FakeTeams, settings: Settings) -> None:
    settings.UNDO_SECONDS = None
    settings.TEAMS_CRITICAL_ON_WEB = False
    let_in(teams)
    linked("chen")
    row = cast.request(**cast.CRITICAL)
    press(teams, row, "deny", words="No.")
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
    press(teams, row, "deny", words="No.")
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


def test_an_edit_that_was_overtaken_is_not_sent(teams: FakeTeams, held: ApprovalRequest) -> None:
    """A decision is two edits; where the first comes late it is one."""
    press(teams, held, "approve")
    timers.fire_due(at=clock.now() + timedelta(minutes=1))
    assert shown(teams, held).edits == 1
    assert Delivery.objects.filter(state="superseded").count() == 1
