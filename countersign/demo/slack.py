"""A small stand-in for Slack, on this machine alone: it keeps what is posted and presses buttons.

The clicks are made as Slack makes them, signed with the same secret, and sent to the service's real
address; only the person who presses is played.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode

import httpx

TEAM = "T0DEMO"
SCOPES = "chat:write,commands,users:read,users:read.email,channels:history"
EVENTS = "/integrations/slack/events"
LARGEST_BODY = 1024 * 1024
SECONDS = 10.0
Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Button:
    """A button as it stands on a message now."""

    channel: str
    ts: str
    value: str
    message: Mapping[str, Any]


class StandIn(ThreadingHTTPServer):
    """Slack's Web API as far as the service uses it, for the length of a `with` block."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        self.changed = Condition()
        self.messages: dict[tuple[str, str], Body] = {}
        self.windows: list[str] = []
        self._numbers = itertools.count(1)
        super().__init__(("127.0.0.1", port), _Conversation)

    def approve_button(self, ref: str, *, seconds: float) -> Button | None:
        """The Approve button of a request's card, once it has come; None when it does not in time."""
        with self.changed:
            self.changed.wait_for(lambda: self._button(ref) is not None, timeout=seconds)
            return self._button(ref)

    def shows(self, ref: str, words: str, *, seconds: float) -> bool:
        """Whether the card of a request says this, now or in time."""
        with self.changed:
            return self.changed.wait_for(lambda: words in self._text(ref), timeout=seconds)

    def answer(self, method: str, body: Body) -> Body:
        """Do what a method of the Web API would do."""
        if method in {"chat.postMessage", "chat.update"}:
            return self._keep(body)
        if method in {"views.open", "chat.postEphemeral"}:
            self._told(body)
            return {"ok": True}
        if method == "auth.test":
            return {"ok": True, "user": "countersign", "team": "the demo's own", "team_id": TEAM}
        if method == "conversations.history":
            return {"ok": True, "messages": []}
        return {
            "ok": False,
            "error": "user_not_found" if method == "users.info" else "unknown_method",
        }

    def _keep(self, body: Body) -> Body:
        channel = str(body.get("channel", ""))
        ts = str(body.get("ts") or f"{time.time():.3f}{next(self._numbers) % 1000:03d}")
        with self.changed:
            if not body.get("thread_ts"):
                self.messages[channel, ts] = body
            self.changed.notify_all()
        return {"ok": True, "channel": channel, "ts": ts, "message": {"ts": ts}}

    def _told(self, body: Body) -> None:
        view = body.get("view")
        view = json.loads(view) if isinstance(view, str) else view
        blocks = view.get("blocks", []) if isinstance(view, dict) else []
        words = [
            str(block["text"]["text"]) for block in blocks if isinstance(block.get("text"), dict)
        ]
        with self.changed:
            self.windows.append(" ".join(words) or str(body.get("text", "")))

    def _button(self, ref: str) -> Button | None:
        for (channel, ts), message in reversed(self.messages.items()):
            if _ref(message) == ref:
                value = _approve_value(message)
                return Button(channel, ts, value, dict(message)) if value else None
        return None

    def _text(self, ref: str) -> str:
        return next((json.dumps(m) for m in reversed(self.messages.values()) if _ref(m) == ref), "")

    def __enter__(self) -> Self:
        Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shutdown()
        self.server_close()


class _Conversation(BaseHTTPRequestHandler):
    server: StandIn

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "0")
        raw = self.rfile.read(min(int(length) if length.isdecimal() else 0, LARGEST_BODY))
        is_json = self.headers.get("Content-Type", "").startswith("application/json")
        try:
            body = json.loads(raw or b"{}") if is_json else dict(parse_qsl(raw.decode()))
        except ValueError:
            body = None
        method = self.path.rstrip("/").rpartition("/")[2]
        answer = (
            self.server.answer(method, body)
            if isinstance(body, dict)
            else {"ok": False, "error": "bad"}
        )
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("x-oauth-scopes", SCOPES)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """The demo's output is its own."""


class Clicker:
    """Presses buttons as Slack would tell of it."""

    def __init__(self, service: str, secret: str) -> None:
        self.address = f"{service.rstrip('/')}{EVENTS}"
        self._secret = secret

    def shake_hands(self) -> int:
        """The status the service answers a signed handshake with: 200, or why not."""
        return self._send(
            json.dumps({"type": "url_verification", "challenge": "demo"}), "application/json"
        )

    def press(self, button: Button, *, user: str) -> int:
        """One person presses Approve; the status of the answer."""
        now = f"{time.time():.6f}"
        action = {
            "type": "button",
            "action_id": "approve",
            "block_id": "actions",
            "value": button.value,
        }
        payload = {
            "type": "block_actions",
            "team": {"id": TEAM, "domain": "demo"},
            "user": {"id": user, "username": user.lower(), "name": user.lower(), "team_id": TEAM},
            "api_app_id": "A0DEMO",
            "trigger_id": f"{now}.{user}",
            "container": {"type": "message", "message_ts": button.ts, "channel_id": button.channel},
            "channel": {"id": button.channel, "name": "approvals"},
            "message": {  # as Slack does: all of what was pressed, which may be changed by now
                "ts": button.ts,
                "text": button.message.get("text", ""),
                "blocks": button.message.get("blocks", []),
            },
            "state": {"values": {}},
            "actions": [{**action, "action_ts": now}],
        }
        return self._send(
            urlencode({"payload": json.dumps(payload)}), "application/x-www-form-urlencoded"
        )

    def _send(self, content: str, kind: str) -> int:
        timestamp = str(int(time.time()))
        signed = hmac.new(
            self._secret.encode(), f"v0:{timestamp}:{content}".encode(), hashlib.sha256
        )
        headers = {
            "Content-Type": kind,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": f"v0={signed.hexdigest()}",
        }
        try:
            return httpx.post(
                self.address, content=content, headers=headers, timeout=SECONDS, trust_env=False
            ).status_code
        except httpx.HTTPError:
            return 0


def _ref(message: Mapping[str, Any]) -> str:
    metadata = message.get("metadata")
    metadata = json.loads(metadata) if isinstance(metadata, str) else metadata
    payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
    return str(payload.get("ref", "")) if isinstance(payload, dict) else ""


def _approve_value(message: Mapping[str, Any]) -> str:
    for block in message.get("blocks") or []:
        for element in block.get("elements") or []:
            if element.get("action_id") == "approve":
                return str(element.get("value", ""))
    return ""
