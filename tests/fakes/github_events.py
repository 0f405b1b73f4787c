"""What GitHub's webhooks carry, signed as GitHub signs them."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.fakes.github import (
    APP,
    HEAD,
    INSTALLATION,
    REPOSITORY,
    REPOSITORY_ID,
    SECRET,
    CheckRun,
    FakeGitHub,
    Gate,
)

Body = dict[str, Any]
SHOP, SHOP_ID = "octo/shop", 555
RUN = 30433642


@dataclass(frozen=True, slots=True)
class Delivered:
    """A webhook as it arrives: the signed body and its headers."""

    body: bytes
    headers: Mapping[str, str]


def user(number: int, *, kind: str = "User") -> Body:
    return {"id": number, "login": f"user-{number}", "type": kind, "site_admin": False}


def repository(name: str, number: int) -> Body:
    return {
        "repository": {"id": number, "name": name.split("/")[1], "full_name": name},
        "installation": {"id": INSTALLATION},
    }


def waiting(fake: FakeGitHub, *, run: int = RUN, sender: int = 900, **changes: Any) -> Body:
    """A deployment begins to wait for us."""
    environment = changes.get("environment", "production")
    fake.gates[run] = Gate(environment)
    return {
        "action": "requested",
        "environment": environment,
        "event": "push",
        "deployment_callback_url": (
            f"{fake.url}/repos/{SHOP}/actions/runs/{run}/deployment_protection_rule"
        ),
        "deployment": {
            "id": run + 1,
            "sha": HEAD,
            "ref": "main",
            "environment": environment,
            "creator": user(sender),
        },
        "pull_requests": [],
        "sender": user(sender),
        **repository(SHOP, SHOP_ID),
        **changes,
    }


def pressed(fake: FakeGitHub, check: CheckRun, verdict: str, *, by: int) -> Body:
    """Somebody clicks a button that stands on a check run now."""
    return {
        "action": "requested_action",
        "check_run": fake.told(check) | {"app": {"id": APP}, "check_suite": {"id": 1}},
        "requested_action": {"identifier": check.button(verdict)},
        "sender": user(by),
        **repository(REPOSITORY, REPOSITORY_ID),
    }


def reviewed(
    state: str, *, by: int, commit: str = HEAD, head: str = HEAD, number: int = 7, **changes: Any
) -> Body:
    """Somebody reviews a pull request; `dismissed` is another action with the same shape."""
    said = {
        "id": 5_000 + by,
        "user": user(by),
        "state": state,
        "body": None,
        "commit_id": commit,
        "submitted_at": "2026-11-22T12:00:00Z",
    }
    return {
        "action": "dismissed" if state == "dismissed" else "submitted",
        "review": said | changes,
        "pull_request": {"number": number, "state": "open", "head": {"sha": head}},
        "sender": user(by),
        **repository(REPOSITORY, REPOSITORY_ID),
    }


def signed(event: str, body: Body, *, secret: str = SECRET, guid: str = "") -> Delivered:
    return sign(event, json.dumps(body).encode(), secret=secret, guid=guid)


def sign(event: str, raw: bytes, *, secret: str = SECRET, guid: str = "") -> Delivered:
    """Any body under GitHub's signature; the names beside it are not signed."""
    headers = {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": guid or str(uuid4()),
        "X-Hub-Signature-256": f"sha256={hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()}",
    }
    return Delivered(raw, headers)
