"""`/countersign`: what waits for whoever asks, told to them alone. It reads, and never decides.

A command comes as a form of its own kind, signed like a click. The answer goes to whoever called, so a
call that comes twice is answered once.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.db import DatabaseError
from slack_sdk import WebClient

from approvals import queries
from approvals.domain.canonical import Malformed
from approvals.services import clock, replays
from integrations.slack import configuration, identity, linking, waiting
from integrations.slack import elements as el
from integrations.slack.elements import Block
from integrations.slack.payloads import FORM, MOST_FIELDS, Account

logger = logging.getLogger(__name__)

KIND = "slash_command"
PROVIDER = "slack-command"
NAME = re.compile(r"/[a-z0-9_-]{1,31}")
ID = re.compile(r"[A-Z0-9]{1,40}")
KEPT = ("command", "text", "user_id", "user_name", "team_id", "enterprise_id", "api_app_id")
LONGEST_TEXT = 4_000
LIST, HELP = "", "help"
STRANGER = (
    "We do not know who you are yet. Link your Slack account, then write {command} again: it lists "
    "what waits for you."
)
AFTER_LINK = "The link works for 15 minutes and for you alone."
FOREIGN = (
    "Nothing is listed. Your Slack account belongs to a workspace whose members do not decide here."
)
FAULT = "We could not look up what waits for you. Nothing was changed. Try again, or open {queue}."
UNKNOWN = "Nothing was done: that is nothing {command} knows."
WHAT_IT_DOES = (
    "{command} lists what waits for you, with a link to each request. Only you see the answer.\n"
    "{command} help says this.\n"
    "Nothing is decided by it: people decide with the buttons of a message, or on the web: {queue}"
)


def from_request(raw: bytes, content_type: str) -> dict[str, Any] | None:
    """The command of a signed request; None for anything else. Raises Malformed."""
    if content_type.split(";")[0].strip().lower() != FORM:
        return None
    try:
        fields = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"
        )
    except ValueError:
        return None  # whoever reads forms of clicks says what is wrong with it
    names = [name for name, _ in fields]
    if "command" not in names or "payload" in names:
        return None
    if len(set(names)) < len(names):
        raise Malformed("A field of the command stands there twice. Nothing was recorded.")
    return _sound(dict(fields))


def from_envelope(payload: object) -> dict[str, Any] | None:
    """The same for what came over a socket. Raises Malformed."""
    is_command = isinstance(payload, dict) and "command" in payload and "type" not in payload
    return _sound(payload) if is_command and isinstance(payload, dict) else None


def is_first(key: str) -> bool:
    """Whether this call did not come before. Raises DatabaseError."""
    return replays.first_time(provider=PROVIDER, key=key, at=clock.now())


def answer(payload: Mapping[str, Any], *, client: WebClient) -> dict[str, Any]:
    """What Slack shall show to whoever called, and to nobody else."""
    command = str(payload["command"])
    asked = str(payload["text"]).strip().lower()
    if asked == HELP:
        return _told([el.words(_spoken(WHAT_IT_DOES, command))])
    if asked != LIST:
        both = f"{_spoken(UNKNOWN, command)}\n{_spoken(WHAT_IT_DOES, command)}"
        return _told([el.words(both)])
    try:
        return _told(_listed(_account(payload), command, client))
    except DatabaseError:
        logger.exception("slack command could not be answered")
        return _told([el.words(_spoken(FAULT, command))])


def _listed(account: Account, command: str, client: WebClient) -> list[Block]:
    at = clock.now()
    try:
        person = identity.person_of(
            account, client=client, configuration=configuration.current(), at=at
        )
    except identity.Foreign:
        return [el.words(FOREIGN)]
    if person is None:
        return _for_stranger(account, command)
    return [
        *waiting.drawn(queries.team_inbox_for(person, at=at)),
        el.small(f"Listed for {person}."),
    ]


def _for_stranger(account: Account, command: str) -> list[Block]:
    label = "Link your Slack account in the web dashboard"
    link = el.button(
        "open", "Link your account", label=label, style="primary", url=linking.url(account)
    )
    row = {"type": "actions", "elements": [link]}
    return [el.words(_spoken(STRANGER, command)), row, el.small(AFTER_LINK)]


def _told(blocks: list[Block]) -> dict[str, Any]:
    """An answer for one person; `text` is what notifications and screen readers use."""
    first = str(blocks[0]["text"]["text"])
    return {"response_type": "ephemeral", "text": first, "blocks": blocks}


def _spoken(words: str, command: str) -> str:
    return words.format(command=command, queue=f"{settings.PUBLIC_URL}/queue")


def _account(payload: Mapping[str, Any]) -> Account:
    name, whole = str(payload["user_name"])[:80], str(payload["enterprise_id"])
    return Account(str(payload["user_id"]), str(payload["team_id"]), name, whole)


def _sound(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a command we use, with the types and lengths they must have. Raises Malformed."""
    kept = {name: fields.get(name) or "" for name in KEPT}
    for name, value in kept.items():
        if not isinstance(value, str) or len(value) > LONGEST_TEXT:
            raise Malformed(f"{name} is not text of a fitting length. Nothing was recorded.")
    if not NAME.fullmatch(kept["command"]) or not ID.fullmatch(kept["user_id"]):
        raise Malformed("The command or who called it is not named. Nothing was recorded.")
    if not ID.fullmatch(kept["team_id"]) or not re.fullmatch(
        f"(?:{ID.pattern})?", kept["enterprise_id"]
    ):
        raise Malformed("The workspace of the command is not named. Nothing was recorded.")
    given = kept.pop("api_app_id")
    return {"type": KIND, **kept, **({"api_app_id": given} if given else {})}
