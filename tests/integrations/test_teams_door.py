"""Clicks come in by Teams' door: what they cause, and what people are told."""

from __future__ import annotations

import json
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from approvals.domain import denials
from approvals.domain.terms import Status
from approvals.models import Agent, ApprovalRequest, AuditEvent, Decision, Place, states
from approvals.queries import questions
from approvals.services import deliveries
from integrations.teams import seals
from tests.fakes import adaptive
from tests.fakes.server import done_and_gone
from tests.fakes.teams import BOT, ROOM, TENANT, FakeTeams, Sent, guid, person
from tests.support import cast
from tests.support.slack import refusals
from tests.support.teams import clicked, knock, let_in, linked, send, shown

pytestmark = pytest.mark.django_db
CARD = "application/vnd.microsoft.card.adaptive"
ERROR = "application/vnd.microsoft.error"
OTHER_ROOM = "19:elsewhere@thread.tacv2"


@pytest.fixture
def waiting(teams: FakeTeams) -> ApprovalRequest:
    let_in(teams)
    linked("lin")
    return cast.request()


def status(row: ApprovalRequest) -> str:
    row.refresh_from_db()
    return row.status


def words(answer: dict[str, Any]) -> str:
    assert answer["statusCode"] == 200
    assert answer["type"] == CARD
    assert adaptive.faults(answer["value"]) == []
    return "\n".join(adaptive.runs(answer["value"]))


def refused(answer: dict[str, Any]) -> str:
    assert (answer["statusCode"], answer["type"]) == (400, ERROR)
    assert answer["value"]["code"] == "BadRequest"
    return str(answer["value"]["message"])


def test_a_click_approves_and_everybody_sees_it(teams: FakeTeams, waiting: ApprovalRequest) -> None:
    answer = clicked(teams, teams.click(shown(teams, waiting), "approve"))
    assert "✔ APPROVED" in words(answer)
    assert adaptive.buttons(answer["value"]) == {}
    assert status(waiting) == Status.APPROVED
    decision = Decision.objects.get(request=waiting)
    assert (decision.channel, decision.authenticated_by) == ("teams", "teams_token")
    assert (decision.version, decision.shown_sha256) == (1, waiting.action_sha256)
    message = shown(teams, waiting)
    assert (len(teams.sent), message.edits, message.buttons) == (1, 1, {})


def test_an_account_is_known_by_its_directory_id_alone_too(teams: FakeTeams) -> None:
    let_in(teams)
    linked("lin", external_id=guid(7))
    row = cast.request()
    clicked(teams, teams.click(shown(teams, row), "approve", by=7))
    assert status(row) == Status.APPROVED


def test_a_denial_counts_with_its_reason(teams: FakeTeams, waiting: ApprovalRequest) -> None:
    clicked(teams, teams.click(shown(teams, waiting), "deny", words="Wrong cluster."))
    assert status(waiting) == Status.DENIED
    assert Decision.objects.get(request=waiting).comment == "Wrong cluster."


@pytest.mark.parametrize("code", [code for code in denials.WHY if code != "other"])
def test_a_denial_keeps_the_reason_picked_as_the_dashboard_does(
    teams: FakeTeams, waiting: ApprovalRequest, code: str
) -> None:
    clicked(teams, teams.click(shown(teams, waiting), "deny", words="Wrong cluster.", why=code))
    assert status(waiting) == Status.DENIED
    kept = Decision.objects.get(request=waiting).comment
    assert kept == f"{denials.WHY[code]}: Wrong cluster." == denials.reason(code, "Wrong cluster.")


@pytest.mark.parametrize("code", ["", "Something else", "other,unclear", "OTHER"])
def test_a_denial_with_a_reason_that_is_not_in_the_list_is_refused_in_words(
    teams: FakeTeams, waiting: ApprovalRequest, code: str
) -> None:
    answer = clicked(
        teams, teams.click(shown(teams, waiting), "deny", words="Wrong cluster.", why=code)
    )
    assert denials.PICK_ONE in words(answer)
    assert "deny" in adaptive.buttons(answer["value"])
    assert status(waiting) == Status.PENDING


