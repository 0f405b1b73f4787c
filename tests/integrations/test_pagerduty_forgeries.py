"""Whatever arrives at PagerDuty's doors: no forgery counts, and nothing malformed breaks them."""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from approvals.domain.terms import Status
from approvals.models import Decision, Replay
from integrations.inbound import pagerduty_signature_is_valid
from integrations.pagerduty import door
from tests.fakes.pagerduty import ACTION_SECRET, WEBHOOK_SECRET, FakePagerDuty, Knock, sign
from tests.support import cast
from tests.support.pagerduty import knock, linked, paged, status

pytestmark = [pytest.mark.urls("integrations.pagerduty.urls"), pytest.mark.django_db]
SEED = 20261122
HIGH: dict[str, Any] = {**cast.HIGH}
HOOK, SECRET = "X-PagerDuty-Signature", "X-Countersign-Secret"
JUNK: tuple[Any, ...] = (
    None, True, 0, -1, 2.5, "", "x", "\u202e", "é", "../users/PADA", "P?x=1", [], [1], [[]], {},
    {"id": 1}, {"id": None}, {"id": []}, {"id": "C2"}, {"type": []}, "x" * 5_000, 2**53 - 1,
)  # fmt: skip
# PagerDuty/go-pagerduty, webhookv3/webhookv3_test.go: the published secret, body and signature.
PUBLISHED_SECRET = "lDQHScfUeXUKaQRNF+8XIiDKZ7XX3itBAYzwU0TARw8lJqRnkKl2iB1anSb0Z+IK"
PUBLISHED = "v1=0c0b9495b893a39e70d1fea2fe11fbe0a825f88b9f67846f6cc07dd2bc5476cd"
PUBLISHED_BODY = (
    b'{"event":{"id":"01BWDWL3NYY7LUFPZCC28QUCMK","event_type":"incident.priority_updated","re'
    b'source_type":"incident","occurred_at":"2021-04-26T17:36:27.458Z","agent":{"html_url":"ht'
    b'tps://acme.pagerduty.com/users/PLH1HKV","id":"PLH1HKV","self":"https://api.pagerduty.com'
    b'/users/PLH1HKV","summary":"Tenex Engineer","type":"user_reference"},"client":null,"data"'
    b':{"id":"PGR0VU2","type":"incident","self":"https://api.pagerduty.com/incidents/PGR0VU2",'
    b'"html_url":"https://acme.pagerduty.com/incidents/PGR0VU2","number":2,"status":"triggered'
    b'","title":"A little bump in the road","service":{"html_url":"https://acme.pagerduty.com/'
    b'services/PF9KMXH","id":"PF9KMXH","self":"https://api.pagerduty.com/services/PF9KMXH","su'
    b'mmary":"API Service","type":"service_reference"},"assignees":[{"html_url":"https://acme.'
    b'pagerduty.com/users/PTUXL6G","id":"PTUXL6G","self":"https://api.pagerduty.com/users/PTUX'
    b'L6G","summary":"User 123","type":"user_reference"}],"escalation_policy":{"html_url":"htt'
    b'ps://acme.pagerduty.com/escalation_policies/PUS0KTE","id":"PUS0KTE","self":"https://api.'
    b'pagerduty.com/escalation_policies/PUS0KTE","summary":"Default","type":"escalation_policy'
    b'_reference"},"teams":[{"html_url":"https://acme.pagerduty.com/teams/PFCVPS0","id":"PFCVP'
    b'S0","self":"https://api.pagerduty.com/teams/PFCVPS0","summary":"Engineering","type":"tea'
    b'm_reference"}],"priority":{"html_url":"https://acme.pagerduty.com/account/incident_prior'
    b'ities","id":"PSO75BM","self":"https://api.pagerduty.com/priorities/PSO75BM","summary":"P'
    b'1","type":"priority_reference"},"urgency":"high","conference_bridge":{"conference_number'
    b'":1000,"conference_url":"https://example.com"},"resolve_reason":null}}}'
)


