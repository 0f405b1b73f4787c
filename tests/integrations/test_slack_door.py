"""Clicks come in by Slack's door: what they cause, and what people are told."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from approvals.domain.terms import Status, Verdict
from approvals.models import ApprovalRequest, Decision, Identity
from approvals.services import clock
from integrations.slack import linking, seals
from integrations.slack.payloads import Account
from tests.fakes.knocks import signed
from tests.fakes.slack import FakeSlack, slow
from tests.support import cast
from tests.support.slack import knock, linked, refusals, shown, words_of

pytestmark = [pytest.mark.urls("integrations.slack.urls"), pytest.mark.django_db]
HIGH: dict[str, Any] = {**cast.HIGH}
CRITICAL: dict[str, Any] = {**cast.CRITICAL}


def status(row: ApprovalRequest) -> str:
    row.refresh_from_db()
    return row.status


def test_a_click_approves(slack: FakeSlack) -> None:
    row = cast.request()
    linked("lin")
    answer = knock(slack.click(shown(slack, row), "approve"))
    assert (answer.status_code, answer.content) == (200, b"")
    assert status(row) == Status.APPROVED
    decision = Decision.objects.get(request=row)
    assert (decision.channel, decision.authenticated_by) == ("slack", "slack_signature")
    assert (decision.version, decision.shown_sha256) == (1, row.action_sha256)
    message = shown(slack, row)
    assert "APPROVED" in message.text
    assert message.button("approve") is None


@pytest.mark.parametrize("account", ["U1", "T1:U1"])
def test_an_account_is_known_with_its_workspace_or_without(slack: FakeSlack, account: str) -> None:
    row = cast.request()
    linked("lin", account)
    knock(slack.click(shown(slack, row), "approve"))
    assert status(row) == Status.APPROVED


def test_a_denial_asks_for_a_reason_and_counts_with_one(slack: FakeSlack) -> None:
    row = cast.request()
    linked("lin")
    answer = knock(slack.click(shown(slack, row), "deny"))
    assert answer.status_code == 200
    assert status(row) == Status.PENDING
    view = slack.views[0]
    assert view["callback_id"] == "deny"
    refused = knock(slack.submit(view, "  "))
    assert json.loads(refused.content) == {
        "response_action": "errors",
        "errors": {"reason": "Write a few words. Nothing was decided yet."},
    }
    assert status(row) == Status.PENDING
    done = knock(slack.submit(view, "Wrong cluster."))
    assert (done.status_code, done.content) == (200, b"")
    assert status(row) == Status.DENIED
    assert Decision.objects.get(request=row).comment == "Wrong cluster."


def test_a_denial_says_why_in_ten_characters_at_least(slack: FakeSlack) -> None:
    row = cast.request()
    linked("lin")
    knock(slack.click(shown(slack, row), "deny"))
    view = slack.views[0]
    field = next(block for block in view["blocks"] if block["type"] == "input")["element"]
    assert field["min_length"] == 10
    for words in ("x" * 9, f"  {'x' * 9}  "):
        refused = json.loads(knock(slack.submit(view, words)).content)
        assert refused["response_action"] == "errors"  # the window stays, with what was typed
        assert refused["errors"]["reason"].startswith("Write at least 10 characters")
    assert status(row) == Status.PENDING
    knock(slack.submit(view, "x" * 10))
    assert status(row) == Status.DENIED


@pytest.mark.parametrize("words", [None, "", "x" * 501])
def test_words_slack_itself_would_not_let_through_are_refused_too(
    slack: FakeSlack, words: str | None
) -> None:
    row = cast.request()
    linked("lin")
    knock(slack.click(shown(slack, row), "deny"))
    answer = knock(slack.submit(slack.views[0], words))
    assert list(json.loads(answer.content)["errors"]) == ["reason"]
    assert status(row) == Status.PENDING


def test_investigating_asks_a_question_and_pauses(slack: FakeSlack) -> None:
    row = cast.request()
    linked("lin")
    knock(slack.click(shown(slack, row), "investigate"))
    assert slack.views[0]["callback_id"] == "investigate"
    knock(slack.submit(slack.views[0], "Which node pool?"))
    assert status(row) == Status.INVESTIGATING
    message = shown(slack, row)
    assert "QUESTION OPEN" in message.blocks[0]["text"]["text"]
    assert "Which node pool?" in json.dumps(message.blocks)
    assert message.button("investigate") is None


def test_the_link_button_is_answered_and_changes_nothing(slack: FakeSlack) -> None:
    row = cast.request()
    answer = knock(slack.click(shown(slack, row), "open"))
    assert (answer.status_code, slack.views) == (200, [])


def test_a_button_of_another_time_gets_words(slack: FakeSlack) -> None:
    message = shown(slack, cast.request())
    payload = slack.press(message, {"action_id": "snooze", "value": "x"})
    assert knock(signed(payload)).status_code == 200
    assert "earlier version" in words_of(slack.views[0])


def test_two_approvals_come_from_two_people(slack: FakeSlack, settings: Any) -> None:
    settings.SLACK_CRITICAL_ON_WEB = False
    row = cast.request(**CRITICAL)
    linked("chen", "U1")
    linked("dana", "U2")
    knock(slack.click(shown(slack, row), "approve", user="U1"))
    assert "1 OF 2 APPROVED" in shown(slack, row).blocks[0]["text"]["text"]
    knock(slack.click(shown(slack, row), "approve", user="U1"))
    wanted = r"You already approved this at \d\d:\d\d UTC. A different person must give the second approval."
    assert re.fullmatch(wanted, words_of(slack.views[0]))
    assert status(row) == Status.PENDING
    knock(slack.click(shown(slack, row), "approve", user="U2"))
    assert status(row) == Status.APPROVED
    assert refusals(row) == ["same_person"]


def test_who_may_not_decide_is_told_who_can(slack: FakeSlack) -> None:
    row = cast.request()
    linked("mallory")
    knock(slack.click(shown(slack, row), "approve"))
    assert status(row) == Status.PENDING
    assert words_of(slack.views[0]) == (
        "Not counted. Team leads can decide this. You are not one of them."
    )
    assert refusals(row) == ["not_an_approver"]


@pytest.mark.parametrize("action", ["deny", "investigate"])
def test_who_may_not_decide_is_not_asked_for_words(slack: FakeSlack, action: str) -> None:
    row = cast.request()
    linked("mallory")
    knock(slack.click(shown(slack, row), action))
    assert "callback_id" not in slack.views[0]
    assert "You are not one of them" in words_of(slack.views[0])


def test_the_agents_owner_is_refused(slack: FakeSlack) -> None:
    row = cast.request(**HIGH)
    linked("sam")
    knock(slack.click(shown(slack, row), "approve"))
    assert words_of(slack.views[0]).startswith("Not counted. You own this agent, so")
    assert status(row) == Status.PENDING


def test_a_click_after_the_decision_is_told_who_and_when(slack: FakeSlack) -> None:
    row = cast.request()
    linked("lin")
    message = shown(slack, row)
    late = slack.click(message, "approve")
    cast.decide(row, cast.person("lin"), Verdict.DENY, "No.")
    answer = knock(late)
    assert answer.status_code == 200
    wanted = r"Lin denied this \d+ seconds? before you. Your click changed nothing."
    assert re.fullmatch(wanted, words_of(slack.views[0]))
    assert status(row) == Status.DENIED


def test_a_click_after_the_deadline_is_too_late_whatever_the_timers_do(slack: FakeSlack) -> None:
    at = clock.now() - timedelta(hours=2)
    row = cast.request(at=at)
    linked("ada")
    knock(slack.click(shown(slack, row), "approve"))
    wanted = r"Too late. It expired at \d\d:\d\d UTC: nobody decided. Nothing ran."
    assert re.fullmatch(wanted, words_of(slack.views[0]))
    assert "denied" not in words_of(slack.views[0]).lower()
    assert status(row) == Status.EXPIRED


def test_a_click_on_what_has_changed_since_is_not_counted(slack: FakeSlack) -> None:
    row = cast.request()
    linked("lin")
    stale = slack.click(shown(slack, row), "approve")
    cast.decide(row, cast.person("lin"), Verdict.INVESTIGATE, "Why now?")
    knock(stale)
    wanted = "Not counted. This request changed after this message was drawn. Read version 2."
    assert words_of(slack.views[0]) == wanted
    assert status(row) == Status.INVESTIGATING


def test_somebody_unknown_is_asked_who_they_are(slack: FakeSlack) -> None:
    row = cast.request()
    knock(slack.click(shown(slack, row), "approve", user="U9"))
    view = slack.views[0]
    wanted = "We do not know who you are yet. Link your Slack account, then click again."
    assert words_of(view) == wanted
    assert "/link/slack?token=" in view["blocks"][1]["elements"][0]["url"]
    assert status(row) == Status.PENDING
    assert refusals(row) == ["unknown_person"]


@pytest.mark.urls("approvals.project.urls")
def test_the_link_leads_to_a_page_that_names_the_account_and_binds_it(settings: Any) -> None:
    url = linking.url(Account(user="U9", team="T1", name="lin.far"))
    client = Client()
    client.force_login(cast.person("lin"))
    path = url.removeprefix(settings.PUBLIC_URL)
    assert "@lin.far (T1:U9)" in client.get(path).content.decode()
    client.post(path)
    assert Identity.objects.get(external_id="T1:U9").person.email == "lin@example.com"


def test_a_colleague_is_recognised_by_their_address_and_linked(slack: FakeSlack) -> None:
    row = cast.request()
    cast.person("lin")
    slack.add_user("U7", email="Lin@example.com")
    knock(slack.click(shown(slack, row), "approve", user="U7"))
    assert status(row) == Status.APPROVED
    identity = Identity.objects.get(external_id="T1:U7")
    assert (identity.person.email, identity.verified_by) == ("lin@example.com", "slack_email")


@pytest.mark.parametrize(
    "flags",
    [
        {"is_restricted": True},
        {"is_ultra_restricted": True},
        {"is_bot": True},
        {"is_stranger": True},
        {"deleted": True},
        {"is_email_confirmed": False},
        {"team_id": "T2"},
        {"id": "U8"},
    ],
)
def test_a_visitor_or_a_program_is_not_recognised_by_an_address(
    slack: FakeSlack, flags: dict[str, Any]
) -> None:
    row = cast.request()
    cast.person("lin")
    slack.add_user("U7", email="lin@example.com", **flags)
    knock(slack.click(shown(slack, row), "approve", user="U7"))
    assert status(row) == Status.PENDING
    assert not Identity.objects.filter(kind="slack").exists()
    assert refusals(row) == ["unknown_person"]


def test_addresses_can_be_left_out_of_it(slack: FakeSlack, settings: Any) -> None:
    settings.SLACK_LINK_BY_EMAIL = False
    row = cast.request()
    cast.person("lin")
    slack.add_user("U7", email="lin@example.com")
    knock(slack.click(shown(slack, row), "approve", user="U7"))
    assert status(row) == Status.PENDING
    assert slack.called("users.info") == []


def test_somebody_who_left_decides_nothing(slack: FakeSlack) -> None:
    row = cast.request()
    linked("lin")
    lin = cast.person("lin")
    lin.is_active = False
    lin.save()
    slack.add_user("U1", email="lin@example.com")
    knock(slack.click(shown(slack, row), "approve"))
    assert status(row) == Status.PENDING
    assert refusals(row) == ["unknown_person"]


def test_a_slow_directory_does_not_eat_the_time_of_the_click(slack: FakeSlack) -> None:
    row = cast.request()
    message = shown(slack, row)
    slack.will("users.info", slow(5))
    begun = clock.now()
    knock(slack.click(message, "approve", user="U9"))
    assert clock.now() - begun < timedelta(seconds=3)
    assert words_of(slack.views[0]).startswith("We do not know who you are yet.")


def test_when_no_window_opens_the_words_are_whispered(slack: FakeSlack) -> None:
    row = cast.request()
    linked("mallory")
    slack.will("views.open", "expired_trigger_id")
    answer = knock(slack.click(shown(slack, row), "approve"))
    assert answer.status_code == 200
    assert slack.whispers[0]["user"] == "U1"
    assert slack.whispers[0]["channel"] == "C1"
    assert "You are not one of them" in slack.whispers[0]["text"]


def test_when_neither_works_the_click_is_still_answered(slack: FakeSlack) -> None:
    row = cast.request()
    linked("mallory")
    slack.will("views.open", "expired_trigger_id")
    slack.will("chat.postEphemeral", "user_not_in_channel")
    assert knock(slack.click(shown(slack, row), "approve")).status_code == 200


def test_a_member_of_another_workspace_is_refused(slack: FakeSlack, settings: Any) -> None:
    settings.SLACK_TEAM_ID = "T1,T3"
    row = cast.request()
    linked("lin")
    knock(slack.click(shown(slack, row), "approve", team="T2"))
    assert "another workspace" in words_of(slack.views[0])
    assert status(row) == Status.PENDING
    assert len(refusals(row)) == 1
    knock(slack.click(shown(slack, row), "approve", team="T1"))
    assert status(row) == Status.APPROVED


def test_another_app_is_refused(slack: FakeSlack, settings: Any) -> None:
    settings.SLACK_APP_ID = "A2"
    row = cast.request()
    linked("lin")
    assert knock(slack.click(shown(slack, row), "approve")).status_code == 403
    assert status(row) == Status.PENDING


def test_a_lookalike_in_another_channel_is_refused(slack: FakeSlack) -> None:
    row = cast.request()
    linked("lin")
    message = shown(slack, row)
    slack.post(message.content | {"channel": "C2"})
    knock(slack.click(slack.posted[-1], "approve"))
    assert words_of(slack.views[0]).startswith("Not counted. This button was not made")
    assert status(row) == Status.PENDING
    assert len(refusals(row)) == 1


@pytest.mark.parametrize("action", ["approve", "deny"])
def test_a_lookalike_in_the_same_channel_is_refused(slack: FakeSlack, action: str) -> None:
    row = cast.request()
    linked("lin")
    message = shown(slack, row)
    slack.post(message.content | {"channel": "C1"})
    knock(slack.click(slack.posted[-1], action))
    assert words_of(slack.views[0]).startswith("Not counted.")
    assert status(row) == Status.PENDING


def test_a_button_of_ours_in_a_window_is_refused(slack: FakeSlack) -> None:
    row = cast.request()
    linked("lin")
    payload = slack.press(shown(slack, row), shown(slack, row).button("approve") or {})
    for name in ("channel", "message", "container"):
        del payload[name]
    knock(signed(payload | {"view": {"id": "V1", "type": "home"}}))
    assert status(row) == Status.PENDING


def test_a_window_not_of_ours_decides_nothing(slack: FakeSlack) -> None:
    row = cast.request()
    linked("lin")
    knock(slack.click(shown(slack, row), "deny"))
    for metadata in ("", "{}", "[]", "null", '{"value":1}', "x" * 3_000):
        answer = knock(
            slack.submit(slack.views[0] | {"private_metadata": metadata}, "Not on a Friday.")
        )
        assert json.loads(answer.content)["response_action"] == "update"
    assert status(row) == Status.PENDING


@pytest.mark.parametrize("verdict", ["approve", "deny"])
def test_a_window_made_with_a_stolen_token_decides_nothing(slack: FakeSlack, verdict: str) -> None:
    row = cast.request()
    linked("lin")
    message = shown(slack, row)
    knock(slack.click(message, "deny"))
    value = (message.button(verdict) or {})["value"]
    seen = {"value": value, "channel": "C1", "channel_name": "approvals", "ts": message.ts}
    survey = {"callback_id": verdict, "private_metadata": json.dumps(seen)}
    knock(slack.submit(slack.views[0] | survey, "Pizza for lunch."))
    assert status(row) == Status.PENDING


def test_a_window_counts_for_whom_and_for_what_it_was_opened(slack: FakeSlack) -> None:
    row = cast.request()
    linked("lin")
    knock(slack.click(shown(slack, row), "deny"))
    ours = slack.views[0]
    knock(slack.submit(ours, "Not on a Friday.", user="U2"))
    knock(slack.submit(ours | {"callback_id": "approve"}, "Not on a Friday."))
    assert status(row) == Status.PENDING
    knock(slack.submit(ours, "Not on a Friday."))
    assert status(row) == Status.DENIED


@pytest.mark.parametrize("value", ["{ref}", "{id}", "{ref}:v1", "{id}:v1"])
def test_a_value_without_a_seal_counts_only_where_the_operator_says_so(
    slack: FakeSlack, settings: Any, value: str
) -> None:
    row = cast.request()
    linked("lin")
    button = {"action_id": "approve", "value": value.format(ref=row.ref, id=row.public_id)}
    message = shown(slack, row)
    knock(signed(slack.press(message, button)))
    assert status(row) == Status.PENDING
    assert len(refusals(row)) == 1
    settings.SLACK_STRICT_BUTTONS = False
    knock(signed(slack.press(message, button)))
    assert status(row) == Status.APPROVED


def test_a_seal_is_for_one_request_version_action_and_address() -> None:
    given = {"request": "0" * 8 + "-0000-7000-8000-" + "0" * 12, "version": 3}
    value = seals.seal(**given, shown_sha256="ab" * 32, address="C1")  # type: ignore[arg-type]
    carried = seals.read(value)
    assert carried
    assert (carried.ref, carried.version, carried.shown) == (given["request"], 3, "ab" * 8)
    assert seals.is_genuine(carried, address="C1")
    assert not seals.is_genuine(carried, address="C2")
    for old, new in ((":v3:", ":v4:"), ("abab", "abac"), ("-7000-", "-7001-")):
        changed = seals.read(value.replace(old, new, 1))
        assert changed
        assert not seals.is_genuine(changed, address="C1")


def test_a_seal_outlives_a_change_of_the_secret_key(settings: Any) -> None:
    value = seals.seal(request="0" * 8 + "-0000-7000-8000-" + "0" * 12, version=1,
                       shown_sha256="ab" * 32, address="C1")  # fmt: skip
    carried = seals.read(value)
    assert carried
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", [settings.SECRET_KEY]
    assert seals.is_genuine(carried, address="C1")
    settings.SECRET_KEY_FALLBACKS = []
    assert not seals.is_genuine(carried, address="C1")


def test_the_same_bytes_again_are_answered_and_have_no_second_effect(
    slack: FakeSlack, settings: Any
) -> None:
    settings.SLACK_CRITICAL_ON_WEB = False
    row = cast.request(**CRITICAL)
    linked("chen")
    knocked = slack.click(shown(slack, row), "approve")
    for _ in range(3):
        assert knock(knocked, **{"X-Slack-Retry-Num": "1"}).status_code == 200
    assert Decision.objects.filter(request=row).count() == 1
    assert refusals(row) == []
    assert slack.views == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("repeats", [1, 2])
def test_twenty_clicks_at_once_have_one_effect(slack: FakeSlack, repeats: int) -> None:
    row = cast.request()
    linked("lin")
    message = shown(slack, row)
    knocks = [slack.click(message, "approve") for _ in range(10)] * repeats
    together, statuses = Barrier(len(knocks)), []

    def press(knocked: Any) -> None:
        together.wait()
        statuses.append(knock(knocked).status_code)
        connection.close()

    threads = [Thread(target=press, args=(knocked,)) for knocked in knocks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * len(knocks)
    assert status(row) == Status.APPROVED
    assert Decision.objects.filter(request=row).count() == 1
    assert len(refusals(row)) == 9


@pytest.mark.django_db(transaction=True)
def test_a_database_that_cannot_write_is_admitted_in_words(slack: FakeSlack) -> None:
    row = cast.request()
    linked("lin")
    knocked = slack.click(shown(slack, row), "approve")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE approvals_decision RENAME TO approvals_decision_away")
    try:
        answer = knock(knocked)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE approvals_decision_away RENAME TO approvals_decision")
    assert answer.status_code == 200
    words = words_of(slack.views[0])
    assert re.fullmatch(
        "We could not record your decision. Nothing was approved. "
        f"Try again or open {row.ref}. Error [0-9A-F]{{6}}.",
        words,
    )
    assert status(row) == Status.PENDING
