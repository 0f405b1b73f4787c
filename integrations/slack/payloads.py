"""Read what Slack sends, and refuse what Slack would never send.

A valid signature says who sent the bytes, not that they make sense; nothing here trusts a type.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from approvals.domain import canonical
from approvals.domain.canonical import Malformed

INTERACTIONS = frozenset({"block_actions", "view_submission", "view_closed"})
HANDSHAKE = "url_verification"
FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 64
# Slack sends these as objects or not at all; its own framework reads into them without looking.
OBJECTS = (
    "team",
    "user",
    "channel",
    "container",
    "enterprise",
    "event",
    "function_data",
    "message",
    "state",
    "view",
)
TEXTS = ("api_app_id", "challenge", "enterprise_id", "team_id", "token", "trigger_id", "user_id")
NEVER = ("assistant_thread", "authorizations", "item", "previous_message", "response_urls")


@dataclass(frozen=True, slots=True)
class Account:
    """Who clicked: a user of a workspace.

    `enterprise` is the organisation of the workspace they clicked in, where they are at home there.
    """

    user: str
    team: str
    name: str
    enterprise: str = ""

    @property
    def external_id(self) -> str:
        return f"{self.team}:{self.user}" if self.team else self.user

    def __str__(self) -> str:
        return (
            f"slack {self.external_id} ({self.name})" if self.name else f"slack {self.external_id}"
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a click was made. `ts` is empty where Slack named no message."""

    channel: str
    channel_name: str
    ts: str


def from_request(raw: bytes, content_type: str) -> dict[str, Any] | None:
    """The payload of a signed request; None for kinds we have no use for. Raises Malformed."""
    return _of_use(canonical.loads(_json_part(raw, content_type)))


def from_envelope(payload: object) -> dict[str, Any] | None:
    """The same for what came over a socket and was parsed by another. Raises Malformed."""
    return _of_use(canonical.loads(json.dumps(payload).encode()))


def is_ssl_check(raw: bytes) -> bool:
    """Slack's unsigned question whether our certificate is good: these fields and nothing else."""
    try:
        fields = dict(parse_qsl(raw.decode("ascii"), max_num_fields=4))
    except ValueError:
        return False
    return fields.get("ssl_check") == "1" and set(fields) <= {"ssl_check", "token"}


def account(payload: Mapping[str, Any]) -> Account:
    """Who acts. Raises Malformed when Slack did not say."""
    user, team = payload.get("user") or {}, payload.get("team") or {}
    name = _text(user, "username") or _text(user, "name")
    home = _text(user, "team_id") or _text(team, "id")
    whole = _text(payload.get("enterprise") or {}, "id")
    at_home = home in (_text(team, "id"), whole)
    found = Account(_text(user, "id"), home, name[:80], whole if at_home else "")
    if not found.user or len(found.user) > 40 or len(found.team) > 40:
        raise Malformed("The user who acted is not named. Nothing was recorded.")
    return found


def action(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The one button that was pressed. Raises Malformed."""
    actions = payload.get("actions")
    if not isinstance(actions, list) or not actions or not isinstance(actions[0], dict):
        raise Malformed("No button is named. Nothing was recorded.")
    pressed: dict[str, Any] = actions[0]
    for name in ("action_id", "block_id", "value", "type"):
        _text(pressed, name)
    if not pressed.get("action_id"):
        raise Malformed("The button has no action_id. Nothing was recorded.")
    return pressed


def place(payload: Mapping[str, Any]) -> Place:
    """Where the button stood. Raises Malformed for wrong types."""
    channel, box = payload.get("channel") or {}, payload.get("container") or {}
    message = payload.get("message") or {}
    return Place(
        channel=_text(channel, "id") or _text(box, "channel_id"),
        channel_name=_text(channel, "name"),
        ts=_text(box, "message_ts") or _text(message, "ts"),
    )


def words(payload: Mapping[str, Any], block: str) -> str:
    """What was typed into the input block of this name; empty when nothing was."""
    for held in _inputs(payload, block):
        if isinstance(held.get("value"), str):
            return str(held["value"])
    return ""


def picked(payload: Mapping[str, Any], block: str) -> str:
    """What was picked in the input block of this name; empty when nothing was."""
    for held in _inputs(payload, block):
        option = held.get("selected_option")
        if isinstance(option, dict):
            return _text(option, "value")
    return ""


def _inputs(payload: Mapping[str, Any], block: str) -> list[dict[str, Any]]:
    """What a window's input block of this name holds."""
    view = payload.get("view") or {}
    state = view.get("state")
    values = state.get("values") if isinstance(state, dict) else None
    inputs = values.get(block) if isinstance(values, dict) else None
    found = inputs.values() if isinstance(inputs, dict) else ()
    return [held for held in found if isinstance(held, dict)]


def _json_part(raw: bytes, content_type: str) -> bytes:
    """The JSON of a request: its `payload` field, or all of it."""
    if content_type.split(";")[0].strip().lower() != FORM:
        return raw
    try:
        text = raw.decode("ascii")
        fields = parse_qsl(text, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise Malformed("The form is not readable. Nothing was recorded.") from None
    parts = [value for name, value in fields if name == "payload"]
    if len(parts) > 1:
        raise Malformed("There are two payloads. Nothing was recorded.")
    return parts[0].encode() if parts else b"{}"


def _of_use(payload: object) -> dict[str, Any] | None:
    if not isinstance(payload, dict):
        raise Malformed("The payload is not an object. Nothing was recorded.")
    kind = _text(payload, "type")
    if kind == HANDSHAKE:
        return {"type": HANDSHAKE, "challenge": _text(payload, "challenge")}
    return _sound_interaction(payload) if kind in INTERACTIONS else None


def _sound_interaction(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A click or a submitted form whose parts have the types they must have."""
    sound = _sound(payload)
    account(sound)
    if sound["type"] == "block_actions":
        action(sound)
        place(sound)
        return sound
    view = sound.get("view")
    if not view or not _text(view, "type"):
        raise Malformed("The view is missing. Nothing was recorded.")
    known = {name: _text(view, name) for name in ("callback_id", "private_metadata")}
    return sound | {"view": view | known}


def _sound(payload: Mapping[str, Any]) -> dict[str, Any]:
    sound = {name: value for name, value in payload.items() if name not in NEVER}
    for name in OBJECTS:
        if sound.get(name) is None:
            sound.pop(name, None)
        elif not isinstance(sound[name], dict):
            raise Malformed(f"{name} is not an object. Nothing was recorded.")
    for name in TEXTS:
        _text(sound, name)
    return sound


def _text(holder: Mapping[str, Any], name: str) -> str:
    value = holder.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{name} is not text. Nothing was recorded.")
    return value