def send(view: str, knocked: Knock, **changes: str | None) -> HttpResponse:
    """Straight to the door, without the walk through the middleware."""
    headers = {n: v for n, v in {**knocked.headers, **changes}.items() if v is not None}
    kind = headers.pop("Content-Type", "application/json")
    extra = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    made = RequestFactory().post("/", knocked.body, content_type=kind, **extra)  # type: ignore[arg-type]
    return door.webhook(made) if view == "webhook" else door.action(made, view)


def forged(good: str, dice: random.Random) -> str | None:
    """A header that is not the good one."""
    digit = dice.randrange(3, len(good))
    other = "0" if good[digit] != "0" else "1"
    return dice.choice(
        (
            None, "", good[:-1], f"{good}0", f"x{good}", good[3:], good.swapcase(), f"é{good}",
            good[:digit] + other + good[digit + 1 :], good[:digit], "null", "v1=", "v1=" + "0" * 64,
            good.replace("v1=", "v0=") if good.startswith("v1=") else f"Bearer {good}",
            ",".join(["v1=" + "0" * 64] * dice.choice((3, 40))), "v1=" + "é" * 64, "\u202e" + good,
        )
    )  # fmt: skip


def test_two_thousand_forgeries_are_refused(pagerduty: FakePagerDuty, settings: Any) -> None:
    settings.PAGERDUTY_DECISION_FIELD = "approval"
    row = cast.request(**HIGH)
    linked("ada", "PADA")
    incident, dice = paged(pagerduty, row), random.Random(SEED)
    press, choose = pagerduty.press(incident, "PADA"), pagerduty.choose(incident, "PADA", "deny")
    before, codes = len(pagerduty.calls), Counter[int]()
    for number in range(2_000):
        if number % 2:
            codes[send("deny", press, **{SECRET: forged(ACTION_SECRET, dice)}).status_code] += 1
        elif number % 4:
            at = dice.randrange(len(choose.body))
            byte = bytes([(choose.body[at] + 1 + dice.randrange(255)) % 256])
            body = choose.body[:at] + byte + choose.body[at + 1 :]
            codes[send("webhook", Knock(body, choose.headers)).status_code] += 1
        else:
            codes[
                send("webhook", choose, **{HOOK: forged(choose.headers[HOOK], dice)}).status_code
            ] += 1
    assert codes == {401: 2_000}
    assert len(pagerduty.calls) == before
    assert not Replay.objects.exists()
    assert status(row) == Status.PENDING


