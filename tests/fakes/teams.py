"""A Teams that lives: it issues and checks tokens, keeps conversations and messages, and misbehaves.

A real server on a real socket, for Microsoft's three addresses at once: tokens, keys, connector;
and for a workflow's. It refuses what Teams would refuse, and makes the signed calls it would make.
"""

from __future__ import annotations

import base64
import itertools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import unquote

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.fakes import adaptive
from tests.fakes.server import Answer, Call, Fault, Vendor

Body = dict[str, Any]
APP, PASSWORD = "5e4c3b2a-0000-4000-8000-00000000abcd", "the-bot-secret~8Q"
TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
BOT = f"28:{APP}"
ROOM = "19:approvals@thread.tacv2"
SIG = "a-signature-that-is-a-secret"
KID = "key-1"
SCOPE = "https://api.botframework.com/.default"


@dataclass(slots=True)
class Sent:
    """One message; `edits` counts how often it was replaced."""

    conversation: str
    id: str
    activity: Body
    edits: int = 0

    @property
    def card(self) -> Body:
        return (
            self.activity["attachments"][0]["content"] if self.activity.get("attachments") else {}
        )

    @property
    def buttons(self) -> dict[str, Body]:
        return adaptive.buttons(self.card)

    @property
    def text(self) -> str:
        return json.dumps(self.activity, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Knock:
    """A call as Microsoft makes it."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@cache
def private_key(name: str) -> rsa.RSAPrivateKey:
    """A key of this name, the same in a whole run; making one takes its time."""
    del name
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def guid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


class FakeTeams(Vendor):
    """Listens on loopback for the length of a `with` block. Faults are done to messages alone;
    `token_faults` to the calls for a token."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[str, list[str]] = {KID: ["msteams"]}
        self.rooms = {ROOM}
        self.messages: dict[tuple[str, str], Sent] = {}
        self.told: list[Body] = []
        self.wrong: list[str] = []
        self.tokens: set[str] = set()
        self.token_life = 3600
        self.token_faults: list[Fault] = []
        self._numbers = itertools.count(1)

    @property
    def service_url(self) -> str:
        return f"{self.url}/emea"

    @property
    def sent(self) -> list[Sent]:
        return list(self.messages.values())

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that point the service here."""
        return {
            "TEAMS_APP_ID": APP,
            "TEAMS_APP_PASSWORD": PASSWORD,
            "TEAMS_TENANT_ID": TENANT,
            "TEAMS_CHANNEL": ROOM,
            "TEAMS_TOKEN_URL": f"{self.url}/{TENANT}/oauth2/v2.0/token",
            "TEAMS_KEYS_URL": f"{self.url}/v1/.well-known/keys",
            "WEBHOOK_ALLOW_PRIVATE": True,
        }

    @property
    def workflow_url(self) -> str:
        return f"{self.url}/workflows/abc/triggers/manual/paths/invoke?api-version=1&sig={SIG}"

    def fault(self) -> Fault | None:
        path = self.calls[-1].path
        if path.endswith("/token"):
            return self.token_faults.pop(0) if self.token_faults else None
        return None if path.endswith("/keys") else super().fault()

    def answer(self, call: Call) -> Answer:
        if call.path.endswith("/oauth2/v2.0/token"):
            return self._token(call)
        if call.path == "/v1/.well-known/keys":
            return Answer(200, {"keys": [_jwk(kid, self.keys[kid]) for kid in self.keys]})
        if call.path.startswith("/workflows/"):
            return self._workflow(call)
        if call.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return _refuse(401, "Unauthorized")
        return self._message(call)

    def _token(self, call: Call) -> Answer:
        form = call.body if isinstance(call.body, dict) else {}
        wanted = {"grant_type": "client_credentials", "scope": SCOPE}
        known = {"client_id": APP, "client_secret": PASSWORD}
        if TENANT not in call.path or form != wanted | known:
            return Answer(401, {"error": "invalid_client"})
        token = f"bot-token-{next(self._numbers)}"
        self.tokens.add(token)
        body = {"token_type": "Bearer", "expires_in": self.token_life, "access_token": token}
        return Answer(200, body)

    def _message(self, call: Call) -> Answer:
        parts = call.path.removeprefix("/emea/v3/conversations/").split("/")
        room = unquote(parts[0])
        if room not in self.rooms:
            return _refuse(404, "ConversationNotFound")
        wrong = _faults(call.body)
        self.wrong += wrong
        if wrong:
            return _refuse(400, "BadSyntax", str(wrong))
        if call.method == "POST" and len(parts) == 2:
            number = f"17{next(self._numbers):011d}"
            self.messages[room, number] = Sent(room, number, call.body)
            return Answer(201, {"id": number})
        message = self.messages.get((room, unquote(parts[2]))) if len(parts) == 3 else None
        if call.method != "PUT" or message is None:
            return _refuse(404, "ActivityNotFoundInConversation")
        message.activity, message.edits = call.body, message.edits + 1
        return Answer(200, {"id": message.id})

    def _workflow(self, call: Call) -> Answer:
        if call.query.get("sig") != SIG:
            return _refuse(401, "DirectApiAuthorizationRequired")
        wrong = _faults(call.body)
        self.wrong += wrong
        if wrong:
            return _refuse(400, "BadSyntax", str(wrong))
        self.told.append(call.body)
        return Answer(202)

    def signed(self, activity: Body, **changes: Any) -> Knock:
        """An activity as Microsoft brings it; a change of a claim to None leaves it out."""
        return Knock(
            json.dumps(activity).encode(), {"Authorization": f"Bearer {self.jwt(**changes)}"}
        )

    def jwt(self, *, key: str = KID, kid: str | None = None, **changes: Any) -> str:
        """A token for the bot, signed with the key of this name under its own id or another."""
        now = int(time.time())
        claims = {
            "iss": "https://api.botframework.com",
            "aud": APP,
            "nbf": now - 60,
            "exp": now + 3_000,
            "serviceurl": f"{self.service_url}/",
        } | changes
        said = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(said, private_key(key), "RS256", headers={"kid": kid or key})

    def click(
        self,
        message: Sent,
        verb: str,
        *,
        by: int = 1,
        words: str = "",
        why: str | None = None,
        **changes: Any,
    ) -> Body:
        """Somebody presses a button of a message, writes into its input, and picks of its list: what stands
        there already, or something else, unless `why` says what."""
        data = {**message.buttons[verb]["data"], **filled(message.card, verb, words, why)}
        return self.invoke(message, verb, data, by=by) | changes

    def refresh(self, message: Sent, *, by: int = 1) -> Body:
        """Somebody's Teams asks for a view of their own."""
        action = message.card["refresh"]["action"]
        return self.invoke(message, "refresh", action["data"], by=by, trigger="automatic")

    def invoke(
        self, message: Sent, verb: str, data: Body, *, by: int = 1, trigger: str = "manual"
    ) -> Body:
        """A click, as Teams tells of it."""
        action = {"type": "Action.Execute", "id": "", "verb": verb, "data": data}
        return self._from(by, message.conversation) | {
            "type": "invoke",
            "name": "adaptiveCard/action",
            "id": f"f:{next(self._numbers)}",
            "replyToId": message.id,
            "value": {"action": action, "trigger": trigger},
        }

    def submit(self, message: Sent, verb: str, *, by: int = 1, words: str = "") -> Body:
        """The same from a client that does not know Action.Execute."""
        carried = message.buttons[verb]["fallback"]["data"]
        data = {**carried, **filled(message.card, verb, words, None)}
        return self._from(by, message.conversation) | {
            "type": "message",
            "id": str(next(self._numbers)),
            "replyToId": message.id,
            "value": data,
        }

    def update(self, kind: str = "conversationUpdate", *, room: str = ROOM, **changes: Any) -> Body:
        """News of a conversation: an installation, people who came."""
        team = {"id": ROOM, "name": "Ops"}
        told: Body = self._from(1, room) | {"type": kind, "id": f"f:{next(self._numbers)}"}
        told["channelData"] |= {"team": team}
        return told | changes

    def _from(self, by: int, room: str) -> Body:
        return {
            "channelId": "msteams",
            "serviceUrl": f"{self.service_url}/",
            "from": person(by),
            "conversation": {
                "id": room,
                "tenantId": TENANT,
                "conversationType": "personal" if room.startswith("a:") else "channel",
            },
            "recipient": {"id": BOT, "name": "Countersign"},
            "channelData": {"tenant": {"id": TENANT}},
        }


def person(number: int) -> Body:
    """Somebody as Teams names them."""
    return {"id": f"29:{number}", "name": f"Person {number}", "aadObjectId": guid(number)}


def filled(card: Body, verb: str, words: str, why: str | None) -> Body:
    """What stands in the inputs beside the button of this verb once somebody filled them."""
    shown = [each["card"] for each in card.get("actions", ()) if "card" in each]
    beside = [each for each in shown if verb in adaptive.buttons(each)]
    parts = [each for one in beside for each in adaptive.every(one)]
    said = {each["id"]: words for each in parts if each.get("type") == "Input.Text"}
    lists = [each for each in parts if each.get("type") == "Input.ChoiceSet"]
    return said | {each["id"]: each.get("value", "other") if why is None else why for each in lists}


def _jwk(kid: str, endorsements: list[str]) -> Body:
    numbers = private_key(kid).public_key().public_numbers()
    size = (numbers.n.bit_length() + 7) // 8
    modulus = base64.urlsafe_b64encode(numbers.n.to_bytes(size, "big")).rstrip(b"=").decode()
    named = {"endorsements": endorsements} if endorsements else {}
    return {"kty": "RSA", "use": "sig", "kid": kid, "n": modulus, "e": "AQAB"} | named


def _faults(activity: Any) -> list[str]:
    if not isinstance(activity, dict) or activity.get("type") != "message":
        return ["it is no message"]
    found = []
    if "text" in activity:
        found.append("words outside a card are read as Markdown")
    for attached in activity.get("attachments") or [{}]:
        if attached.get("contentType") != "application/vnd.microsoft.card.adaptive":
            found.append("it has no card")
        found += adaptive.faults(attached.get("content"))
    if adaptive.weight(activity) > adaptive.MOST_BYTES:
        found.append("it is too large")
    return found


def _refuse(status: int, code: str, message: str = "") -> Answer:
    return Answer(status, {"error": {"code": code, "message": message or code}})