def test_a_denial_says_why_in_ten_characters_at_least(
    teams: FakeTeams, waiting: ApprovalRequest
) -> None:
    answer = clicked(teams, teams.click(shown(teams, waiting), "deny", words=" No.       "))
    assert "Say why in at least 10 characters. Nothing was decided yet." in json.dumps(answer)
    waiting.refresh_from_db()
    assert waiting.status == "pending"


@pytest.mark.parametrize("verb", ["deny", "investigate"])
@pytest.mark.parametrize("said", ["", "   ", "x" * 501])
def test_words_that_teams_would_not_let_through_are_refused_too(
    teams: FakeTeams, waiting: ApprovalRequest, verb: str, said: str
) -> None:
    answer = clicked(teams, teams.click(shown(teams, waiting), verb, words=said))
    assert "Nothing was decided yet." in words(answer)
    assert "deny" in adaptive.buttons(answer["value"])
    assert status(waiting) == Status.PENDING


def test_investigating_asks_a_question_and_pauses(
    teams: FakeTeams, waiting: ApprovalRequest
) -> None:
    clicked(teams, teams.click(shown(teams, waiting), "investigate", words="Which node pool?"))
    assert status(waiting) == Status.INVESTIGATING
    message = shown(teams, waiting)
    assert "QUESTION OPEN" in message.text
    assert "Which node pool?" in message.text
    assert "investigate" not in message.buttons


@pytest.mark.parametrize(("picked", "meant"), [(None, "both"), ("owner", "owner")])
def test_whoever_asks_picks_who_shall_answer(
    teams: FakeTeams, waiting: ApprovalRequest, picked: str | None, meant: str
) -> None:
    asked = teams.click(shown(teams, waiting), "investigate", words="Which node pool?", why=picked)
    clicked(teams, asked)
    waiting.refresh_from_db()
    assert questions.asked_of(waiting.ref, states.of(waiting)) == meant


def test_a_choice_that_was_not_offered_asks_nobody(
    teams: FakeTeams, waiting: ApprovalRequest
) -> None:
    press = teams.click(shown(teams, waiting), "investigate", words="Which pool?", why="nobody")
    assert "Pick who shall answer. Nothing was asked." in words(clicked(teams, press))
    assert status(waiting) == Status.PENDING


def test_nobody_chooses_whom_to_ask_where_an_agent_has_no_owner(teams: FakeTeams) -> None:
    let_in(teams)
    agent, _ = cast.agent()
    Agent.objects.filter(pk=agent.pk).update(owner=None)
    lists = [
        each["id"]
        for each in adaptive.every(shown(teams, cast.request(agent)).card)
        if each.get("type") == "Input.ChoiceSet"
    ]
    assert lists == ["deny_why"]


def test_a_reason_that_policy_wants_is_asked_for(teams: FakeTeams, settings: Settings) -> None:
    settings.TEAMS_CRITICAL_ON_WEB = False
    let_in(teams)
    linked("chen")
    linked("dana", 2)
    row = cast.request(**cast.CRITICAL)
    message = shown(teams, row)
    assert message.card["actions"][0]["type"] == "Action.ShowCard"
    clicked(teams, teams.click(message, "approve", by=1, words="Rehearsed on staging."))
    assert "1 OF 2 APPROVED" in shown(teams, row).text
    again = clicked(teams, teams.click(shown(teams, row), "approve", by=1))
    assert "You already approved this at " in words(again)
    assert status(row) == Status.PENDING
    clicked(teams, teams.click(shown(teams, row), "approve", by=2))
    assert status(row) == Status.APPROVED


def test_somebody_unknown_is_told_where_to_say_who_they_are(
    teams: FakeTeams, waiting: ApprovalRequest
) -> None:
    answer = clicked(teams, teams.click(shown(teams, waiting), "approve", by=9))
    assert "We do not know who you are yet." in words(answer)
    [link] = [each for each in answer["value"]["actions"] if "Link" in each["title"]]
    assert "/link/teams?token=" in link["url"]
    assert "approve" in adaptive.buttons(answer["value"])
    assert status(waiting) == Status.PENDING
    event = AuditEvent.objects.get(request=waiting, type="decision.refused")
    assert event.entry["detail"]["refused_because"] == "unknown_person"
    assert event.entry["detail"]["who"] == f"teams {TENANT}:{guid(9)} (Person 9)"


