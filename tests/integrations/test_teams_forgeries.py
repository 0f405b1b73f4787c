"""Whatever arrives at Teams' door: no forgery counts, and nothing malformed breaks it."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from jwt.utils import base64url_decode

from approvals.domain.terms import Status
from approvals.models import ApprovalRequest, Decision, Replay
from integrations.teams import keys
from integrations.teams.keys import Key
from tests.fakes.teams import (
    APP,
    KID,
    ROOM,
    TENANT,
    Body,
    FakeTeams,
    Knock,
    guid,
    private_key,
)
from tests.support import cast
from tests.support.teams import knock, let_in, linked, send, shown

pytestmark = pytest.mark.django_db
SEED = 20261122
JUNK: tuple[Any, ...] = (
    None, True, 0, -1, 2.5, "", "x", "\u202e", "é", [], [1], [[]], {}, {"id": 1}, {"id": None},
    {"id": []}, {"id": "C2"}, {"type": []}, {"a": {"b": {"c": []}}}, "x" * 5_000,
)  # fmt: skip


@pytest.fixture
def waiting(teams: FakeTeams) -> ApprovalRequest:
    let_in(teams)
    linked("lin")
    return cast.request()


def a_click(teams: FakeTeams, row: ApprovalRequest) -> Body:
    return teams.click(shown(teams, row), "approve")


def b64(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def published(teams: FakeTeams) -> bytes:
    """The modulus everybody can read: the key of those who take RS256 for HS256."""
    [found] = keys.read(json.dumps({"keys": [jwk(teams)]}).encode()).values()
    return str(found.public.public_numbers().n).encode()


def jwk(teams: FakeTeams, kid: str = KID) -> Body:
    del teams
    numbers = private_key(kid).public_key().public_numbers()
    return {"kty": "RSA", "kid": kid, "e": "AQAB", "n": b64(numbers.n.to_bytes(256, "big"))}


def remade(token: str, *, header: Any = None, claims: Any = None, key: bytes = b"") -> str:
    """A token with another header or other claims: under its old signature, or an HMAC."""
    head, body, signature = token.split(".")
    said = json.loads(base64url_decode(head)) | (header or {})
    told = {**json.loads(base64url_decode(body)), **(claims or {})}
    signed = f"{b64(said)}.{b64(told)}"
    if key:
        signature = b64(hmac.new(key, signed.encode(), hashlib.sha256).digest())
    return f"{signed}.{signature}"


def forged(teams: FakeTeams, dice: random.Random) -> str:
    """One Authorization header that Microsoft did not make, or not for this bot now."""
    now = int(time.time())
    good = teams.jwt()
    head, body, signature = good.split(".")
    at = dice.randrange(len(signature) - 4)
    flipped = signature[:at] + ("A" if signature[at] != "A" else "B") + signature[at + 1 :]
    wrong_claims: list[Body] = [
        {"aud": guid(dice.randrange(99))}, {"aud": [APP]}, {"aud": [APP, "other"]}, {"aud": None},
        {"aud": f"api://{APP}"}, {"aud": APP.upper()}, {"aud": ""},
        {"iss": "https://sts.windows.net/"}, {"iss": None}, {"iss": "https://api.botframework.com/"},
        {"iss": "http://api.botframework.com"}, {"exp": now - 301 - dice.randrange(9_999)},
        {"exp": None}, {"exp": "soon"}, {"exp": 10**400}, {"exp": -1}, {"exp": []},
        {"nbf": now + 400}, {"iat": now + 400}, {"nbf": "x"}, {"iat": "x"},
        {"serviceurl": None}, {"serviceurl": ""}, {"serviceurl": 1}, {"serviceurl": ["x"]},
        {"serviceurl": "https://smba.trafficmanager.net/emea"},
        {"serviceurl": f"{teams.service_url}/x"}, {"serviceurl": f"{teams.service_url}.evil"},
    ]  # fmt: skip
    tokens = [
        "", "x", "..", "a.b.c", good[:-5], f"{good}x", f"{head}.{body}.", f"{head}.{body}",
        f"{head}..{signature}", f"{head}.{body}.{flipped}", f"{good}.{signature}",
        teams.jwt(key="another", kid=KID), teams.jwt(key="another"), "x" * 9_000,
        remade(good, header={"alg": "none"}), f"{b64({'alg': 'none'})}.{body}.",
        remade(good, header={"alg": "HS256"}, key=published(teams)),
        remade(good, header={"alg": "HS256"}, key=APP.encode()),
        remade(good, header={"alg": "RS512"}), remade(good, header={"alg": ["RS256"]}),
        remade(good, header={"kid": dice.choice([None, "", 1, [], "é", "x" * 300, "../key"])}),
        remade(good, header={"jwk": jwk(teams, "another")}),
        remade(teams.jwt(key="another"), header={"kid": KID, "jwk": jwk(teams, "another")}),
        remade(good, header={"crit": ["exp"]}), remade(good, header={"b64": False}),
        remade(good, claims={"exp": now + 99_999}), remade(good, claims={"aud": APP, "x": 1}),
        f"{b64([])}.{body}.{signature}", f"{b64(b'{')}.{body}.{signature}",
        f"{head}.{b64(b'[' * 2_000)}.{signature}",
        teams.jwt(**dice.choice(wrong_claims)), teams.jwt(**dice.choice(wrong_claims)),
        teams.jwt(**dice.choice(wrong_claims)), teams.jwt(**dice.choice(wrong_claims)),
    ]  # fmt: skip
    token = dice.choice(tokens)
    shapes = [f"Bearer {token}"] * 12
    shapes += [token, f"bearer {token}", f"Bearer  {token}", f"Basic {good}", f"Bearer {good} x"]
    shapes += [f"Bearer {good}, Bearer {good}", f"Bearer {good}\u202e", f"Bearer {good}\n"]
    return dice.choice(shapes)


def test_two_thousand_forged_tokens_are_refused(teams: FakeTeams, waiting: ApprovalRequest) -> None:
    body = json.dumps(a_click(teams, waiting)).encode()
    dice = random.Random(SEED)
    codes: Counter[int] = Counter()
    for _ in range(2_000):
        codes[send(body, {"Authorization": forged(teams, dice)}).status_code] += 1
    assert codes == {401: 2_000}
    assert not Replay.objects.exists()
    waiting.refresh_from_db()
    assert waiting.status == Status.PENDING
    fetched = len(teams.called("GET", "/v1/.well-known/keys"))
    assert fetched <= 3, "made-up key ids must not make us call Microsoft each time"


def test_without_a_token_nothing_is_let_in(teams: FakeTeams, waiting: ApprovalRequest) -> None:
    body = json.dumps(a_click(teams, waiting)).encode()
    assert send(body, {}).status_code == 401


def test_without_an_app_id_nothing_is_let_in(
    teams: FakeTeams, waiting: ApprovalRequest, settings: Any
) -> None:
    click = a_click(teams, waiting)
    settings.TEAMS_APP_ID = ""
    assert knock(teams.signed(click, aud="")).status_code == 401


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"exp": -280}, 200),
        ({"exp": -302}, 401),
        ({"exp": 47 * 3_600}, 200),
        ({"exp": 49 * 3_600}, 401),
        ({"nbf": 280}, 200),
        ({"nbf": 330}, 401),
        ({"iat": 280}, 200),
        ({"iat": 330}, 401),
    ],
)
def test_clocks_may_differ_by_five_minutes(
    teams: FakeTeams, waiting: ApprovalRequest, claims: dict[str, int], code: int
) -> None:
    moments = {name: int(time.time()) + seconds for name, seconds in claims.items()}
    assert knock(teams.signed(a_click(teams, waiting), **moments)).status_code == code


def changed(click: Body, **parts: Any) -> Body:
    return copy.deepcopy(click) | parts


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"serviceUrl": "https://smba.trafficmanager.net/emea/"}, 401),
        ({"serviceUrl": ""}, 400),
        ({"channelId": "webchat"}, 401),
        ({"channelId": None}, 401),
        ({"channelData": {"tenant": {"id": guid(66)}}}, 403),
        ({"conversation": {"id": ROOM, "tenantId": guid(66)}}, 403),
        ({"channelData": {}, "conversation": {"id": ROOM}}, 403),
        ({"channelData": {}, "conversation": {"id": ROOM, "tenantId": TENANT.upper()}}, 200),
        ({"conversation": {}}, 400),
    ],
)
def test_a_good_token_is_for_one_address_channel_and_organisation(
    teams: FakeTeams, waiting: ApprovalRequest, parts: Body, code: int
) -> None:
    click = changed(a_click(teams, waiting), **parts)
    assert knock(teams.signed(click)).status_code == code
    waiting.refresh_from_db()
    assert (waiting.status == Status.APPROVED) is (code == 200)


def test_a_key_that_microsoft_gave_for_another_channel_is_refused(
    teams: FakeTeams, waiting: ApprovalRequest
) -> None:
    teams.keys = {KID: ["webchat", "directline"]}
    assert knock(teams.signed(a_click(teams, waiting))).status_code == 401


def test_a_new_key_is_fetched_when_it_is_first_met(
    teams: FakeTeams, waiting: ApprovalRequest
) -> None:
    teams.keys = {"key-2": ["msteams"]}
    assert knock(teams.signed(a_click(teams, waiting), key="key-2")).status_code == 200
    waiting.refresh_from_db()
    assert waiting.status == Status.APPROVED


# --- the keys ---------------------------------------------------------------------------------


class Shelf:
    """Where keys are fetched from, with a clock beside it."""

    def __init__(self) -> None:
        self.fetched, self.now, self.broken = 0, 1_000.0, False
        self.kids = ["a"]
        self.keys = keys.Keys(self.fetch, clock=lambda: self.now)

    def fetch(self) -> dict[str, Key]:
        self.fetched += 1
        if self.broken:
            raise ValueError("out of order")
        return {kid: Key(kid, frozenset()) for kid in self.kids}

    def has(self, kid: str) -> bool:
        return self.keys.find(kid) is not None


def test_keys_are_fetched_once_and_again_after_a_day() -> None:
    shelf = Shelf()
    assert all(shelf.has("a") for _ in range(50))
    assert shelf.fetched == 1
    shelf.now += keys.FRESH + 1
    assert shelf.has("a")
    assert shelf.fetched == 2


def test_unknown_keys_are_looked_for_once_a_minute() -> None:
    shelf = Shelf()
    assert not any(shelf.has(f"made-up-{number}") for number in range(500))
    assert shelf.fetched == 1
    shelf.kids.append("b")
    shelf.now += keys.PAUSE + 1
    assert shelf.has("b")
    assert shelf.fetched == 2


def test_an_outage_leaves_the_keys_usable_but_not_for_ever() -> None:
    shelf = Shelf()
    assert shelf.has("a")
    shelf.broken = True
    shelf.now += keys.USABLE - 1
    assert shelf.has("a")
    shelf.now += 2
    assert not shelf.has("a")
    shelf.broken = False
    shelf.now += keys.PAUSE + 1
    assert shelf.has("a")


def test_a_withdrawn_key_is_gone_after_the_next_look() -> None:
    shelf = Shelf()
    assert shelf.has("a")
    shelf.kids = ["b"]
    shelf.now += keys.PAUSE + 1
    assert shelf.has("b")
    assert not shelf.has("a")


@pytest.mark.parametrize(
    "document",
    [
        b"", b"[]", b"{", b"null", b'{"keys": {}}', b'{"keys": []}', b'{"keys": [1, null, {}]}',
        b'{"keys": [{"kty": "oct", "kid": "a", "k": "AAAA"}]}',
        b'{"keys": [{"kty": "RSA", "kid": "a", "n": "", "e": ""}]}',
        b'{"keys": [{"kty": "RSA", "kid": "a", "n": 5, "e": []}]}',
        b'{"keys": [{"kty": "RSA", "use": "enc", "kid": "a", "n": "AQAB", "e": "AQAB"}]}',
    ],
)  # fmt: skip
def test_a_document_without_a_key_of_use_is_an_error(document: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        keys.read(document)


# --- signed, but senseless --------------------------------------------------------------------


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


@pytest.mark.parametrize("kind", ["click", "refresh", "submit", "undo", "update"])
def test_signed_but_senseless_activities_break_nothing(
    teams: FakeTeams, waiting: ApprovalRequest, kind: str
) -> None:
    linked("mallory", 2)
    message = shown(teams, waiting)
    data = message.buttons["approve"]["data"] | {"verb": "refresh"}
    activity = {
        "click": teams.click(message, "deny", by=2, words="No, not today."),
        "refresh": teams.invoke(message, "refresh", data, by=2),
        "submit": teams.submit(message, "deny", by=2, words="No, not today."),
        "undo": teams.invoke(message, "undo", data | {"verb": "undo"}, by=2),
        "update": teams.update(membersAdded=[{"id": "29:1", "aadObjectId": guid(1)}]),
    }[kind]
    dice, token = random.Random(SEED), {"Authorization": f"Bearer {teams.jwt()}"}
    codes: Counter[int] = Counter()
    for _ in range(250):
        codes[send(json.dumps(spoilt(activity, dice)).encode(), token).status_code] += 1
    assert set(codes) <= {200, 400, 401, 403}
    assert codes[400] > 25
    assert not Decision.objects.exists()
    waiting.refresh_from_db()
    assert waiting.status == Status.PENDING


BODIES = {
    "nothing": b"",
    "not JSON": b"{",
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "not UTF-8": b"\xff\xfe",
    "deep": b"[" * 5_000,
    "not a number": b'{"type":NaN}',
    "the same key twice": b'{"type":"invoke","type":"message"}',
    "half a surrogate pair": b'{"type":"\\ud800"}',
    "a NUL": b'{"type":"\\u0000"}',
    "a huge number": b'{"type":' + b"9" * 400 + b"}",
    "a type of another kind": b'{"type":{"a":1}}',
}


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "", "multipart/form-data"])
@pytest.mark.parametrize("name", BODIES)
def test_a_body_without_sense_is_refused_whoever_signed_it(
    teams: FakeTeams, name: str, kind: str
) -> None:
    token = {"Authorization": f"Bearer {teams.jwt()}"}
    assert send(BODIES[name], token, kind).status_code == 400


@pytest.mark.parametrize(
    "name",
    ["task/fetch", "composeExtension/query", "signin/verifyState", "", "adaptiveCard/Action"],
)
def test_other_invokes_are_refused_in_their_own_shape(teams: FakeTeams, name: str) -> None:
    answer = knock(teams.signed(teams.update("invoke", name=name, value={"a": 1})))
    assert answer.status_code == 200
    assert json.loads(answer.content)["statusCode"] == 400


@pytest.mark.parametrize(
    "kind", ["typing", "messageReaction", "endOfConversation", "messageUpdate"]
)
def test_other_activities_are_taken_and_change_nothing(teams: FakeTeams, kind: str) -> None:
    answer = knock(teams.signed(teams.update(kind)))
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("size", [300 * 1024, 3 * 1024 * 1024])
def test_a_body_larger_than_teams_sends_is_refused(teams: FakeTeams, size: int) -> None:
    knocked = Knock(b" " * size, {"Authorization": f"Bearer {teams.jwt()}"})
    assert knock(knocked).status_code == 413


@pytest.mark.urls("integrations.teams.urls")
@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head", "options"])
def test_only_post_is_heard(teams: FakeTeams, method: str) -> None:
    assert getattr(Client(), method)("/messages").status_code == 405


@pytest.mark.urls("integrations.teams.urls")
def test_a_refusal_says_what_was_wrong(teams: FakeTeams) -> None:
    answer = Client().post("/messages", b"{}", content_type="application/json")
    assert answer.status_code == 401
    assert json.loads(answer.content) == {
        "code": "bad_token",
        "detail": "The token is missing, wrong or too old. Nothing was recorded.",
    }
