"""Signatures of messages from outside: what is believed, and the little that is needed to forge."""

import hashlib
import hmac
import time
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from slack_sdk.signature import Clock, SignatureVerifier
from standardwebhooks import Webhook

from integrations.inbound import (
    replay_key,
    slack_signature_is_valid,
    slack_signed_content,
    standard_webhook_is_valid,
)
from integrations.signing import (
    new_webhook_secret,
    standard_signed_content,
    standard_webhook_headers,
)

# Slack's published example, docs.slack.dev/authentication/verifying-requests-from-slack.
SLACK_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
SLACK_TIMESTAMP = "1531420618"
SLACK_SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
    b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
    b"&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
    b"%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SLACK_NOW = float(SLACK_TIMESTAMP)

# The published example of the Standard Webhooks libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = "1614265330"
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
NOW = float(TIMESTAMP)


def from_slack(
    *,
    secret: str = SLACK_SECRET,
    timestamp: str | None = SLACK_TIMESTAMP,
    signature: str | None = SLACK_SIGNATURE,
    body: bytes = SLACK_BODY,
    now: float = SLACK_NOW,
) -> bool:
    return slack_signature_is_valid(
        secret=secret, timestamp=timestamp, signature=signature, body=body, now=now
    )


def from_sender(
    *,
    secrets: tuple[str, ...] = (SECRET,),
    message_id: str | None = MESSAGE_ID,
    timestamp: str | None = TIMESTAMP,
    signature_header: str | None = SIGNATURE,
    body: bytes = BODY,
    now: float = NOW,
) -> bool:
    return standard_webhook_is_valid(
        secrets=secrets,
        message_id=message_id,
        timestamp=timestamp,
        signature_header=signature_header,
        body=body,
        now=now,
    )


def test_the_example_slack_publishes_is_believed() -> None:
    assert from_slack()


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_slack_is_believed_within_five_minutes(seconds: int) -> None:
    assert from_slack(now=SLACK_NOW + seconds)


@pytest.mark.parametrize("seconds", [-301, 301, float("nan"), float("inf")])
def test_slack_is_not_believed_outside_five_minutes(seconds: float) -> None:
    assert not from_slack(now=SLACK_NOW + seconds)


@pytest.mark.parametrize(
    "timestamp",
    [
        None,
        "",
        "abc",
        "1e9",
        "1531420618.0",
        "+1531420618",
        "-1531420618",
        " 1531420618",
        "1531420618 ",
        "1531420618\n",
        "1_531_420_618",
        "01531420618",
        "".join(chr(0xFF10 + int(digit)) for digit in SLACK_TIMESTAMP),
        "".join(chr(0x660 + int(digit)) for digit in SLACK_TIMESTAMP),
        "9" * 5000,
    ],
)
def test_a_slack_timestamp_is_plain_decimal_digits(timestamp: str | None) -> None:
    assert not from_slack(timestamp=timestamp)


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "v0=",
        "v0",
        SLACK_SIGNATURE.upper(),
        "v0=" + SLACK_SIGNATURE.removeprefix("v0=").upper(),
        SLACK_SIGNATURE.replace("v0=", "v1="),
        SLACK_SIGNATURE + " ",
        SLACK_SIGNATURE + "\n",
        " " + SLACK_SIGNATURE,
        SLACK_SIGNATURE[:-1],
        SLACK_SIGNATURE + "0",
        SLACK_SIGNATURE[:-1] + "é",
        SLACK_SIGNATURE[:-1] + "\udcff",
        SLACK_SIGNATURE + "," + SLACK_SIGNATURE,
    ],
)
def test_a_slack_signature_has_one_spelling(signature: str | None) -> None:
    assert not from_slack(signature=signature)


def test_a_body_that_is_not_text_is_refused_without_a_fuss() -> None:
    assert not from_slack(body=b"payload=\xff\xfe")


@pytest.mark.parametrize("secret", ["", " ", "another secret", "\ud800"])
def test_another_secret_believes_nothing(secret: str) -> None:
    assert not from_slack(secret=secret)


def test_a_message_signed_with_an_empty_secret_is_not_believed() -> None:
    content = slack_signed_content(timestamp=SLACK_TIMESTAMP, body=SLACK_BODY)
    forged = "v0=" + hmac.new(b"", content, hashlib.sha256).hexdigest()
    assert not from_slack(secret="", signature=forged)


@given(body=st.text().map(str.encode), secret=st.text("abcdef0123456789", min_size=32))
def test_slack_and_this_service_agree_on_what_slack_signs(body: bytes, secret: str) -> None:
    verifier = SignatureVerifier(secret, clock=StoppedClock())
    signature = verifier.generate_signature(timestamp=SLACK_TIMESTAMP, body=body)
    assert verifier.is_valid(body=body, timestamp=SLACK_TIMESTAMP, signature=signature)
    assert from_slack(secret=secret, signature=signature, body=body)


