"""Webhooks to agents, sent to a real receiver that behaves, and to one that does not."""

import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings
from standardwebhooks import Webhook

from approvals.domain.terms import EventKind
from approvals.ports import DeliveryError, Message, MessageKind, Notice, event_body
from integrations.http import client
from integrations.signing import new_webhook_secret
from integrations.webhook import WebhookAdapter, check_callback_url, wait_named
from tests.fakes.receiver import Answer, Receiver, drip, garbage, hang_up, silence, status

SECRET = new_webhook_secret()
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def webhook() -> Iterator[WebhookAdapter]:
    with client(allow_private=True, total=0.4) as http:
        yield WebhookAdapter(http)


def an_event(address: str, **changes: Any) -> Message:
    approved = Message(
        id="0198f3a2-7c55-7d6e-9c1f-3f0a5b1c2d3e",
        kind=MessageKind.EVENT,
        address=address,
        card=None,
        at=datetime.now(UTC),
        event=event_body(EventKind.APPROVED, NOON, {"ref": "REQ-2481", "why": "größer ✓"}),
        secrets=[SECRET],
    )
    return replace(approved, **changes)


def failure(webhook: WebhookAdapter, message: Message) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        webhook.deliver(message)
    return caught.value


def believed(received: Any, secret: str = SECRET) -> Mapping[str, Any]:
    """What the public library reads out of a request; raises if it does not believe it."""
    body: Mapping[str, Any] = Webhook(secret).verify(received.body, dict(received.headers))
    return body


def test_only_an_agent_with_a_callback_address_is_told(webhook: WebhookAdapter) -> None:
    notice = Notice(kind=EventKind.APPROVED, channels=("slack",), callback_url="", opened=True)
    assert webhook.addresses(notice) == []
    url = "https://agent.example.com/callback"
    assert webhook.addresses(replace(notice, callback_url=url)) == [(MessageKind.EVENT, url)]


def test_a_receiver_believes_what_arrives(webhook: WebhookAdapter, receiver: Receiver) -> None:
    assert webhook.deliver(an_event(receiver.url)) == {"status": 204}
    [received] = receiver.received
    assert (received.method, received.path) == ("POST", "/callback")
    assert received.headers["content-type"] == "application/json"
    assert believed(received) == {
        "type": "request.approved",
        "timestamp": NOON.isoformat(),
        "data": {"ref": "REQ-2481", "why": "größer ✓"},
    }


def test_a_receiver_changing_its_secret_believes_both(
    webhook: WebhookAdapter, receiver: Receiver
) -> None:
    new = new_webhook_secret()
    webhook.deliver(an_event(receiver.url, secrets=[new, SECRET]))
    assert believed(receiver.received[0], SECRET) == believed(receiver.received[0], new)


def test_every_attempt_bears_the_same_id_and_a_time_of_its_own(
    webhook: WebhookAdapter, receiver: Receiver
) -> None:
    first = an_event(receiver.url, at=datetime.now(UTC) - timedelta(minutes=2))
    second = replace(first, attempt=2, at=datetime.now(UTC))
    receiver.will(status(503))
    failure(webhook, first)
    webhook.deliver(second)
    one, two = receiver.received
    assert one.headers["webhook-id"] == two.headers["webhook-id"] == first.id
    assert int(two.headers["webhook-timestamp"]) - int(one.headers["webhook-timestamp"]) >= 119
    assert believed(one) == believed(two)


@pytest.mark.parametrize("code", [200, 201, 202, 204])
def test_any_answer_of_success_is_an_arrival(
    webhook: WebhookAdapter, receiver: Receiver, code: int
) -> None:
    receiver.will(status(code, body=b"" if code == 204 else b"x" * 100_000))
    assert webhook.deliver(an_event(receiver.url)) == {"status": code}


@pytest.mark.parametrize("code", [302, 307, 400, 401, 404, 429, 500, 502, 503])
def test_any_other_answer_is_tried_again(
    webhook: WebhookAdapter, receiver: Receiver, code: int
) -> None:
    receiver.will(status(code))
    error = failure(webhook, an_event(receiver.url))
    assert error.words == f"The receiver answered {code}."
    assert (error.permanent, error.unknown, error.retry_after) == (False, False, None)


def test_a_redirect_takes_the_event_nowhere(webhook: WebhookAdapter, receiver: Receiver) -> None:
    with Receiver() as elsewhere:
        receiver.will(status(302, headers={"Location": elsewhere.url}))
        failure(webhook, an_event(receiver.url))
        assert elsewhere.nobody_called()