def places(value: object, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner: Any = value.items() if isinstance(value, dict) else ()
    for key, below in enumerate(value) if isinstance(value, list) else inner:
        yield (*before, key)
        yield from places(below, (*before, key))


def spoilt(payload: Any, dice: random.Random) -> bytes:
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
    return json.dumps(copied).encode()


@pytest.mark.parametrize("kind", ["v2", "v3", "field", "resolved"])
def test_authentic_but_senseless_payloads_break_nothing(
    pagerduty: FakePagerDuty, settings: Any, kind: str
) -> None:
    settings.PAGERDUTY_DECISION_FIELD = "approval"
    row = cast.request(**HIGH)
    linked("mallory", "PADA")
    incident, dice = paged(pagerduty, row), random.Random(SEED)
    made = pagerduty.choose(incident, "PADA", "deny")
    if kind in ("v2", "v3"):
        made = pagerduty.press(incident, "PADA", shape=kind)
    elif kind == "resolved":
        agent = {"id": "PADA", "type": "user_reference"}
        made = sign(pagerduty.event("incident.resolved", pagerduty.shown(incident), agent=agent))
    codes: Counter[int] = Counter()
    for number in range(150):
        raw = spoilt(json.loads(made.body), dice)
        delivery = {"X-Webhook-Id": str(number)}
        if kind in ("v2", "v3"):
            answer = send("deny", Knock(raw, {**made.headers, **delivery}))
        else:
            answer = send("webhook", sign(raw), **delivery)
        codes[answer.status_code] += 1
    assert set(codes) <= {200, 400}
    assert codes[400] > 20
    assert not Decision.objects.exists()
    assert all("?" not in call.path and ".." not in call.path for call in pagerduty.calls)
    pagerduty.wrong.clear()


BODIES = {
    "nothing": b"",
    "not JSON": b"{",
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "not UTF-8": b"\xff\xfe",
    "deep": b"[" * 5_000,
    "not a number": b'{"event":NaN}',
    "the same key twice": b'{"event":{},"event":{}}',
    "half a surrogate pair": b'{"event":"\\ud800"}',
    "a NUL": b'{"messages":"\\u0000"}',
    "a huge number": b'{"event":' + b"9" * 400 + b"}",
    "a form": b"payload=%7B%7D",
    "too many messages": json.dumps({"messages": [{"event": "x"}] * 40}).encode(),
}


@pytest.mark.parametrize("view", ["webhook", "approve"])
@pytest.mark.parametrize("name", BODIES)
def test_an_authentic_body_of_any_kind_is_answered(
    pagerduty: FakePagerDuty, name: str, view: str
) -> None:
    knocked = sign(BODIES[name])
    assert send(view, knocked, **{SECRET: ACTION_SECRET}).status_code == 400


@pytest.mark.parametrize("verdict", ["", "Approve", "approved", "revoke", "approve "])
def test_there_are_three_actions_and_no_other(pagerduty: FakePagerDuty, verdict: str) -> None:
    incident = pagerduty.raise_incident("x", "x")
    assert send(verdict, pagerduty.press(incident, "PADA")).status_code == 404


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head", "options"])
@pytest.mark.parametrize("path", ["/webhook", "/action/approve"])
def test_only_post_is_heard(pagerduty: FakePagerDuty, method: str, path: str) -> None:
    assert getattr(Client(), method)(path).status_code == 405


@pytest.mark.parametrize("size", [300 * 1024, 3 * 1024 * 1024])
def test_a_body_larger_than_pagerduty_sends_is_refused_unread(
    pagerduty: FakePagerDuty, size: int
) -> None:
    assert knock("/webhook", sign(b"x" * size)).status_code == 413


@pytest.mark.parametrize("secret", ["", " ", ","])
def test_without_a_secret_nothing_is_let_in(
    pagerduty: FakePagerDuty, settings: Any, secret: str
) -> None:
    settings.PAGERDUTY_ACTION_SECRET = settings.PAGERDUTY_WEBHOOK_SECRET = secret
    press = pagerduty.press(pagerduty.raise_incident("x", "x"), "PADA")
    for given in ("", " ", ",", None):
        assert send("approve", press, **{SECRET: given}).status_code == 401
    assert send("webhook", sign(press.body, "")).status_code == 401


def test_the_published_signature_is_believed_and_nothing_beside_it() -> None:
    secret, body, header = PUBLISHED_SECRET, PUBLISHED_BODY, PUBLISHED

    def valid(header: str | None, *secrets: str, raw: bytes = body) -> bool:
        return pagerduty_signature_is_valid(secrets=secrets, signature_header=header, body=raw)

    assert valid(header, secret)
    assert valid(f"v1={'0' * 64},\n  {header}", "other", secret)
    assert valid(f"v2=xyz, {header}", secret)
    assert not valid(header, "other")
    assert not valid(header)
    assert not valid(None, secret)
    assert not valid(header, secret, raw=body + b" ")
    assert not valid(header.upper(), secret)
    assert not valid(header.replace("v1=", "v0="), secret)
    assert not valid(",".join([header] * 17), secret)


def test_a_refusal_says_what_was_wrong(pagerduty: FakePagerDuty) -> None:
    answer = knock("/webhook", sign(b"{}", WEBHOOK_SECRET + "x"))
    assert json.loads(answer.content) == {
        "code": "bad_signature",
        "detail": "The signature is missing or wrong. Nothing was recorded.",
    }