def test_the_linking_page_takes_the_link(
    teams: FakeTeams, waiting: ApprovalRequest, client: Any
) -> None:
    answer = clicked(teams, teams.click(shown(teams, waiting), "approve", by=9))
    [url] = [each["url"] for each in answer["value"]["actions"] if "Link" in each["title"]]
    client.force_login(cast.person("ada"))
    page = client.get("/link/teams", {"token": url.partition("token=")[2]})
    assert page.status_code == 200
    assert b"Person 9" in page.content


def test_somebody_without_a_directory_id_is_nobody(
    teams: FakeTeams, waiting: ApprovalRequest
) -> None:
    click = teams.click(shown(teams, waiting), "approve")
    del click["from"]["aadObjectId"]
    answer = clicked(teams, click)
    assert "We do not know who you are yet." in words(answer)
    assert "Link" not in json.dumps(answer["value"]["actions"])
    assert status(waiting) == Status.PENDING


def test_somebody_of_another_organisation_is_refused(
    teams: FakeTeams, waiting: ApprovalRequest
) -> None:
    linked("ada", external_id=f"{guid(99)}:{guid(2)}")
    linked("grace", external_id=guid(2))
    click = teams.click(shown(teams, waiting), "approve", by=2)
    click["from"]["tenantId"] = guid(99)
    assert "another organisation" in refused(clicked(teams, click))
    assert status(waiting) == Status.PENDING
    assert refusals(waiting) == ["foreign_tenant"]


def test_whoever_may_not_decide_reads_why(teams: FakeTeams, waiting: ApprovalRequest) -> None:
    linked("mallory", 2)
    answer = clicked(teams, teams.click(shown(teams, waiting), "approve", by=2))
    assert "Not counted. This waits for team-leads, and you are not one of them." in words(answer)
    assert status(waiting) == Status.PENDING
    assert not Decision.objects.exists()
    assert adaptive.buttons(answer["value"]) == {}
    assert refusals(waiting) == ["not_an_approver"]


def test_a_late_click_reads_what_happened(teams: FakeTeams, waiting: ApprovalRequest) -> None:
    linked("ada", 2)
    late = teams.click(shown(teams, waiting), "deny", by=2, words="No, not today.")
    clicked(teams, teams.click(shown(teams, waiting), "approve"))
    answer = clicked(teams, late)
    assert "✔ APPROVED" in words(answer)
    assert "Already approved: Lin at" in words(answer)
    assert status(waiting) == Status.APPROVED


def test_a_click_on_an_older_version_is_refused(teams: FakeTeams, waiting: ApprovalRequest) -> None:
    old = teams.click(shown(teams, waiting), "approve")
    ApprovalRequest.objects.filter(pk=waiting.pk).update(version=2)
    answer = clicked(teams, old)
    assert "version 2" in words(answer)
    assert status(waiting) == Status.PENDING
    assert refusals(waiting) == ["changed"]
    fresh = adaptive.buttons(answer["value"])["approve"]["data"]
    clicked(teams, teams.invoke(shown(teams, waiting), "approve", fresh))
    assert status(waiting) == Status.APPROVED


# --- a view of one's own ----------------------------------------------------------------------


def viewers(message: Sent) -> list[str]:
    return list(message.card.get("refresh", {}).get("userIds", ()))


def test_approvers_who_were_seen_there_get_a_view_of_their_own(
    teams: FakeTeams, waiting: ApprovalRequest
) -> None:
    linked("mallory", 2)
    assert viewers(shown(teams, waiting)) == []
    knock(teams.signed(teams.update(membersAdded=[person(1), person(2), person(3)])))
    second = cast.request(target="other-api")
    message = shown(teams, second)
    assert viewers(message) == ["29:1"]
    answer = clicked(teams, teams.refresh(message))
    assert set(adaptive.buttons(answer["value"])) == {"approve", "deny", "investigate"}
    answer = clicked(teams, teams.refresh(message, by=2))
    assert adaptive.buttons(answer["value"]) == {}
    assert "Nothing is asked of you here now." in words(answer)
    answer = clicked(teams, teams.refresh(message, by=3))
    assert "Link your Teams account" in json.dumps(answer["value"]["actions"])
    assert refusals(second) == []
    assert status(second) == Status.PENDING