def test_a_receiver_that_is_gone_is_not_called_again(
    webhook: WebhookAdapter, receiver: Receiver
) -> None:
    receiver.will(status(410))
    assert failure(webhook, an_event(receiver.url)).permanent


@pytest.mark.parametrize("code", [429, 503])
def test_a_receiver_may_name_the_time_to_come_back(
    webhook: WebhookAdapter, receiver: Receiver, code: int
) -> None:
    receiver.will(status(code, headers={"Retry-After": "120"}))
    error = failure(webhook, an_event(receiver.url))
    assert (error.retry_after, error.permanent) == (timedelta(minutes=2), False)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("0", timedelta(0)),
        ("3600", timedelta(hours=1)),
        ("999999999", timedelta(days=1)),
        (format_datetime(NOON + timedelta(minutes=3), usegmt=True), timedelta(minutes=3)),
        ("Mon, 02 Mar 2026 12:03:00 -0000", timedelta(minutes=3)),
        ("Mon, 02 Mar 2026 11:00:00 GMT", timedelta(0)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", timedelta(days=1)),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("\u0661", None),
        ("Mon, 02 Mar 2026 99999999999999999999:00:00 GMT", None),
    ],
)
def test_a_named_time_is_at_most_a_day_and_never_in_the_past(
    header: str, wait: timedelta | None
) -> None:
    assert wait_named(header, at=NOON) == wait


@given(
    st.one_of(
        st.text(),
        st.from_regex(r"[A-Z][a-z]{2}, \d{1,30} (Jan|Feb|xxx) -?\d{1,30} \d+:\d+:\d+ [+-]?\d*"),
    )
)
def test_no_named_time_is_an_accident(header: str) -> None:
    wait = wait_named(header, at=NOON)
    assert wait is None or timedelta(0) <= wait <= timedelta(days=1)


@pytest.mark.parametrize("misbehaviour", [silence(), drip(), hang_up(), garbage()])
def test_what_breaks_after_sending_may_have_arrived(
    webhook: WebhookAdapter, receiver: Receiver, misbehaviour: Answer
) -> None:
    receiver.will(misbehaviour)
    error = failure(webhook, an_event(receiver.url))
    assert (error.unknown, error.permanent) == (True, False)
    assert len(receiver.received) == 1


def test_a_dead_socket_is_known_not_to_have_heard(webhook: WebhookAdapter) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        port = closing.getsockname()[1]
    error = failure(webhook, an_event(f"http://127.0.0.1:{port}/"))
    assert (error.unknown, error.permanent) == (False, False)


@pytest.mark.parametrize(
    "address",
    ["http://169.254.169.254/", "http://ada:pw@127.0.0.1/", "ftp://127.0.0.1/", "http://[::1/", ""],
)
def test_an_address_out_of_bounds_is_not_tried_again(webhook: WebhookAdapter, address: str) -> None:
    assert failure(webhook, an_event(address)).permanent


def test_nothing_leaves_unsigned(webhook: WebhookAdapter, receiver: Receiver) -> None:
    assert failure(webhook, an_event(receiver.url, secrets=[])).permanent
    assert receiver.nobody_called()


def test_as_installed_the_adapter_calls_no_private_address(
    receiver: Receiver, settings: Settings
) -> None:
    assert not settings.WEBHOOK_ALLOW_PRIVATE
    error = failure(WebhookAdapter(), an_event(receiver.url.replace("http:", "https:")))
    assert error.permanent
    assert receiver.nobody_called()
    settings.WEBHOOK_ALLOW_PRIVATE = True
    assert WebhookAdapter().deliver(an_event(receiver.url)) == {"status": 204}


def test_a_callback_address_is_checked_before_it_is_kept(settings: Settings) -> None:
    with pytest.raises(ValueError, match=r"^Only https addresses are called\.$"):
        check_callback_url("http://127.0.0.1:9000/callback")
    settings.WEBHOOK_ALLOW_PRIVATE = True
    check_callback_url("http://127.0.0.1:9000/callback")


def test_the_body_is_the_event_and_nothing_more(
    webhook: WebhookAdapter, receiver: Receiver
) -> None:
    message = an_event(receiver.url)
    webhook.deliver(message)
    assert json.loads(receiver.received[0].body) == message.event
