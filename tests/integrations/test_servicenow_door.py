"""A push from ServiceNow hurries a look and proves nothing; a forged one does not even that."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.checks import run_checks
from django.http import HttpResponse
from django.test import Client, RequestFactory

from approvals.domain.terms import Status
from approvals.models import ApprovalRequest, AuditEvent, Decision, Replay
from approvals.services import clock, looking
from integrations import inbound
from integrations.servicenow import door
from tests.fakes.servicenow import SECRET, FakeServiceNow, Knock
from tests.support import cast
from tests.support.servicenow import knock, opened, pointed, with_board

pytestmark = [pytest.mark.urls("integrations.servicenow.urls"), pytest.mark.django_db]
SEED = 20261122
FORGERIES = 2_000


@pytest.fixture
def servicenow(settings: Any) -> Iterator[FakeServiceNow]:
    with pointed(settings) as fake:
        yield fake


def asked(servicenow: FakeServiceNow) -> ApprovalRequest:
    with_board(servicenow, "chen", "dana")
    row = cast.request(**cast.CRITICAL)
    opened(servicenow, row)
    return row


def send(body: bytes, headers: dict[str, str]) -> HttpResponse:
    """Straight to the door, without the walk through the middleware."""
    extra = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    made = RequestFactory().post("/callback", body, content_type="application/json", **extra)  # type: ignore[arg-type]
    return door.callback(made)


def is_due() -> bool:
    return Replay.objects.filter(
        provider="look", key="due:servicenow", seen_at__lte=clock.now()
    ).exists()


def status(row: ApprovalRequest) -> str:
    row.refresh_from_db()
    return row.status


def test_a_push_makes_the_next_look_due_and_the_look_reads_the_decision(
    servicenow: FakeServiceNow,
) -> None:
    row = asked(servicenow)
    looking.look_due()
    servicenow.says("chen", "approved")
    servicenow.says("dana", "approved")
    assert looking.look_due() == 0
    assert knock(servicenow.pushed()).status_code == 202
    assert looking.look_due() == 1
    assert status(row) == Status.APPROVED


def test_what_a_push_claims_is_not_believed(servicenow: FakeServiceNow) -> None:
    row = asked(servicenow)
    claim = {"sysapproval": servicenow.changes[0]["sys_id"], "state": "approved"}
    for user in ("chen", "dana"):
        assert knock(servicenow.pushed(claim | {"approver": user})).status_code == 202
        looking.look_due()
    assert not Decision.objects.exists()
    assert status(row) == Status.PENDING


def test_fifty_pushes_arriving_three_times_have_one_effect_each(servicenow: FakeServiceNow) -> None:
    rows = []
    with_board(servicenow, "chen", "dana")
    for number in range(10):
        rows.append(cast.request(**{**cast.CRITICAL, "target": f"table-{number}"}))
        change = opened(servicenow, rows[-1])
        servicenow.says("chen", "approved", change=change)
        servicenow.says("dana", "approved", change=change)
    pushes = [servicenow.pushed({"number": number}) for number in range(50)]
    hurried = 0
    for push in [push for push in pushes for _ in range(3)]:
        assert knock(push).status_code == 202
        hurried += looking.look_due()
    assert hurried == 50
    assert {status(row) for row in rows} == {Status.APPROVED}
    assert Decision.objects.count() == 20
    assert not AuditEvent.objects.filter(type="decision.refused").exists()


def test_a_repeated_push_with_other_headers_is_still_the_same(servicenow: FakeServiceNow) -> None:
    push = servicenow.pushed()
    knock(push)
    looking.look_due()
    assert knock(push, **{"X-Request-Id": "new", "User-Agent": "else"}).status_code == 202
    assert looking.look_due() == 0


def forged(good: Knock, dice: random.Random) -> tuple[bytes, dict[str, str]]:
    """Something about id, moment, signature or body is not as it was signed."""
    headers = dict(good.headers)
    name, stamp, signature = headers.values()
    digit = dice.randrange(3, len(signature) - 1)
    other = "A" if signature[digit] != "A" else "B"
    wrong = {
        "webhook-id": ["", name + "x", name.upper(), f"{name}.1", "é", " ", "x" * 300, name[:-1]],
        "webhook-timestamp": [
            "", "0", "abc", f"{stamp}.0", f" {stamp}", f"+{stamp}", f"-{stamp}", f"0{stamp}",
            "१२३४५", "9" * 40, str(int(stamp) + dice.choice((-301, -1, 1, 301))),
        ],
        "webhook-signature": [
            "", "v1", "v1,", signature[3:], f"v2,{signature[3:]}", f"v1a,{signature[3:]}",
            signature.lower(), f"{signature},", f"  {signature}x", f"{signature} {signature}é",
            signature[:digit] + other + signature[digit + 1 :], "v1," + "A" * 44, "\udcff",
            " ".join([signature] * 40), "v1,é", f"v1,{'A' * 4_000}",
        ],
    }  # fmt: skip
    kind = dice.randrange(5)
    if kind == 0:
        del headers[dice.choice(list(headers))]
    elif kind == 1:
        at = dice.randrange(len(good.body))
        byte = bytes([(good.body[at] + 1 + dice.randrange(255)) % 256])
        return good.body[:at] + byte + good.body[at + 1 :], headers
    else:
        where = dice.choice(list(wrong))
        headers[where] = dice.choice(wrong[where])
    return good.body, headers


def test_two_thousand_forgeries_are_refused(servicenow: FakeServiceNow) -> None:
    row = asked(servicenow)
    looking.look_due()
    calls, dice, codes = len(servicenow.calls), random.Random(SEED), Counter[int]()
    good = servicenow.pushed({"state": "approved", "sys_id": "a" * 32})
    before = Replay.objects.count()
    for _ in range(FORGERIES):
        codes[send(*forged(good, dice)).status_code] += 1
    assert codes == {401: FORGERIES}
    assert (Replay.objects.count(), is_due()) == (before, False)
    assert looking.look_due() == 0
    assert len(servicenow.calls) == calls
    assert status(row) == Status.PENDING


def test_signed_junk_is_refused_or_read_as_a_hint(servicenow: FakeServiceNow) -> None:
    junk: list[Any] = [0, 1, "x", [], [1], {}, {"a": [[[]]]}, {"x": "\ud800"}, "y" * 9_000]
    codes = Counter(knock(servicenow.pushed(body)).status_code for body in junk)
    assert codes == {400: 7, 202: 2}


@pytest.mark.parametrize(
    ("seconds", "code"), [(-301, 401), (-298, 202), (0, 202), (298, 202), (302, 401)]
)
def test_a_signature_is_good_for_five_minutes(
    servicenow: FakeServiceNow, seconds: int, code: int
) -> None:
    assert knock(servicenow.pushed(at=time.time() + seconds)).status_code == code


def test_while_a_secret_is_replaced_both_count_and_a_third_does_not(
    servicenow: FakeServiceNow, settings: Any
) -> None:
    new, third = "whsec_" + "b" * 43, "whsec_" + "c" * 43
    settings.SERVICENOW_WEBHOOK_SECRET = f"{SECRET}, {new}="
    assert knock(servicenow.pushed()).status_code == 202
    assert knock(servicenow.pushed(secret=f"{new}=")).status_code == 202
    assert knock(servicenow.pushed(secret=f"{third}=")).status_code == 401


@pytest.mark.parametrize("secret", ["", " ", "whsec_", "short", "é", "whsec_!!!"])
def test_without_a_usable_secret_nothing_is_let_in(
    servicenow: FakeServiceNow, settings: Any, secret: str
) -> None:
    settings.SERVICENOW_WEBHOOK_SECRET = secret
    assert knock(servicenow.pushed()).status_code == 401


def test_the_published_vector_is_valid() -> None:
    assert inbound.standard_webhook_is_valid(
        secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp="1614265330",
        signature_header="v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        body=b'{"test": 2432232314}',
        now=1614265330,
    )


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head", "options"])
def test_only_post_is_heard(servicenow: FakeServiceNow, method: str) -> None:
    assert getattr(Client(), method)("/callback").status_code == 405


@pytest.mark.parametrize("size", [65 * 1024, 3 * 1024 * 1024])
def test_a_large_body_is_refused(servicenow: FakeServiceNow, size: int) -> None:
    assert knock(servicenow.pushed("x" * size)).status_code == 413


def test_a_refusal_says_what_was_wrong(servicenow: FakeServiceNow) -> None:
    answer = send(b"{}", {})
    assert json.loads(answer.content) == {
        "code": "bad_signature",
        "detail": "The signature is missing, wrong or too old. Nothing was recorded.",
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, None),
        ({"SERVICENOW_URL": ""}, "without SERVICENOW_URL"),
        ({"SERVICENOW_URL": "ftp://x"}, "SERVICENOW_URL is not a web address"),
        ({"SERVICENOW_PASSWORD": ""}, "without SERVICENOW_PASSWORD"),
        ({"SERVICENOW_CLIENT_ID": "x"}, "without SERVICENOW_CLIENT_SECRET"),
        ({"SERVICENOW_USER": "", "SERVICENOW_PASSWORD": ""}, "without an account"),
        ({"SERVICENOW_CHANGE_TYPE": "urgent"}, "SERVICENOW_CHANGE_TYPE is 'urgent'"),
        ({"SERVICENOW_CHANGE_TYPE": "standard"}, "without SERVICENOW_TEMPLATE"),
        ({"SERVICENOW_WEBHOOK_SECRET": "secret"}, "SERVICENOW_WEBHOOK_SECRET cannot check"),
    ],
)
@pytest.mark.urls("approvals.project.urls")
def test_a_half_set_vendor_stops_the_start_and_names_the_variable(
    servicenow: FakeServiceNow, settings: Any, changes: dict[str, str], words: str | None
) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)
    found = [str(issue.msg) for issue in run_checks() if "SERVICENOW" in str(issue.msg).upper()]
    assert len(found) == (words is not None)
    assert words is None or words in found[0]