class StoppedClock(Clock):
    def now(self) -> float:
        return SLACK_NOW


digits = st.integers(min_value=0, max_value=2**70).map(str)
spoilt_timestamps = st.one_of(
    st.none(), st.text(), digits, st.sampled_from([SLACK_TIMESTAMP, "abc", "1e9", "", "NaN"])
)
spoilt_signatures = st.one_of(
    st.none(),
    st.text(),
    st.just(SLACK_SIGNATURE),
    st.text("0123456789abcdefABCDEF", min_size=60, max_size=68).map("v0={}".format),
    st.tuples(st.integers(0, 66), st.characters()).map(
        lambda change: SLACK_SIGNATURE[: change[0]] + change[1] + SLACK_SIGNATURE[change[0] + 1 :]
    ),
)
spoilt_bodies = st.one_of(
    st.binary(), st.just(SLACK_BODY), st.binary(min_size=1).map(lambda more: SLACK_BODY + more)
)


@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
@given(timestamp=spoilt_timestamps, signature=spoilt_signatures, body=spoilt_bodies)
def test_no_forgery_of_slack_is_accepted_and_none_raises(
    timestamp: str | None, signature: str | None, body: bytes
) -> None:
    assume((timestamp, signature, body) != (SLACK_TIMESTAMP, SLACK_SIGNATURE, SLACK_BODY))
    assert from_slack(timestamp=timestamp, signature=signature, body=body) is False


def test_the_example_of_standard_webhooks_is_believed() -> None:
    assert from_sender()


@pytest.mark.parametrize(
    "signature_header",
    [
        f"v1,bm9wZQ== {SIGNATURE}",
        f"{SIGNATURE} v1,bm9wZQ==",
        f"v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw {SIGNATURE}",
        f"v2,AAAA {SIGNATURE}",
    ],
)
def test_one_good_signature_among_well_formed_ones_is_enough(signature_header: str) -> None:
    assert from_sender(signature_header=signature_header)


@pytest.mark.parametrize(
    "signature_header",
    [
        None,
        "",
        "v1",
        "v1,",
        SIGNATURE.removeprefix("v1,"),
        SIGNATURE.replace("1OE=", "1OA="),
        SIGNATURE.replace("1OE=", "1OF="),
        SIGNATURE.removesuffix("="),
        SIGNATURE.replace("v1,", "v1,,"),
        SIGNATURE.replace("v1,", "V1,"),
        SIGNATURE.replace("v1,", "v1a,"),
        SIGNATURE.replace("g0", "g!0"),
        f"junk {SIGNATURE}",
        f"{SIGNATURE}  v1,bm9wZQ==",
        f" {SIGNATURE}",
        f"{SIGNATURE}\n",
        f"{SIGNATURE} é",
        f"{SIGNATURE} v1,\udcff",
        " ".join(["v1,bm9wZQ=="] * 16 + [SIGNATURE]),
    ],
)
def test_a_malformed_signature_header_is_refused_whole(signature_header: str | None) -> None:
    assert not from_sender(signature_header=signature_header)


@pytest.mark.parametrize("timestamp", [None, "", "1614265330.0", "1.6e9", "\u0661", "abc"])
def test_a_standard_timestamp_is_plain_decimal_digits(timestamp: str | None) -> None:
    assert not from_sender(timestamp=timestamp)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_an_old_or_early_webhook_is_refused(seconds: int) -> None:
    assert from_sender(now=NOW + seconds * 300 / 301)
    assert not from_sender(now=NOW + seconds)


@pytest.mark.parametrize("message_id", [None, "", "msg 1", "msg.1", "é", "m" * 257, "msg_other"])
def test_a_message_id_is_visible_ascii_without_a_full_stop(message_id: str | None) -> None:
    assert not from_sender(message_id=message_id)


def test_a_full_stop_cannot_move_between_the_id_and_the_body() -> None:
    content = standard_signed_content(message_id="a", timestamp=TIMESTAMP, body=b"2.body")
    moved = standard_signed_content(message_id=f"a.{TIMESTAMP}", timestamp="2", body=b"body")
    assert content == moved
    assert not from_sender(message_id=f"a.{TIMESTAMP}", timestamp="2", body=b"body", now=2)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_é", "whsec_c2hvcnQ=", "whsec_!!!!", "\ud800", "whsec_A"]
)
def test_a_malformed_secret_proves_nothing_and_harms_no_other(secret: str) -> None:
    assert not from_sender(secrets=(secret,))
    assert from_sender(secrets=(secret, SECRET))


