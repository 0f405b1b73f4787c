"""The forms a webhook can have: CloudEvents bodies, signatures everybody can verify, keys published."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from standardwebhooks import Webhook

from approvals.models import AuditEvent, Delivery
from approvals.project import environment
from approvals.services import deliveries
from integrations.http import client
from integrations.inbound import standard_webhook_is_valid
from integrations.signing import new_signing_key, public_text, read_signing_key
from integrations.webhook import WebhookAdapter
from tests.fakes.receiver import Receiver, hang_up, status
from tests.integrations.test_webhook import NOON, SECRET, an_event, failure
from tests.support import cast

# The context attributes of CloudEvents 1.0, as its JSON Schema has them.
CLOUD_EVENT = {
    "type": "object",
    "required": ["id", "source", "specversion", "type"],
    "properties": {
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "format": "uri-reference", "minLength": 1},
        "specversion": {"const": "1.0"},
        "type": {"type": "string", "minLength": 1},
        "datacontenttype": {"const": "application/json"},
        "subject": {"type": "string", "minLength": 1},
        "time": {"type": "string", "format": "date-time"},
        "data": {"type": "object"},
    },
    "additionalProperties": False,
}
# RFC 8032, section 7.1, test 1: the seed, and its public key.
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")

TWO_HALVES = "whsk_" + base64.b64encode(SEED + SEED).decode()  # the second is not its public key

Sends = Callable[..., Any]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def sends(settings: Any, receiver: Receiver) -> Iterator[Sends]:
    """Send one event with these settings; what arrived."""
    with client(allow_private=True, total=2) as http:

        def send(**changes: Any) -> Any:
            for name, value in changes.items():
                setattr(settings, name, value)
            WebhookAdapter(http).deliver(an_event(receiver.url))
            return receiver.received[-1]

        yield send


@pytest.mark.parametrize("hosts", [["*"], ["127.0.0.1"], ["other.example", "127.0.0.1"]])
def test_a_host_that_wants_cloud_events_gets_them(sends: Sends, hosts: list[str]) -> None:
    received = sends(WEBHOOK_CLOUDEVENTS=hosts, PUBLIC_URL="https://approvals.example.com")
    event = json.loads(received.body)
    checker = jsonschema.FormatChecker()
    jsonschema.validate(event, CLOUD_EVENT, format_checker=checker)
    assert received.headers["content-type"] == "application/cloudevents+json"
    assert event == {
        "specversion": "1.0",
        "id": received.headers["webhook-id"],
        "source": "https://approvals.example.com",
        "type": "request.approved",
        "time": NOON.isoformat(),
        "datacontenttype": "application/json",
        "data": {"ref": "REQ-2481", "why": "größer ✓"},
    }
    Webhook(SECRET).verify(received.body, dict(received.headers))


def test_every_other_host_gets_the_standard_body(sends: Sends) -> None:
    received = sends(WEBHOOK_CLOUDEVENTS=["example.com", "127.0.0.1.example.com"])
    assert received.headers["content-type"] == "application/json"
    assert set(json.loads(received.body)) == {"type", "timestamp", "data"}


def test_a_cloud_event_of_a_request_names_it_as_its_subject(
    sends: Sends, receiver: Receiver
) -> None:
    sends(WEBHOOK_CLOUDEVENTS=["*"])
    with client(allow_private=True, total=2) as http:
        message = an_event(receiver.url, event={
            "type": "request.denied", "timestamp": NOON.isoformat(), "data": {"request": "0198"},
        })  # fmt: skip
        WebhookAdapter(http).deliver(message)
    assert json.loads(receiver.received[-1].body)["subject"] == "0198"


def signatures(received: Any, version: str) -> list[bytes]:
    entries = [each.split(",") for each in received.headers["webhook-signature"].split(" ")]
    return [base64.b64decode(raw) for kind, raw in entries if kind == version]


def content(received: Any) -> bytes:
    head = f"{received.headers['webhook-id']}.{received.headers['webhook-timestamp']}."
    return head.encode() + bytes(received.body)


def test_with_a_signing_key_everybody_can_verify(sends: Sends) -> None:
    key = new_signing_key()
    received = sends(WEBHOOK_SIGNING_KEY=[key])
    [signature] = signatures(received, "v1a")
    public = read_signing_key(key).public_key()
    public.verify(signature, content(received))
    with pytest.raises(InvalidSignature):
        public.verify(signature, content(received) + b" ")
    assert len(signatures(received, "v1")) == 1
    Webhook(SECRET).verify(received.body, dict(received.headers))
    assert standard_webhook_is_valid(
        secrets=[SECRET], message_id=received.headers["webhook-id"],
        timestamp=received.headers["webhook-timestamp"], body=received.body,
        signature_header=received.headers["webhook-signature"], now=datetime.now(UTC).timestamp(),
    )  # fmt: skip


def test_while_the_key_is_replaced_both_sign_and_both_are_published(sends: Sends) -> None:
    old, new = new_signing_key(), new_signing_key()
    received = sends(WEBHOOK_SIGNING_KEY=[new, old])
    answer = Client(headers={"host": "127.0.0.1"}).get("/.well-known/webhook-keys.json")
    published = [
        Ed25519PublicKey.from_public_bytes(base64.b64decode(text.removeprefix("whpk_")))
        for text in answer.json()["keys"]
    ]
    for key, signature in zip(published, signatures(received, "v1a"), strict=True):
        key.verify(signature, content(received))
    assert not {old, new} & set(answer.content.decode().split('"'))


def test_without_one_nothing_is_published_and_grants_have_keys_of_their_own(settings: Any) -> None:
    caller = Client(headers={"host": "127.0.0.1"})
    assert caller.get("/.well-known/webhook-keys.json").json() == {"keys": []}
    assert caller.post("/.well-known/webhook-keys.json").status_code == 405
    before = caller.get("/.well-known/jwks.json").json()
    settings.WEBHOOK_SIGNING_KEY = [new_signing_key()]
    assert caller.get("/.well-known/jwks.json").json() == before


def test_a_key_is_read_as_the_rfc_has_it() -> None:
    whole = "whsk_" + base64.b64encode(SEED + PUBLIC).decode()
    for text in (whole, "whsk_" + base64.b64encode(SEED).decode()):
        assert public_text(read_signing_key(text)) == "whpk_" + base64.b64encode(PUBLIC).decode()
    known = read_signing_key(whole).sign(b"")
    assert known.hex().startswith(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
    )


@pytest.mark.parametrize("text", ["whsk_AAAA", "whsk_!", "whsec_" + "A" * 44, "é", TWO_HALVES])
def test_a_key_that_is_none_stops_the_start(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_SIGNING_KEY", text)
    with pytest.raises(ValueError, match=r"."):
        read_signing_key(text)
    with pytest.raises(ImproperlyConfigured, match="WEBHOOK_SIGNING_KEY") as refused:
        environment.signing_keys("WEBHOOK_SIGNING_KEY")
    assert text not in str(refused.value)


def test_an_endpoint_is_scheme_host_and_port(sends: Sends) -> None:
    adapter = WebhookAdapter()
    for address in (
        "https://a.example:8443",
        "https://a.example:8443/x/y",
        "https://a.example:8443?x",
    ):
        assert adapter.endpoint(address) == "https://a.example:8443"
    assert adapter.endpoint("https://a.example.evil/") != adapter.endpoint("https://a.example/")
    assert adapter.endpoint("nonsense") == "nonsense"


@pytest.mark.django_db
def test_ten_minutes_without_its_receiver_lose_an_agent_nothing(
    receiver: Receiver, settings: Any
) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    settings.ADAPTERS = ["integrations.webhook.WebhookAdapter"]
    with Receiver() as well:
        rows = [
            cast.request(at=NOON, target=f"t-{n}", callback_url=f"{receiver.url}/{n}")
            for n in range(20)
        ]
        cast.request(at=NOON, callback_url=well.url)
        receiver.will(*[hang_up()] * 1_000)
        at = NOON
        while at < NOON + timedelta(minutes=10):
            _send(at)
            at += timedelta(seconds=10)
        assert len(well.received) == 1
        assert len(receiver.received) < 30
        receiver._next.clear()
        for _ in range(15):
            _send(at)
            at += timedelta(minutes=1)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}
    assert not AuditEvent.objects.filter(type="delivery.dead").exists()
    taken = {json.loads(each.body)["data"]["request"] for each in receiver.received}
    assert taken == {str(row.public_id) for row in rows}
    ids = [each.headers["webhook-id"] for each in receiver.received]
    assert len(set(ids)) == 20


def _send(at: datetime) -> None:
    deliveries.send_due(now=lambda: at)


def test_a_receiver_that_is_gone_is_a_dead_letter_at_once(sends: Sends, receiver: Receiver) -> None:
    receiver.will(status(410))
    with client(allow_private=True, total=2) as http:
        assert failure(WebhookAdapter(http), an_event(receiver.url)).permanent
