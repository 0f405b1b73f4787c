"""What Slack sends when people press and type, correctly signed."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TEAM, APP = "T1", "A1"
Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Knock:
    """A request as Slack sends it: the signed body and its headers."""

    body: bytes
    headers: Mapping[str, str]


def pressed(button: Body, *, number: int, user: str, team: str) -> Body:
    """A click on a button, without the message it stands on."""
    action = {"type": "button", "block_id": "actions-1", "action_ts": f"{time.time():.6f}"}
    action |= {name: button[name] for name in ("action_id", "value") if name in button}
    return _from(user, team, number) | {
        "type": "block_actions",
        "response_url": "https://hooks.slack.com/actions/T1/1/abc",
        "state": {"values": {}},
        "actions": [action],
    }


def filled(
    view: Body, words: str | None, *, number: int, user: str, team: str, picked: str = ""
) -> Body:
    """A window sent back with words in its input, and with another choice than stood there."""
    inputs = [each for each in view["blocks"] if each["type"] == "input"]
    typed = {each["block_id"]: _held(each["element"], words, picked) for each in inputs}
    return _from(user, team, number) | {
        "type": "view_submission",
        "view": view | {"id": f"V{number}", "state": {"values": typed}},
        "response_urls": [],
        "is_enterprise_install": False,
    }


def _held(element: Body, words: str | None, picked: str) -> Body:
    """What an input holds once somebody filled it."""
    held: Body = {"type": element["type"]}
    if element["type"] != "radio_buttons":
        return {element["action_id"]: held | {"value": words}}
    known = {each["value"]: each for each in element["options"]}
    option = known.get(picked, {"value": picked}) if picked else element["initial_option"]
    return {element["action_id"]: held | {"selected_option": option}}


def _from(user: str, team: str, number: int) -> Body:
    return {
        "team": {"id": TEAM, "domain": "acme"},
        "user": {"id": user, "username": user.lower(), "name": user.lower(), "team_id": team},
        "api_app_id": APP,
        "token": "deprecated",
        "trigger_id": f"trigger.{number}",
    }


def signed(payload: Mapping[str, Any], *, secret: str = SECRET, at: float | None = None) -> Knock:
    """An interaction as Slack posts it: a form with one signed payload."""
    body = urlencode({"payload": json.dumps(payload)}).encode()
    return sign(body, "application/x-www-form-urlencoded", secret=secret, at=at)


def sign(body: bytes, content_type: str, *, secret: str = SECRET, at: float | None = None) -> Knock:
    """Any body under Slack's signature of this second, or of another."""
    timestamp = str(int(time.time() if at is None else at))
    content = b"v0:" + timestamp.encode() + b":" + body
    signature = hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": content_type,
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": f"v0={signature}",
    }
    return Knock(body, headers)