def test_no_secret_proves_nothing() -> None:
    assert not from_sender(secrets=())


@given(body=st.text().map(str.encode))
def test_the_library_and_this_service_agree_on_what_a_sender_signs(body: bytes) -> None:
    secret = new_webhook_secret()
    at = datetime.fromtimestamp(NOW, UTC)
    signature = Webhook(secret).sign(MESSAGE_ID, at, body.decode())
    assert from_sender(secrets=(secret,), signature_header=signature, body=body)


@given(body=st.text().map(str.encode))
def test_the_library_believes_what_this_service_signs(body: bytes) -> None:
    old, new = new_webhook_secret(), new_webhook_secret()
    headers = standard_webhook_headers(
        secrets=[new, old], message_id=MESSAGE_ID, at=datetime.now(UTC), body=body
    )
    for secret in (old, new):
        Webhook(secret).verify(body, headers, json_parse=False)
    assert from_sender(
        secrets=(old,),
        timestamp=headers["webhook-timestamp"],
        signature_header=headers["webhook-signature"],
        body=body,
        now=time.time(),
    )


def test_signing_reproduces_the_published_example() -> None:
    assert standard_webhook_headers(
        secrets=[SECRET], message_id=MESSAGE_ID, at=datetime.fromtimestamp(NOW, UTC), body=BODY
    ) == {
        "webhook-id": MESSAGE_ID,
        "webhook-timestamp": TIMESTAMP,
        "webhook-signature": SIGNATURE,
    }


def test_nothing_is_signed_without_a_fit_secret_a_plain_id_and_a_time_zone() -> None:
    at = datetime.fromtimestamp(NOW, UTC)
    with pytest.raises(ValueError, match="needs a secret"):
        standard_webhook_headers(secrets=[], message_id=MESSAGE_ID, at=at, body=BODY)
    with pytest.raises(ValueError, match="24 to 64 bytes"):
        standard_webhook_headers(secrets=["whsec_bm8="], message_id=MESSAGE_ID, at=at, body=BODY)
    with pytest.raises(ValueError, match="full stop"):
        standard_webhook_headers(secrets=[SECRET], message_id="a.b", at=at, body=BODY)
    with pytest.raises(ValueError, match="time zone"):
        standard_webhook_headers(
            secrets=[SECRET], message_id=MESSAGE_ID, at=at.replace(tzinfo=None), body=BODY
        )


spoilt_standard_signatures = st.one_of(
    st.none(),
    st.text(),
    st.just(SIGNATURE),
    st.lists(st.text("v1a,+/=AQgw ", max_size=50), max_size=4).map(" ".join),
    st.tuples(st.integers(0, 46), st.characters()).map(
        lambda change: SIGNATURE[: change[0]] + change[1] + SIGNATURE[change[0] + 1 :]
    ),
)


@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    message_id=st.one_of(st.none(), st.text(), st.just(MESSAGE_ID)),
    timestamp=st.one_of(st.none(), st.text(), digits, st.just(TIMESTAMP)),
    signature_header=spoilt_standard_signatures,
    body=st.one_of(st.binary(), st.just(BODY)),
    secret=st.one_of(st.text(), st.just(SECRET)),
)
def test_no_forgery_of_a_webhook_is_accepted_and_none_raises(
    message_id: str | None,
    timestamp: str | None,
    signature_header: str | None,
    body: bytes,
    secret: str,
) -> None:
    given_all = (message_id, timestamp, signature_header, body, secret)
    assume(given_all != (MESSAGE_ID, TIMESTAMP, SIGNATURE, BODY, SECRET))
    accepted = from_sender(
        secrets=(secret,),
        message_id=message_id,
        timestamp=timestamp,
        signature_header=signature_header,
        body=body,
    )
    assert accepted is False


def test_a_replay_has_the_name_of_the_first_arrival() -> None:
    content = slack_signed_content(timestamp=SLACK_TIMESTAMP, body=SLACK_BODY)
    assert replay_key("slack", content) == replay_key("slack", bytes(content))
    assert len(replay_key("slack", content)) == 64


def test_messages_that_differ_in_a_byte_or_a_sender_have_names_of_their_own() -> None:
    content = slack_signed_content(timestamp=SLACK_TIMESTAMP, body=SLACK_BODY)
    later = slack_signed_content(timestamp="1531420619", body=SLACK_BODY)
    names = {
        replay_key("slack", content),
        replay_key("slack", later),
        replay_key("slack", content + b" "),
        replay_key("github", content),
    }
    assert len(names) == 4
