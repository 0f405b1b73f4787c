"""Decide whether a message from outside was signed by who it claims, and name it for replay.

Everything here is pure, and answers False to what it cannot read: a forged header is an ordinary
thing to meet, and the vendors' own verifiers raise on several. Pass the raw body, before anything
has parsed it. A valid signature does not say the message is new: keep its `replay_key`.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence

from integrations.signing import (
    MESSAGE_ID,
    standard_signature,
    standard_signed_content,
    webhook_key,
)

TOLERANCE = 300
TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}")
SLACK_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")
# Other versions, such as "v1a" of Ed25519, may stand beside ours and are passed over.
STANDARD_SIGNATURE = re.compile(r"v[0-9a-z]{1,8},[A-Za-z0-9+/]{1,512}={0,2}")
PAGERDUTY_SIGNATURE = re.compile(r"v1=[0-9a-f]{64}")
GITHUB_SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}")
MOST_SIGNATURES = 16


def slack_signature_is_valid(
    *,
    secret: str,
    timestamp: str | None,
    signature: str | None,
    body: bytes,
    now: float,
    tolerance: int = TOLERANCE,
) -> bool:
    """Say whether Slack signed this body within `tolerance` seconds of `now`. Never raises.

    `timestamp` and `signature` are the headers X-Slack-Request-Timestamp and X-Slack-Signature;
    a missing one is None. https://docs.slack.dev/authentication/verifying-requests-from-slack
    """
    if not secret.strip() or timestamp is None or signature is None:
        return False
    if not _is_recent(timestamp, now=now, tolerance=tolerance):
        return False
    if not SLACK_SIGNATURE.fullmatch(signature):
        return False
    content = slack_signed_content(timestamp=timestamp, body=body)
    # A secret from the environment can hold lone surrogates, which plain UTF-8 would raise on.
    key = secret.encode("utf-8", "surrogatepass")
    expected = "v0=" + hmac.new(key, content, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode())


def slack_signed_content(*, timestamp: str, body: bytes) -> bytes:
    """Return the bytes a Slack signature covers: what `replay_key` is made from."""
    return f"v0:{timestamp}:".encode() + body


def standard_webhook_is_valid(
    *,
    secrets: Sequence[str],
    message_id: str | None,
    timestamp: str | None,
    signature_header: str | None,
    body: bytes,
    now: float,
    tolerance: int = TOLERANCE,
) -> bool:
    """Say whether one of the secrets signed this body around `now`. Never raises.

    The three headers are `webhook-id`, `webhook-timestamp` and `webhook-signature` of Standard
    Webhooks 1.0, None if missing. One malformed entry among the signatures spoils the header, and
    a malformed secret proves nothing.
    """
    if message_id is None or timestamp is None or signature_header is None:
        return False
    if not MESSAGE_ID.fullmatch(message_id):
        return False
    if not _is_recent(timestamp, now=now, tolerance=tolerance):
        return False
    content = standard_signed_content(message_id=message_id, timestamp=timestamp, body=body)
    expected = [standard_signature(key=key, signed_content=content) for key in _keys(secrets)]
    given = _signatures(signature_header)
    # Every pair is compared, so that the time tells nothing about which one matched.
    matches = [
        hmac.compare_digest(ours.encode(), theirs.encode()) for ours in expected for theirs in given
    ]
    return any(matches)


def pagerduty_signature_is_valid(
    *, secrets: Sequence[str], signature_header: str | None, body: bytes
) -> bool:
    """Say whether one of the secrets signed this body as PagerDuty's webhooks v3 do. Never raises.

    The header X-PagerDuty-Signature holds one `v1=<hex>` for each active secret; other versions are
    passed over. Nothing in it tells the time, so only the event's id shows a replay.
    """
    given = [each.strip() for each in (signature_header or "").split(",", MOST_SIGNATURES)]
    if len(given) > MOST_SIGNATURES:
        return False
    known = [secret for secret in secrets if secret.strip()]
    expected = [_pagerduty_signature(secret, body) for secret in known]
    found = [each for each in given if PAGERDUTY_SIGNATURE.fullmatch(each)]
    return any([hmac.compare_digest(ours, theirs) for ours in expected for theirs in found])


def _pagerduty_signature(secret: str, body: bytes) -> str:
    key = secret.encode("utf-8", "surrogatepass")
    return "v1=" + hmac.new(key, body, hashlib.sha256).hexdigest()


def github_signature_is_valid(
    *, secrets: Sequence[str], signature: str | None, body: bytes
) -> bool:
    """Say whether one of the secrets signed this body as GitHub does. Never raises.

    `signature` is the header X-Hub-Signature-256; the older one with SHA-1 proves nothing here. It
    covers the body alone: neither the event's name nor the delivery's id is signed, nor any moment.
    """
    if signature is None or not GITHUB_SIGNATURE.fullmatch(signature):
        return False
    known = [secret.encode("utf-8", "surrogatepass") for secret in secrets if secret.strip()]
    expected = ["sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest() for key in known]
    # Every secret is compared, so that the time tells nothing about which one matched.
    return any([hmac.compare_digest(ours, signature) for ours in expected])


def replay_key(provider: str, signed_content: bytes) -> str:
    """Name a signed message, so that a second arrival is seen whatever its headers say.

    Only what the signature covers counts: an unsigned header, even one meant to tell deliveries
    apart, is the sender's to change.
    """
    return hashlib.sha256(provider.encode() + b"\0" + signed_content).hexdigest()


def _is_recent(timestamp: str, *, now: float, tolerance: int) -> bool:
    return bool(TIMESTAMP.fullmatch(timestamp)) and abs(now - int(timestamp)) <= tolerance


def _keys(secrets: Sequence[str]) -> list[bytes]:
    keys = []
    for secret in secrets:
        try:
            keys.append(webhook_key(secret))
        except ValueError:
            continue
    return keys


def _signatures(header: str) -> list[str]:
    entries = header.split(" ", MOST_SIGNATURES)
    if len(entries) > MOST_SIGNATURES:
        return []
    if not all(STANDARD_SIGNATURE.fullmatch(entry) for entry in entries):
        return []
    return entries
