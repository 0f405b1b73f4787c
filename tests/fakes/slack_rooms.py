"""The same Slack with more of its rooms: threads, home tabs, installations, and what set-up asks.

It remembers under which token each call came, and says what that token may do.
"""

from __future__ import annotations

import json
from typing import Any

from tests.fakes.knocks import APP, TEAM, Body, Knock, pressed, sign, signed
from tests.fakes.slack import TOKEN, FakeSlack, Posted, _Conversation
from tests.fakes.slack_kept import Call

SCOPES = (
    "channels:history,channels:read,chat:write,commands,groups:history,groups:read,im:history,"
    "im:write,users:read,users:read.email"
)


class RoomySlack(FakeSlack):
    """A Slack for several workspaces; `codes` are what it lets be changed for tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens: list[tuple[str, str]] = []
        self.scopes = SCOPES
        self.names_scopes = True
        self.homes: dict[str, Body] = {}
        self.codes: dict[str, Body] = {}
        self.private = {"C1", "C2"}
        self.member_of = {"C1", "C2"}
        self.RequestHandlerClass = _Heard

    def answer(self, call: Call) -> Body:
        more = {
            "conversations.replies": self._replies,
            "views.publish": self._publish,
            "oauth.v2.access": self._exchange,
            "auth.test": self._who,
            "conversations.info": self._channel_info,
        }.get(call.method)
        if more is None or call.method in self.missing_scopes:
            return super().answer(call)
        return more(call.body)

    def tokens_of(self, method: str) -> list[str]:
        """Under which tokens a method was called, oldest first."""
        return [token for called, token in self.tokens if called == method]

    def in_thread(self, root: Posted) -> list[Posted]:
        """What stands in the thread of a message."""
        return [m for m in self.posted if m.content.get("thread_ts") == root.ts]

    def offer(self, code: str, team: str, /, **changes: Any) -> str:
        """Let a code be changed once for a token of this workspace; returns the token."""
        token = f"xoxb-{team.lower()}"
        self.codes[code] = {
            "ok": True,
            "access_token": token,
            "token_type": "bot",
            "scope": self.scopes,
            "bot_user_id": f"UB{team}",
            "app_id": APP,
            "team": {"id": team, "name": f"Team {team}"},
            "enterprise": None,
            "is_enterprise_install": False,
            "authed_user": {"id": "U1"},
        } | changes
        return token

    def switch(self, user: str, action_id: str, *, team: str = TEAM) -> Knock:
        """Somebody presses a button on their home tab."""
        elements = [e for b in self.homes[user]["blocks"] for e in b.get("elements", ())]
        button = next(e for e in elements if e.get("action_id") == action_id)
        payload = pressed(button, number=next(self._numbers), user=user, team=team)
        view = {"id": "V1", "type": "home", "blocks": self.homes[user]["blocks"]}
        return signed(payload | {"container": {"type": "view", "view_id": "V1"}, "view": view})

    def _replies(self, body: Body) -> Body:
        found = [m for m in self.posted if body["ts"] in (m.ts, m.content.get("thread_ts"))]
        listed = [{"ts": m.ts, "metadata": m.content.get("metadata", {})} for m in found]
        return {"ok": True, "messages": listed}

    def _publish(self, body: Body) -> Body:
        view = body["view"] if isinstance(body["view"], dict) else json.loads(body["view"])
        self.homes[str(body["user_id"])] = view
        return {"ok": True, "view": view}

    def _exchange(self, body: Body) -> Body:
        return self.codes.pop(str(body.get("code")), {"ok": False, "error": "invalid_code"})

    def _who(self, body: Body) -> Body:
        return {"ok": True, "user": "countersign", "team": "Acme", "team_id": TEAM, "bot_id": "B1"}

    def _channel_info(self, body: Body) -> Body:
        channel = str(body.get("channel"))
        if channel not in self.channels:
            return {"ok": False, "error": "channel_not_found"}
        facts = {"id": channel, "name": self.channels[channel], "is_archived": False}
        facts |= {"is_private": channel in self.private, "is_member": channel in self.member_of}
        return {"ok": True, "channel": facts}


class _Heard(_Conversation):
    server: RoomySlack

    def do_POST(self) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.server.tokens.append((self.path.removeprefix("/api/"), token))
        super().do_POST()

    def reply(self, body: Body, *, status: int = 200, **headers: str) -> None:
        named = {"X_OAuth_Scopes": self.server.scopes} if self.server.names_scopes else {}
        super().reply(body, status=status, **named, **headers)


def event(kind: str, *, team: str = TEAM, user: str = "U1", at: int = 0, **more: Any) -> Knock:
    """An event as Slack posts it: JSON, signed."""
    body: Body = {
        "token": "deprecated",
        "team_id": team,
        "api_app_id": APP,
        "type": "event_callback",
        "event_id": f"Ev{kind}{team}",
        "event_time": at,
        "event": {"type": kind, "user": user, "channel": "D1", "tab": "home"} | more,
        "authorizations": [{"team_id": team, "is_bot": True}],
    }
    return sign(json.dumps(body).encode(), "application/json")


__all__ = ["TOKEN", "RoomySlack", "event"]