def test_no_more_people_are_asked_to_refresh_than_teams_takes(teams: FakeTeams) -> None:
    let_in(teams)
    everybody = []
    for number in range(1, 64):
        cast.person(f"lead{number}", teams=["team-leads"])
        linked(f"lead{number}", number)
        everybody.append(person(number))
    knock(teams.signed(teams.update(membersAdded=everybody)))
    assert len(viewers(shown(teams, cast.request()))) == 60


def test_who_left_is_not_asked_any_more(teams: FakeTeams, waiting: ApprovalRequest) -> None:
    knock(teams.signed(teams.update(membersAdded=[person(1)])))
    gone = teams.update(membersRemoved=[person(1)])
    gone["from"] = person(5)
    knock(teams.signed(gone))
    assert viewers(shown(teams, waiting)) == []


# --- lookalikes -------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["approve", "deny"])
def test_a_lookalike_in_the_same_conversation_is_refused(
    teams: FakeTeams, waiting: ApprovalRequest, verb: str
) -> None:
    message = shown(teams, waiting)
    copied = Sent(ROOM, "1799999999999", message.activity)
    answer = clicked(teams, teams.click(copied, verb, words="A pizza, please."))
    assert refused(answer).startswith("Not counted. This button was not made")
    assert status(waiting) == Status.PENDING
    assert refusals(waiting) == ["not_our_button"]


def test_a_card_copied_to_another_conversation_is_refused(
    teams: FakeTeams, waiting: ApprovalRequest
) -> None:
    message = shown(teams, waiting)
    copied = Sent(OTHER_ROOM, message.id, message.activity)
    assert refused(clicked(teams, teams.click(copied, "approve"))).startswith("Not counted.")
    assert status(waiting) == Status.PENDING


def test_a_click_in_a_thread_is_one_in_its_conversation(
    teams: FakeTeams, waiting: ApprovalRequest
) -> None:
    message = shown(teams, waiting)
    click = teams.click(message, "approve")
    click["conversation"]["id"] = f"{ROOM};messageid={message.id}"
    clicked(teams, click)
    assert status(waiting) == Status.APPROVED


def test_a_click_on_no_message_is_refused(teams: FakeTeams, waiting: ApprovalRequest) -> None:
    click = teams.click(shown(teams, waiting), "approve")
    del click["replyToId"]
    assert refused(clicked(teams, click)).startswith("Not counted.")
    assert status(waiting) == Status.PENDING


def test_a_click_that_is_faster_than_the_receipt_counts(
    teams: FakeTeams, waiting: ApprovalRequest
) -> None:
    message = shown(teams, waiting)
    waiting.receipts.all().delete()
    clicked(teams, teams.click(message, "approve"))
    assert status(waiting) == Status.APPROVED


def test_the_lost_copy_of_a_card_decides_nothing(teams: FakeTeams, settings: Any) -> None:
    let_in(teams)
    linked("lin")
    row = cast.request()
    teams.will(done_and_gone)
    deliveries.send_due()
    [lost] = teams.sent
    row.deliveries.update(due_at=row.created_at, leased_until=None)
    deliveries.send_due()
    [_, kept] = teams.sent
    assert refused(clicked(teams, teams.click(lost, "approve"))).startswith("Not counted.")
    assert status(row) == Status.PENDING
    clicked(teams, teams.click(kept, "approve"))
    assert status(row) == Status.APPROVED


@pytest.mark.parametrize("verb", ["deny", "investigate", "refresh"])
def test_a_button_says_one_thing_only(
    teams: FakeTeams, waiting: ApprovalRequest, verb: str
) -> None:
    click = teams.click(shown(teams, waiting), "approve")
    click["value"]["action"]["data"]["verb"] = verb
    assert "earlier version" in refused(clicked(teams, click))
    assert status(waiting) == Status.PENDING


