"""Every signature that a vendor publishes as an example is judged here as its vendor judges it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from integrations import inbound

PUBLISHED = json.loads(Path(__file__).with_name("signature_vectors.json").read_text())
Vector = Mapping[str, Any]


def slack(vector: Vector, body: bytes) -> bool:
    return inbound.slack_signature_is_valid(
        secret=vector["secret"],
        timestamp=vector["timestamp"],
        signature=vector["signature"],
        body=body,
        now=float(vector["timestamp"]),
    )


def github(vector: Vector, body: bytes) -> bool:
    return inbound.github_signature_is_valid(
        secrets=[vector["secret"]], signature=vector["signature"], body=body
    )


def pagerduty(vector: Vector, body: bytes) -> bool:
    return inbound.pagerduty_signature_is_valid(
        secrets=[vector["secret"]], signature_header=vector["signature"], body=body
    )


def standard(vector: Vector, body: bytes) -> bool:
    return inbound.standard_webhook_is_valid(
        secrets=[vector["secret"]],
        message_id=vector["id"],
        timestamp=vector["timestamp"],
        signature_header=vector["signature"],
        body=body,
        now=float(vector["timestamp"]),
    )


JUDGES: Mapping[str, Callable[[Vector, bytes], bool]] = {
    "slack-v0": slack,
    "github-x-hub-signature-256": github,
    "pagerduty-v3": pagerduty,
    "standard-webhooks-v1": standard,
}


@pytest.mark.parametrize("vector", PUBLISHED["vectors"], ids=lambda each: each["scheme"])
def test_a_published_signature_is_judged_as_published(vector: Vector) -> None:
    judge, body = JUDGES[vector["scheme"]], PUBLISHED["bodies"][vector["body"]].encode()
    assert judge(vector, body) is vector["valid"]
    assert not judge(vector, body + b" ")
    assert not judge({**vector, "secret": vector["secret"][:-4] + "AAAA"}, body)


def test_every_scheme_that_is_believed_here_has_a_valid_example() -> None:
    assert {each["scheme"] for each in PUBLISHED["vectors"] if each["valid"]} == set(JUDGES)
