"""A Slack that lives: channels, messages, people, windows; and it misbehaves on command.

A real server on a real socket. It refuses what Slack would refuse, `will` do next what it is told,
and makes the correctly signed clicks that people would. A test that sent it anything beyond Slack's
limits fails when the server is left, whatever became of the message.
"""

from __future__ import annotations

import itertools
import json
import time
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl

from tests.fakes import block_kit
from tests.fakes.knocks import SECRET, TEAM, Body, Knock, filled, pressed, signed
from tests.fakes.listening import Listening
from tests.fakes.slack_faults import Fault, broken, done_and_gone, limited, slow
from tests.fakes.slack_kept import Call, Posted

__all__ = ["FakeSlack", "Fault", "Posted", "broken", "done_and_gone", "limited", "slow"]
TOKEN = "xoxb-of-the-tests"


class FakeSlack(Listening, ThreadingHTTPServer):
    """Listen on loopback for the length of a `with` block."""

    daemon_threads = False

    def __init__(self) -> None:
        self.channels = {"C1": "approvals", "C2": "elsewhere"}
        self.users: dict[str, Body] = {}
        self.messages: dict[tuple[str, str], Posted] = {}
        self.views: list[Body] = []
        self.whispers: list[Body] = []
        self.calls: list[Call] = []
        self.wrong: list[str] = []
        self.missing_scopes: set[str] = set()
        self.socket_url = ""
        self.closing = Event()
        self.weather: Callable[[str], Fault | str | None] = lambda _method: None
        self._next: dict[str, deque[Fault | str]] = {}
        self._lock = Lock()
        self._numbers = itertools.count(1)
        super().__init__(("127.0.0.1", 0), _Conversation)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        if error is None and self.wrong:
            raise AssertionError("Slack was sent what it would not take:\n" + "\n".join(self.wrong))

    @property
    def url(self) -> str:
        """What SLACK_API_URL must be."""
        return f"http://127.0.0.1:{self.server_address[1]}/api/"

    @property
    def posted(self) -> list[Posted]:
        """The messages in the channels, oldest first."""
        return list(self.messages.values())

    @property
    def settings(self) -> dict[str, str]:
        """The settings that point the service here."""
        return {
            "SLACK_API_URL": self.url,
            "SLACK_BOT_TOKEN": TOKEN,
            "SLACK_SIGNING_SECRET": SECRET,
            "SLACK_CHANNEL": "C1",
        }

    def add_user(self, user: str, *, email: str = "", **flags: Any) -> str:
        """Somebody with an account; `flags` such as is_restricted or team_id."""
        profile = {"email": email} if email else {}
        person: Body = {"id": user, "team_id": TEAM, "name": user.lower(), "profile": profile}
        self.users[user] = person | flags
        return user

    def will(self, method: str, *faults: Fault | str) -> None:
        """Do this to the next calls of a method: a fault, or an error word to answer with."""
        self._next.setdefault(method, deque()).extend(faults)

    def called(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    def click(
        self, message: Posted, action_id: str, *, user: str = "U1", team: str = TEAM, **changes: Any
    ) -> Knock:
        """Somebody presses a button of a message, as the message now stands."""
        button = message.button(action_id)
        if button is None:
            raise AssertionError(f"The message has no button {action_id}.")
        return signed(self.press(message, button, user=user, team=team) | changes)

    def press(self, message: Posted, button: Body, *, user: str = "U1", team: str = TEAM) -> Body:
        """The payload of a click, before it is signed."""
        stands = {
            "container": {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": message.channel,
                "is_ephemeral": False,
            },
            "channel": {"id": message.channel, "name": self.channels[message.channel]},
            "message": {"ts": message.ts, "text": message.text, "blocks": message.blocks},
        }
        return pressed(button, number=next(self._numbers), user=user, team=team) | stands

    def submit(
        self, view: Body, words: str | None, *, user: str = "U1", team: str = TEAM, picked: str = ""
    ) -> Knock:
        """Somebody fills a window, picks something else where `picked` says so, and sends it."""
        number = next(self._numbers)
        return signed(filled(view, words, number=number, user=user, team=team, picked=picked))

    def fault_for(self, method: str) -> Fault | str | None:
        waiting = self._next.get(method)
        return waiting.popleft() if waiting else self.weather(method)

    def answer(self, call: Call) -> Body:
        if call.method in self.missing_scopes:
            return {"ok": False, "error": "missing_scope"}
        act = _METHODS.get(call.method)
        with self._lock:
            return act(self, call.body) if act else {"ok": False, "error": "unknown_method"}

    def post(self, body: Body) -> Body:
        channel = self._channel(str(body.get("channel", "")))
        if channel is None:
            return {"ok": False, "error": "channel_not_found"}
        if block_kit.faults(body.get("blocks")):
            return {"ok": False, "error": "invalid_blocks"}
        ts = f"{int(time.time())}.{next(self._numbers):06d}"
        self.messages[channel, ts] = Posted(channel, ts, body)
        return {"ok": True, "channel": channel, "ts": ts, "message": {"ts": ts}}

    def update(self, body: Body) -> Body:
        message = self.messages.get((str(body.get("channel")), str(body.get("ts"))))
        if message is None:
            return {"ok": False, "error": "message_not_found"}
        if block_kit.faults(body.get("blocks")):
            return {"ok": False, "error": "invalid_blocks"}
        if len(body.get("text", "")) > 4_000:
            return {"ok": False, "error": "msg_too_long"}
        message.content = message.content | body
        message.edits += 1
        return {"ok": True, "channel": message.channel, "ts": message.ts}

    def history(self, body: Body) -> Body:
        """A page of a channel, newest first; replies stand in their thread alone."""
        there = [m for m in self.posted if m.channel == body.get("channel")]
        return _page([m for m in there[::-1] if "thread_ts" not in m.content], body)

    def replies(self, body: Body) -> Body:
        """A page of a thread: its root, and its replies from the oldest."""
        there = [m for m in self.posted if m.channel == body.get("channel")]
        root = str(body.get("ts"))
        return _page([m for m in there if root in (m.ts, m.content.get("thread_ts"))], body)

    def joined(self, body: Body) -> Body:
        """A page of the channels the app is in."""
        named = [{"id": number, "name": name} for number, name in self.channels.items()]
        start, limit = int(body.get("cursor") or 0), int(body.get("limit", 100))
        more = {"next_cursor": str(start + limit)} if len(named) > start + limit else {}
        return {"ok": True, "channels": named[start : start + limit], "response_metadata": more}

    def open_conversation(self, body: Body) -> Body:
        """Somebody's own conversation with the bot, always the same."""
        user = str(body.get("users", ""))
        if not user.startswith(("U", "W")):
            return {"ok": False, "error": "user_not_found"}
        self.channels.setdefault(f"D{user}", f"direct-{user.lower()}")
        return {"ok": True, "channel": {"id": f"D{user}"}}

    def open_view(self, body: Body) -> Body:
        if not body.get("trigger_id"):
            return {"ok": False, "error": "invalid_trigger_id"}
        view = body["view"] if isinstance(body["view"], dict) else json.loads(body["view"])
        if block_kit.view_faults(view):
            return {"ok": False, "error": "invalid_arguments"}
        self.views.append(view)
        return {"ok": True, "view": view}

    def whisper(self, body: Body) -> Body:
        self.whispers.append(body)
        return {"ok": True, "message_ts": "1.1"}

    def user_info(self, body: Body) -> Body:
        user = self.users.get(str(body.get("user")))
        return {"ok": True, "user": user} if user else {"ok": False, "error": "user_not_found"}

    def open_socket(self, body: Body) -> Body:
        return {"ok": True, "url": self.socket_url}

    def _channel(self, name: str) -> str | None:
        by_name = {f"#{named}": channel for channel, named in self.channels.items()}
        return name if name in self.channels else by_name.get(name)


class _Conversation(BaseHTTPRequestHandler):
    server: FakeSlack

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        is_json = self.headers.get("content-type", "").startswith("application/json")
        body = json.loads(raw or b"{}") if is_json else dict(parse_qsl(raw.decode()))
        self.call = Call(self.path.removeprefix("/api/"), body)
        self.server.calls.append(self.call)
        faults = block_kit.wrong_with(self.call.method, body)
        self.server.wrong += [f"{self.call.method}: {fault}" for fault in faults]
        fault = self.server.fault_for(self.call.method)
        if callable(fault):
            fault(self)
        elif fault:
            self.reply({"ok": False, "error": fault})
        else:
            self.do()

    def do(self) -> None:
        """Do what was asked, and say so."""
        self.reply(self.act())

    def act(self) -> Body:
        self.call.answer = self.server.answer(self.call)
        return self.call.answer

    def reply(self, body: Body, *, status: int = 200, **headers: str) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(raw)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the output of the tests quiet."""


_METHODS: dict[str, Callable[[FakeSlack, Body], Body]] = {
    "apps.connections.open": FakeSlack.open_socket,
    "chat.postMessage": FakeSlack.post,
    "chat.update": FakeSlack.update,
    "chat.postEphemeral": FakeSlack.whisper,
    "conversations.history": FakeSlack.history,
    "conversations.open": FakeSlack.open_conversation,
    "conversations.replies": FakeSlack.replies,
    "users.conversations": FakeSlack.joined,
    "users.info": FakeSlack.user_info,
    "views.open": FakeSlack.open_view,
}


def _page(found: list[Posted], asked: Body) -> Body:
    found = [m for m in found if float(m.ts) >= float(asked.get("oldest", 0))]
    start, limit = int(asked.get("cursor") or 0), int(asked.get("limit", 100))
    listed = [{"ts": m.ts, "text": m.text, **_metadata(m)} for m in found[start : start + limit]]
    more = {"next_cursor": str(start + limit)} if len(found) > start + limit else {}
    return {"ok": True, "messages": listed, "response_metadata": more}


def _metadata(message: Posted) -> Body:
    return {"metadata": message.content["metadata"]} if "metadata" in message.content else {}