@pytest.mark.parametrize(
    ("part", "other"), [(":v1:", ":v2:"), ("-7", "-6"), (":", "::"), ("", " ")]
)
def test_a_spoilt_seal_is_refused(
    teams: FakeTeams, waiting: ApprovalRequest, part: str, other: str
) -> None:
    click = teams.click(shown(teams, waiting), "approve")
    data = click["value"]["action"]["data"]
    data["sealed"] = data["sealed"].replace(part, other, 1)
    assert refused(clicked(teams, click))
    assert status(waiting) == Status.PENDING


def test_a_seal_is_for_one_request_version_action_and_conversation(settings: Any) -> None:
    request = "0" * 8 + "-0000-7000-8000-" + "0" * 12
    value = seals.seal(request=request, version=3, shown_sha256="ab" * 32, conversation=ROOM)
    carried = seals.read(value)
    assert carried
    assert (carried.request, carried.version, carried.shown) == (request, 3, "ab" * 8)
    assert seals.is_genuine(carried, conversation=ROOM)
    assert not seals.is_genuine(carried, conversation=OTHER_ROOM)
    for old, new in ((":v3:", ":v4:"), ("abab", "abac"), ("-7000-", "-7001-")):
        changed = seals.read(value.replace(old, new, 1))
        assert changed
        assert not seals.is_genuine(changed, conversation=ROOM)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", [settings.SECRET_KEY]
    assert seals.is_genuine(carried, conversation=ROOM)
    settings.SECRET_KEY_FALLBACKS = []
    assert not seals.is_genuine(carried, conversation=ROOM)


# --- once -------------------------------------------------------------------------------------


def test_fifty_clicks_that_come_three_times_have_one_effect_each(teams: FakeTeams) -> None:
    let_in(teams)
    linked("lin")
    cast.policy()
    knocks = []
    for number in range(50):
        row = cast.request(target=f"api-{number}")
        deliveries.send_due()
        message = next(each for each in reversed(teams.sent) if row.ref in each.text)
        knocks.append(teams.signed(teams.click(message, "approve")))
    answers = [knock(each) for _ in range(3) for each in knocks]
    assert {answer.status_code for answer in answers} == {200}
    assert Decision.objects.count() == 50
    assert not AuditEvent.objects.filter(type="decision.refused").exists()
    assert all("✔ APPROVED" in words(json.loads(answer.content)) for answer in answers)


def test_a_repeat_in_other_bytes_is_a_repeat(teams: FakeTeams, waiting: ApprovalRequest) -> None:
    click = teams.click(shown(teams, waiting), "approve")
    clicked(teams, click)
    knocked = teams.signed(click)
    clicked(teams, {**click, "localTimestamp": "2026-11-22T12:00:00"})
    assert send(b" " + knocked.body, knocked.headers).status_code == 200
    assert Decision.objects.filter(request=waiting).count() == 1
    assert refusals(waiting) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("repeats", [1, 2])
