"""Whatever arrives at GitHub's door: no forgery counts, and nothing malformed breaks it.

COUNTERSIGN_REPLAYS says how many valid payloads come three times each; 50 unless it is set.
"""

from __future__ import annotations

import copy
import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client, RequestFactory

from approvals.domain.terms import Status
from approvals.models import ApprovalRequest, Decision, Replay
from approvals.services import clock, policies
from integrations import inbound
from integrations.github import door
from tests.fakes.github import FakeGitHub
from tests.fakes.github_events import Body, Delivered, pressed, reviewed, sign, signed, waiting
from tests.support import cast
from tests.support.github import agent, asked, knock, linked, refusals

pytestmark = [pytest.mark.django_db, pytest.mark.urls("integrations.github.urls")]
ADA, GRACE, MALLORY, SEED = 11, 12, 66, 20261122
VALID = int(os.environ.get("COUNTERSIGN_REPLAYS", "50"))
JUNK: tuple[Any, ...] = (
    None, True, 0, -1, 2.5, "", "x", "\u202e", "é", [], [1], [[]], {}, {"id": 1}, {"id": None},
    {"id": []}, 2**60, "a" * 40, {"login": []}, "x" * 5_000, {"a": {"b": {"c": []}}},
)  # fmt: skip


def test_githubs_own_example_is_signed() -> None:
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    secrets = ["It's a Secret to Everybody"]
    assert inbound.github_signature_is_valid(
        secrets=secrets, signature=signature, body=b"Hello, World!"
    )
    assert not inbound.github_signature_is_valid(
        secrets=secrets, signature=signature, body=b"Hello, World?"
    )
    assert not inbound.github_signature_is_valid(secrets=[""], signature=signature, body=b"")


def test_a_secret_that_is_being_replaced_still_opens(github: FakeGitHub, settings: Any) -> None:
    settings.GITHUB_WEBHOOK_SECRET = "the-new-one-of-two,It's a Secret to Everybody"
    assert knock(signed("ping", {"zen": "Design for failure."})).status_code == 202
    assert knock(signed("ping", {}, secret="the-new-one-of-two")).status_code == 202
    assert knock(signed("ping", {}, secret="another")).status_code == 401


def forged(good: Delivered, dice: random.Random) -> Delivered:
    """One forgery: something about body or signature is not as GitHub signed it."""
    signature = good.headers["X-Hub-Signature-256"]
    digit = dice.randrange(7, len(signature))
    other = "0" if signature[digit] != "0" else "1"
    headers = dict(good.headers)
    kind = dice.randrange(4)
    if kind == 0:
        at = dice.randrange(len(good.body))
        byte = bytes([(good.body[at] + 1 + dice.randrange(255)) % 256])
        return Delivered(good.body[:at] + byte + good.body[at + 1 :], headers)
    if kind == 1:
        headers.pop("X-Hub-Signature-256")
        headers |= dice.choice([{}, {"X-Hub-Signature": "sha1=" + "0" * 40}])
        return Delivered(good.body, headers)
    if kind == 2:
        return sign("check_run", good.body, secret=dice.choice(["", "x", " ", "secret", "It's"]))
    headers["X-Hub-Signature-256"] = dice.choice([
        "", "sha256=", signature[7:], signature.upper(), f"{signature} ", f" {signature}",
        signature.replace("sha256=", "sha1="), f"{signature},{signature}", signature[:-1],
        signature + "0", signature[:digit] + other + signature[digit + 1 :],
        "sha256=" + "é" * 64, "sha256=" + "0" * 64, signature.replace("=", "= "),
    ])  # fmt: skip
    return Delivered(good.body, headers)


def test_two_thousand_forged_signatures_are_refused(github: FakeGitHub) -> None:
    linked("ada", ADA)
    row, check = asked(github)
    remembered = Replay.objects.count()
    good, dice = signed("check_run", pressed(github, check, "approve", by=ADA)), random.Random(SEED)
    codes: Counter[int] = Counter()
    for _ in range(2_000):
        codes[knock(forged(good, dice)).status_code] += 1
    assert codes == {401: 2_000}
    assert Replay.objects.count() == remembered
    row.refresh_from_db()
    assert (row.status, row.decisions.count()) == (Status.PENDING, 0)


