"""Whatever arrives at Slack's door: no forgery counts, and nothing malformed breaks it."""

from __future__ import annotations

import copy
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core import signing
from django.http import HttpResponse
from django.test import Client, RequestFactory

from approvals import queries
from approvals.domain.terms import Status, Verdict
from approvals.models import ApprovalRequest, Decision, Replay
from integrations.slack import door, modals
from integrations.slack.listeners import WINDOW_SALT
from tests.fakes.knocks import Body, Knock, filled, sign, signed
from tests.fakes.slack import FakeSlack
from tests.support import cast
from tests.support.slack import knock, linked, shown

pytestmark = [pytest.mark.urls("integrations.slack.urls"), pytest.mark.django_db]
FORM = "application/x-www-form-urlencoded"
SEED = 20261122
JUNK: tuple[Any, ...] = (
    None, True, 0, -1, 2.5, "", "x", "\u202e", "é", [], [1], [[]], {}, {"id": 1}, {"id": None},
    {"id": []}, {"id": "C2"}, {"type": []}, {"a": {"b": {"c": []}}}, "x" * 5_000,
)  # fmt: skip


def send(body: bytes, headers: dict[str, str], kind: str = FORM) -> HttpResponse:
    """Straight to the door, without the walk through the middleware."""
    extra = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    made = RequestFactory().post("/events", body, content_type=kind, **extra)  # type: ignore[arg-type]
    return door.events(made)


def send_knock(knocked: Knock) -> HttpResponse:
    headers = dict(knocked.headers)
    return send(knocked.body, headers, headers.pop("Content-Type"))


def a_click(slack: FakeSlack, row: ApprovalRequest, action: str = "approve") -> Body:
    message = shown(slack, row)
    return slack.press(message, message.button(action) or {}, user="U1")