def test_twenty_clicks_at_once_have_one_effect(teams: FakeTeams, repeats: int) -> None:
    let_in(teams)
    linked("lin")
    row = cast.request()
    message = shown(teams, row)
    knocks = [teams.signed(teams.click(message, "approve")) for _ in range(10)] * repeats
    together, codes = Barrier(len(knocks)), []

    def press(knocked: Any) -> None:
        together.wait()
        codes.append(knock(knocked).status_code)
        connection.close()

    threads = [Thread(target=press, args=(knocked,)) for knocked in knocks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [200] * len(knocks)
    assert status(row) == Status.APPROVED
    assert Decision.objects.filter(request=row).count() == 1
    assert len(refusals(row)) == 9


@pytest.mark.django_db(transaction=True)
def test_a_database_that_cannot_write_is_admitted_in_words(teams: FakeTeams) -> None:
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
    assert answer["statusCode"] == 500
    assert answer["value"]["message"].startswith("We could not record your decision.")
    assert status(row) == Status.PENDING


# --- older clients ----------------------------------------------------------------------------


def test_an_older_client_decides_by_a_message(teams: FakeTeams, waiting: ApprovalRequest) -> None:
    answer = knock(
        teams.signed(teams.submit(shown(teams, waiting), "deny", words="Not before noon."))
    )
    assert (answer.status_code, answer.content) == (200, b"")
    assert status(waiting) == Status.DENIED
    assert Decision.objects.get(request=waiting).comment == "Not before noon."
    assert len(teams.sent) == 1


def test_an_older_client_is_told_in_a_message_what_did_not_count(
    teams: FakeTeams, waiting: ApprovalRequest
) -> None:
    knock(teams.signed(teams.submit(shown(teams, waiting), "approve", by=9)))
    [_, told] = teams.sent
    assert "A click was not counted" in told.text
    assert "/link/teams" not in told.text, "the link would give the account to whoever opens it"
    assert told.buttons == {}
    assert refusals(waiting) == ["unknown_person"]


def test_in_a_chat_of_two_the_link_is_for_the_one_who_clicked(teams: FakeTeams) -> None:
    let_in(teams, "a:chat", name="")
    row = cast.request()
    row.deliveries.update(address="teams:a:chat")
    knock(teams.signed(teams.submit(shown(teams, row), "approve", by=9)))
    [_, told] = teams.sent
    assert "/link/teams?token=" in told.text


# --- conversations ----------------------------------------------------------------------------


def place(room: str = ROOM) -> Place:
    return Place.objects.get(adapter="teams", external_id=room)


def test_an_installation_is_remembered_and_can_be_written_to(teams: FakeTeams) -> None:
    row = cast.request()
    deliveries.send_due()
    assert teams.sent == []
    knock(teams.signed(teams.update("installationUpdate", action="add")))
    assert place().handle == {"service_url": teams.service_url, "team": ROOM}
    assert place().name == "Ops"
    row.deliveries.update(due_at=row.created_at)
    teams.rooms.add(ROOM)
    assert shown(teams, row).conversation == ROOM


def test_a_channel_is_found_by_its_teams_name_and_its_own(teams: FakeTeams, settings: Any) -> None:
    settings.TEAMS_CHANNEL = "ops/approvals"
    news = teams.update()
    news["channelData"] |= {
        "eventType": "channelCreated",
        "channel": {"id": OTHER_ROOM, "name": "Approvals"},
    }
    knock(teams.signed(news))
    teams.rooms.add(OTHER_ROOM)
    assert shown(teams, cast.request()).conversation == OTHER_ROOM


def test_two_conversations_of_one_name_get_nothing(teams: FakeTeams, settings: Any) -> None:
    settings.TEAMS_CHANNEL = "Ops"
    let_in(teams)
    let_in(teams, OTHER_ROOM)
    row = cast.request()
    deliveries.send_due()
    assert teams.sent == []
    assert "2 conversations" in row.deliveries.get().last_error


def test_nobody_passes_for_a_team_by_their_own_name(teams: FakeTeams, settings: Any) -> None:
    settings.TEAMS_CHANNEL = "Ops"
    hello = teams.update("installationUpdate", room="a:chat", action="add")
    hello["channelData"].pop("team")
    hello["conversation"]["name"] = "Ops"
    knock(teams.signed(hello))
    teams.rooms.add("a:chat")
    cast.request()
    deliveries.send_due()
    assert teams.sent == []


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "installationUpdate", "action": "remove"},
        {"membersRemoved": [{"id": BOT}]},
    ],
)
def test_where_the_bot_was_sent_away_nothing_is_written(
    teams: FakeTeams, changes: dict[str, Any]
) -> None:
    let_in(teams)
    let_in(teams, OTHER_ROOM, name="Ops/Other")
    knock(teams.signed(teams.update(**changes)))
    assert place().left_at is not None
    assert place(OTHER_ROOM).left_at is not None, "it was the team that let the bot in"
    row = cast.request()
    deliveries.send_due()
    assert teams.sent == []
    assert "knows no conversation" in row.deliveries.get().last_error


def test_a_mention_makes_a_conversation_known(teams: FakeTeams) -> None:
    knock(teams.signed(teams.update("message", text="<at>Countersign</at> hello")))
    assert place().handle["service_url"] == teams.service_url


def test_words_in_a_conversation_decide_nothing(teams: FakeTeams, waiting: ApprovalRequest) -> None:
    message = shown(teams, waiting)
    words_ = teams.update("message", text=f"approve {waiting.ref}", replyToId=message.id)
    assert knock(teams.signed(words_)).status_code == 200
    assert status(waiting) == Status.PENDING