def places(value: object, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place inside a payload."""
    inner: Any = value.items() if isinstance(value, dict) else ()
    for key, below in enumerate(value) if isinstance(value, list) else inner:
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


@pytest.mark.parametrize(
    "event", ["check_run", "pull_request_review", "deployment_protection_rule"]
)
def test_signed_but_senseless_payloads_break_nothing(github: FakeGitHub, event: str) -> None:
    linked("mallory", MALLORY)
    row, check = asked(github)
    whole = {
        "check_run": pressed(github, check, "approve", by=MALLORY),
        "pull_request_review": reviewed("approved", by=MALLORY),
        "deployment_protection_rule": waiting(github, sender=MALLORY),
    }[event]
    dice, codes = random.Random(SEED), Counter[int]()
    for _ in range(400):
        codes[knock(signed(event, spoilt(whole, dice))).status_code] += 1
    assert set(codes) <= {202, 400, 403, 429}
    assert codes[400] > 50
    assert not Decision.objects.exists()
    row.refresh_from_db()
    assert row.status == Status.PENDING
    agents = set(ApprovalRequest.objects.values_list("agent__name", flat=True))
    assert agents == {agent().name}


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"[]", b"null", b'"x"', b"1", b"\xff\xfe", b"payload=%7B%7D", b"[" * 5_000,
        b'{"action": "requested_action", "action": "created"}', b'{"action": NaN}',
        b'{"action": "\\ud800"}', b'{"action": ["requested_action"]}', b"\x00",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "event", ["check_run", "pull_request_review", "pull_request", "deployment_protection_rule"]
)
def test_signed_bytes_without_sense_are_answered(
    github: FakeGitHub, raw: bytes, event: str
) -> None:
    assert knock(sign(event, raw)).status_code in (202, 400)


def test_the_name_of_an_event_is_not_signed_and_makes_nothing_of_another(
    github: FakeGitHub,
) -> None:
    linked("ada", ADA)
    row, check = asked(github)
    bodies = [pressed(github, check, "approve", by=ADA), reviewed("approved", by=ADA)]
    for body, event in zip(bodies, ["pull_request_review", "check_run"], strict=True):
        assert knock(signed(event, body)).status_code == 202
        assert knock(signed("deployment_protection_rule", body)).status_code == 202
    assert (row.status, row.decisions.count()) == (Status.PENDING, 0)


def test_events_that_do_not_concern_us_are_taken_and_forgotten(github: FakeGitHub) -> None:
    for event in ("ping", "push", "installation", "deployment_review", "x" * 300, ""):
        assert knock(sign(event, b"no JSON")).status_code == 202
    assert not Replay.objects.exists()


def test_only_a_post_of_bounded_size_is_read(github: FakeGitHub) -> None:
    assert Client().get("/webhook").status_code == 405
    large = json.dumps({"x": "y" * (door.BODY_LIMIT + 1)}).encode()
    assert knock(sign("check_run", large)).status_code == 413
    lying = RequestFactory().post("/webhook", b"{}", content_type="application/json")
    lying.META["CONTENT_LENGTH"] = str(10**9)
    assert door.webhook(lying).status_code == 413


def test_valid_webhooks_sent_three_times_have_one_effect_each(github: FakeGitHub) -> None:
    agent()
    files = cast.frame()  # the default limits would let only a few questions through
    policies.apply(files=files, author="tests", actor=cast.OPERATOR, at=clock.now())
    for number in range(VALID):
        sent = signed("deployment_protection_rule", waiting(github, run=1_000 + number))
        assert [knock(sent).status_code for _ in range(3)] == [202] * 3
    assert ApprovalRequest.objects.count() == VALID
    assert Replay.objects.filter(provider="github").count() == 2 * VALID


def test_valid_clicks_sent_three_times_have_one_effect_each(github: FakeGitHub) -> None:
    linked("ada", ADA)
    linked("grace", GRACE)
    row, check = asked(github)
    bodies = [pressed(github, check, "approve", by=1_000 + n) for n in range(VALID - 2)]
    bodies += [pressed(github, check, "approve", by=each) for each in (ADA, GRACE)]
    for body in bodies:
        assert [knock(signed("check_run", body)).status_code for _ in range(3)] == [202] * 3
    row.refresh_from_db()
    assert (row.status, row.decisions.count()) == (Status.APPROVED, 2)
    assert refusals(row) == ["unknown_person"] * (VALID - 2)


def test_valid_reviews_sent_three_times_have_one_effect_each(github: FakeGitHub) -> None:
    linked("ada", ADA)
    linked("grace", GRACE)
    row, _ = asked(github)
    strangers = [reviewed("approved", by=1_000 + n) for n in range(VALID - 2)]
    for body in (*strangers, *(reviewed("approved", by=each) for each in (ADA, GRACE))):
        sent = signed("pull_request_review", body)
        assert [knock(sent).status_code for _ in range(3)] == [202] * 3
    row.refresh_from_db()
    assert (row.status, row.decisions.count()) == (Status.APPROVED, 2)
    assert refusals(row) == ["unknown_person"] * (VALID - 2)