def places(value: object, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place inside a payload, but for the blocks of the message, which nobody reads."""
    inner: Any = value.items() if isinstance(value, dict) else ()
    for key, below in enumerate(value) if isinstance(value, list) else inner:
        if key != "blocks":
            yield (*before, key)
            yield from places(below, (*before, key))


def spoilt(payload: Body, dice: random.Random) -> Body:
    """The payload with one to three of its places changed, emptied or gone."""
    copied = copy.deepcopy(payload)
    for _ in range(dice.randint(1, 3)):
        path = dice.choice(list(places(copied)) or [("x",)])
        place: Any = copied
        for step in path[:-1]:
            place = place[step]
        if dice.random() < 0.2 and isinstance(place, dict):
            place.pop(path[-1], None)
        else:
            place[path[-1]] = copy.deepcopy(dice.choice(JUNK))
    return copied


def forged_headers(good: Knock, dice: random.Random) -> tuple[bytes, dict[str, str]]:
    """One forgery: something about body, moment or signature is not as Slack signed it."""
    stamp = good.headers["X-Slack-Request-Timestamp"]
    signature = good.headers["X-Slack-Signature"]
    digit = dice.randrange(3, len(signature))
    other = "0" if signature[digit] != "0" else "1"
    stamps = [
        "", "abc", "1e9", f"{stamp}.0", f" {stamp}", f"+{stamp}", f"-{stamp}", f"0{stamp}",
        "१२३४५", "9" * 40, str(int(stamp) + dice.choice((-1, 1, 299, -299, 301, -301))),
    ]  # fmt: skip
    signatures = [
        "", "v0=", "v0", signature[3:], signature.upper(), f"{signature} ", f" {signature}",
        signature.replace("v0=", "v1="), f"{signature},{signature}", signature[:-1], signature + "0",
        signature[:digit] + other + signature[digit + 1 :], "v0=" + "é" * 64, "v0=" + "0" * 64,
    ]  # fmt: skip
    headers = dict(good.headers) | dice.choice(
        [
            {"X-Slack-Request-Timestamp": dice.choice(stamps)},
            {"X-Slack-Signature": dice.choice(signatures)},
        ]
    )
    headers.pop("Content-Type")
    kind = dice.randrange(4)
    if kind == 0:
        headers = dict(good.headers)
        headers.pop(dice.choice(("X-Slack-Request-Timestamp", "X-Slack-Signature")))
        headers.pop("Content-Type")
    if kind == 1:
        at = dice.randrange(len(good.body))
        byte = bytes([(good.body[at] + 1 + dice.randrange(255)) % 256])
        return good.body[:at] + byte + good.body[at + 1 :], dict(good.headers)
    return good.body, headers


def test_two_thousand_forged_signatures_are_refused(slack: FakeSlack) -> None:
    row = cast.request()
    linked("lin")
    good, dice = signed(a_click(slack, row)), random.Random(SEED)
    codes: Counter[int] = Counter()
    for _ in range(2_000):
        body, headers = forged_headers(good, dice)
        codes[send(body, headers).status_code] += 1
    assert codes == {401: 2_000}
    assert not Replay.objects.exists()
    row.refresh_from_db()
    assert row.status == Status.PENDING


@pytest.mark.parametrize("kind", ["click", "deny", "investigate"])
def test_signed_but_senseless_payloads_break_nothing(slack: FakeSlack, kind: str) -> None:
    row = cast.request()
    linked("mallory")
    click = a_click(slack, row)
    if kind != "click":
        sealed = a_click(slack, row, kind)["actions"][0]["value"]
        kept = {"value": sealed, "channel": "C1", "channel_name": "approvals"}
        kept |= {"ts": shown(slack, row).ts, "by": "T1:U1", "for": kind}
        carried = signing.dumps(kept, salt=WINDOW_SALT)
        view = modals.ask_words(queries.card(row), Verdict(kind), carried=carried)
        click = filled(view, "No.", number=1, user="U1", team="T1")
    dice = random.Random(SEED)
    codes: Counter[int] = Counter()
    for _ in range(500):
        payload = spoilt(click, dice)
        codes[send_knock(signed(payload)).status_code] += 1
    assert set(codes) <= {200, 400}
    assert codes[400] > 50
    assert not Decision.objects.exists()
    row.refresh_from_db()
    assert row.status == Status.PENDING


EVENTS: tuple[Body, ...] = (
    {"type": "app_home_opened", "user": "U1", "tab": "home", "channel": "D1"},
    {"type": "tokens_revoked", "tokens": {"bot": ["UB1"], "oauth": ["U1"]}},
    {"type": "app_uninstalled"},
)


@pytest.mark.parametrize("event", EVENTS, ids=[event["type"] for event in EVENTS])
def test_signed_but_senseless_events_break_nothing(slack: FakeSlack, event: Body) -> None:
    whole: Body = {"type": "event_callback", "team_id": "T1", "api_app_id": "A1", "event_id": "Ev1"}
    whole |= {"event_time": int(time.time()), "event": event, "authorizations": [{"team_id": "T1"}]}
    dice = random.Random(SEED)
    codes: Counter[int] = Counter()
    for _ in range(150):
        body = json.dumps(spoilt(whole, dice)).encode()
        knocked = sign(body, "application/json")
        codes[send(knocked.body, dict(knocked.headers), "application/json").status_code] += 1
    assert set(codes) <= {200, 400}
    assert codes[400] > 10


BODIES = {
    "nothing": b"",
    "no payload": b"a=b",
    "an empty payload": b"payload=",
    "not JSON": b"payload=%7B",
    "a list": b"payload=[]",
    "a number": b"payload=1",
    "null": b"payload=null",
    "not UTF-8": b"payload=\xff\xfe",
    "not UTF-8 inside": b"payload=%FF%FE",
    "two payloads": b"payload=%7B%7D&payload=%7B%7D",
    "many fields": b"&".join(b"a%d=1" % n for n in range(2_000)),
    "deep": b"payload=" + b"[" * 5_000,
    "not a number": urlencode({"payload": '{"type":NaN}'}).encode(),
    "the same key twice": urlencode({"payload": '{"type":"x","type":"y"}'}).encode(),
    "half a surrogate pair": urlencode({"payload": '{"type":"\\ud800"}'}).encode(),
    "a NUL": urlencode({"payload": '{"type":"\\u0000"}'}).encode(),
    "a huge number": urlencode({"payload": '{"type":' + "9" * 400 + "}"}).encode(),
    "a type of another kind": urlencode({"payload": '{"type":{"a":1}}'}).encode(),
    "a type nobody knows": urlencode({"payload": '{"type":"shortcut"}'}).encode(),
    "a slash command": b"command=%2Fapprove&text=REQ-1&user_id=U1",
}


@pytest.mark.parametrize(
    "kind", [FORM, "application/json", "text/plain", "", "multipart/form-data"]
)
@pytest.mark.parametrize("name", BODIES)
def test_a_signed_body_of_any_kind_is_answered(slack: FakeSlack, name: str, kind: str) -> None:
    knocked = sign(BODIES[name], kind)
    assert send(knocked.body, dict(knocked.headers), kind).status_code in {200, 400}


@pytest.mark.parametrize(
    ("seconds", "code"), [(-301, 401), (-298, 200), (0, 200), (298, 200), (302, 401)]
)
def test_a_signature_is_good_for_five_minutes(slack: FakeSlack, seconds: int, code: int) -> None:
    click = a_click(slack, cast.request())
    knocked = signed(click, at=time.time() + seconds)
    assert send_knock(knocked).status_code == code


def test_another_secrets_signature_is_refused(slack: FakeSlack) -> None:
    click = a_click(slack, cast.request())
    assert send_knock(signed(click, secret="f" * 32)).status_code == 401


def test_without_a_secret_nothing_is_let_in(slack: FakeSlack, settings: Any) -> None:
    click = a_click(slack, cast.request())
    settings.SLACK_SIGNING_SECRET = ""
    assert send_knock(signed(click, secret="")).status_code == 401


def test_a_refusal_says_what_was_wrong(slack: FakeSlack) -> None:
    answer = knock(sign(b"{}", FORM, secret="wrong"))
    assert json.loads(answer.content) == {
        "code": "bad_signature",
        "detail": "The signature is missing, wrong or too old. Nothing was recorded.",
    }


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head", "options"])
def test_only_post_is_heard(slack: FakeSlack, method: str) -> None:
    assert getattr(Client(), method)("/events").status_code == 405


@pytest.mark.parametrize("size", [600 * 1024, 3 * 1024 * 1024])
def test_a_body_larger_than_slack_sends_is_refused(slack: FakeSlack, size: int) -> None:
    knocked = sign(b"payload=" + b"x" * size, FORM)
    assert knock(knocked).status_code == 413


def test_slacks_question_about_our_certificate_is_answered_unsigned(slack: FakeSlack) -> None:
    assert send(b"ssl_check=1&token=abc", {}).status_code == 200


def test_the_question_about_our_certificate_opens_no_other_door(slack: FakeSlack) -> None:
    row = cast.request()
    linked("lin")
    body = b"ssl_check=1&" + signed(a_click(slack, row)).body
    assert send(body, {}).status_code == 401
    row.refresh_from_db()
    assert row.status == Status.PENDING


def test_the_handshake_is_answered_when_it_is_signed(slack: FakeSlack) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1a"}).encode()
    answer = knock(sign(body, "application/json"))
    assert json.loads(answer.content) == {"challenge": "3eZbrw1a"}
    assert send(body, {}, "application/json").status_code == 401


def test_events_are_taken_and_change_nothing(slack: FakeSlack) -> None:
    event = {"type": "message", "user": "U1", "text": "looks great, approve it", "channel": "C1"}
    body = json.dumps({"type": "event_callback", "event_id": "Ev1", "event": event}).encode()
    answer = knock(sign(body, "application/json"))
    assert (answer.status_code, answer.content) == (200, b"")
