"""`/countersign` tells whoever asks what waits for them, tells nobody else, and decides nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from slack_sdk.socket_mode.request import SocketModeRequest

from approvals.models import ApprovalRequest, AuditEvent, Decision
from approvals.models.workspaces import Shows
from approvals.services import clock, showing
from integrations.slack import configuration, home
from integrations.slack.payloads import Account
from integrations.slack.socket_mode import Hearer
from tests.fakes import block_kit
from tests.fakes.knocks import APP, TEAM, Knock, sign
from tests.fakes.slack_rooms import RoomySlack
from tests.support import cast
from tests.support.slack import knock, linked

pytestmark = [pytest.mark.urls("integrations.slack.urls"), pytest.mark.django_db]
NUMBERS = count(1)
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(autouse=True)
def slack(settings: Any) -> Iterator[RoomySlack]:
    with RoomySlack() as fake:
        for name, value in fake.settings.items():
            setattr(settings, name, value)
        settings.ADAPTERS = ["integrations.slack.adapter.SlackAdapter"]
        yield fake


def fields(text: str = "", **changes: str) -> dict[str, str]:
    """A command as Slack posts it."""
    return {
        "token": "deprecated",
        "team_id": TEAM,
        "team_domain": "acme",
        "channel_id": "C2",
        "channel_name": "general",
        "user_id": "U1",
        "user_name": "lin",
        "command": "/countersign",
        "text": text,
        "api_app_id": APP,
        "is_enterprise_install": "false",
        "response_url": "https://hooks.slack.com/commands/T1/1/abc",
        "trigger_id": f"1.{next(NUMBERS)}.abc",
    } | changes


def called(text: str = "", **changes: str) -> Knock:
    return sign(urlencode(fields(text, **changes)).encode(), FORM)


def told(text: str = "", **changes: str) -> dict[str, Any]:
    """What Slack is answered, which it shows to the caller alone."""
    answer = knock(called(text, **changes))
    assert answer.status_code == 200
    body: dict[str, Any] = json.loads(answer.content)
    assert body["response_type"] == "ephemeral"
    assert block_kit.faults(body["blocks"]) == []
    return body


def said(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False)


def pressable(body: dict[str, Any]) -> set[str]:
    found = [e for block in body["blocks"] for e in block.get("elements", ())]
    found += [block["accessory"] for block in body["blocks"] if "accessory" in block]
    return {each["action_id"] for each in found if "action_id" in each}


def test_it_lists_what_waits_for_whoever_asks_with_links_and_nothing_to_decide_by() -> None:
    mine = cast.request()
    cast.request(**cast.CRITICAL)
    linked("lin")
    body = told()
    assert "Waiting for you (1)" in body["text"]
    assert f"/r/{mine.ref}" in said(body)
    assert "Scale deployment · production-api" in said(body)
    assert "orders" not in said(body)
    assert pressable(body) == {"open"}


def test_nothing_that_is_written_after_it_decides(slack: RoomySlack) -> None:
    row = cast.request()
    linked("lin")
    for text in ("approve", f"approve {row.ref}", f"deny {row.ref} because", "Help", " help "):
        body = told(text)
        assert "Nothing is decided by it" in said(body)
        assert pressable(body) == set()
    assert "nothing /countersign knows" in said(told("approve"))
    assert not Decision.objects.exists()
    assert ApprovalRequest.objects.get().version == row.version
    assert slack.posted == []


def test_somebody_unknown_reads_how_to_say_who_they_are_and_no_request() -> None:
    row = cast.request()
    body = told(user_id="U9")
    assert "We do not know who you are yet" in body["text"]
    assert "/link/slack?token=" in said(body)
    assert row.ref not in said(body)
    assert "production-api" not in said(body)


def test_a_member_of_another_workspace_reads_nothing(settings: Any) -> None:
    settings.SLACK_TEAM_ID = TEAM
    row = cast.request()
    linked("lin")
    body = told(team_id="T9")
    assert "do not decide here" in body["text"]
    assert row.ref not in said(body)


@pytest.mark.parametrize("spoil", ["body", "signature", "time"])
def test_without_slacks_signature_nothing_is_told(spoil: str) -> None:
    linked("lin")
    good = called()
    other = urlencode(fields(user_id="U2")).encode()
    changed = {
        "body": Knock(other, good.headers),
        "signature": Knock(good.body, {**good.headers, "X-Slack-Signature": f"v0={'0' * 64}"}),
        "time": sign(good.body, FORM, at=clock.now().timestamp() - 3_600),
    }
    answer = knock(changed[spoil])
    assert answer.status_code == 401
    assert b"Waiting" not in answer.content


def test_a_copy_of_a_call_is_told_nothing() -> None:
    cast.request()
    linked("lin")
    once = called()
    assert b"Waiting for you (1)" in knock(once).content
    again = knock(once)
    assert (again.status_code, again.content) == (200, b"")


@pytest.mark.parametrize(
    "changes",
    [{"user_id": ""}, {"user_id": "U1 OR 1"}, {"team_id": ""}, {"command": "countersign"},
     {"text": "x" * 5_000}, {"enterprise_id": "<E>"}],
)  # fmt: skip
def test_what_slack_would_never_send_is_refused(changes: dict[str, str]) -> None:
    assert knock(called(**changes)).status_code == 400
    twice = sign(urlencode([*fields().items(), ("user_id", "U2")]).encode(), FORM)
    assert knock(twice).status_code == 400


def hide(address: str) -> None:
    showing.change(
        adapter="slack",
        address=address,
        shows=Shows.NOTHING,
        actor=cast.OPERATOR,
        at=clock.now(),
    )


def test_a_request_of_a_channel_that_sees_nothing_is_not_told_in_slack_here_either() -> None:
    row = cast.request()
    linked("lin")
    [address] = set(row.deliveries.values_list("address", flat=True))
    hide(address)
    body = told()
    tab = home.draw(Account("U1", TEAM, ""), cast.person("lin"), at=clock.now())
    for drawn in (said(body), json.dumps(tab)):
        assert f"/r/{row.ref}" in drawn
        assert "A request that is not shown here" in drawn
        assert "production-api" not in drawn
        assert "robo" not in drawn


def test_how_much_is_read_does_not_grow_with_what_waits() -> None:
    linked("lin")
    counted = []
    for number in range(0, 24, 8):
        for target in range(number, number + 8):
            cast.request(target=f"service-{target}")
        with CaptureQueriesContext(
            connection,
        ) as made:
            told()
        counted.append(len(made))
    assert counted[0] == counted[1] == counted[2] <= 20
    assert "and 4 more" in said(told())


def test_over_a_socket_it_is_the_same_and_answered_once() -> None:
    row = cast.request()
    linked("lin")
    hearer = Hearer(configuration.current())
    request = SocketModeRequest("slash_commands", "e1", dict(fields()))
    assert row.ref in hearer.answer(request).body
    assert hearer.answer(request).body == ""


@pytest.mark.django_db(transaction=True)
def test_a_database_that_cannot_be_read_is_admitted_in_words() -> None:
    linked("lin")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE approvals_approvalrequest RENAME TO gone")
    try:
        assert "We could not look up what waits for you" in told()["text"]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE gone RENAME TO approvals_approvalrequest")
    assert not AuditEvent.objects.filter(type="decision.refused").exists()
