"""What Slack tells us unasked: somebody opened our tab, or a workspace took our access away."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from approvals.domain import canonical
from approvals.domain.canonical import Malformed
from approvals.domain.terms import ActorKind
from approvals.services import clock
from approvals.services.actors import Actor
from integrations.slack import workspaces

logger = logging.getLogger(__name__)

KIND = "event_callback"
HOME = "app_home_opened"
UNINSTALLED = "app_uninstalled"
REVOKED = "tokens_revoked"
HEARD = frozenset({HOME, UNINSTALLED, REVOKED})
ENDINGS = frozenset({UNINSTALLED, REVOKED})
SLACK = Actor(ActorKind.SYSTEM, "slack", "Slack")
JSON = "application/json"
LONGEST_ID = 80


def from_request(raw: bytes, content_type: str) -> dict[str, Any] | None:
    """The event of a signed request; None for anything else. Raises Malformed."""
    if content_type.split(";")[0].strip().lower() != JSON:
        return None
    return sound(canonical.loads(raw))


def from_envelope(payload: object) -> dict[str, Any] | None:
    """The same for what came over a socket and was parsed by another. Raises Malformed."""
    return sound(canonical.loads(json.dumps(payload).encode()))


def sound(payload: object) -> dict[str, Any] | None:
    """The parts of an event we use, with the types they must have; None for what we do not hear."""
    if not isinstance(payload, dict) or payload.get("type") != KIND:
        return None
    event = payload.get("event")
    if not isinstance(event, dict):
        raise Malformed("The event is missing. Nothing was recorded.")
    kind = _text(event, "type")
    if kind not in HEARD:
        return None
    named = ("team_id", "enterprise_id", "api_app_id", "event_id")
    kept = {name: value for name in named if (value := _text(payload, name))}
    heard: dict[str, Any] = {"type": kind, "user": _text(event, "user"), "tab": _text(event, "tab")}
    if kind == REVOKED:
        heard |= {"is_bot": _has_bot(event)}
    return kept | {"type": KIND, "event": heard, "event_time": _time(payload)}


def end(payload: Mapping[str, Any]) -> None:
    """The workspace removed the app or its token: forget it at once, and write that down.

    A word that is older than the present installation ends nothing.
    """
    event = payload["event"]
    if event["type"] == REVOKED and not event["is_bot"]:
        return
    team, enterprise = workspaces.home_of(payload)
    said = datetime.fromtimestamp(payload["event_time"], UTC) if payload["event_time"] else None
    at = min(said, clock.now()) if said else clock.now()
    why = "the app was removed" if event["type"] == UNINSTALLED else "its token was revoked"
    if not workspaces.revoke(team=team, enterprise=enterprise, why=why, by=SLACK, at=at):
        logger.warning("slack ended what is not installed", extra={"team": team})


def _has_bot(event: Mapping[str, Any]) -> bool:
    tokens = event.get("tokens")
    return bool(tokens.get("bot")) if isinstance(tokens, dict) else False


def _time(payload: Mapping[str, Any]) -> int:
    value = payload.get("event_time")
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return value if 0 < value < 2**33 else 0


def _text(holder: Mapping[str, Any], name: str) -> str:
    value = holder.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > LONGEST_ID:
        raise Malformed(f"{name} is not text of a fitting length. Nothing was recorded.")
    return value
