"""Read what Teams sends, and refuse what Teams would never send.

A good token says who sent the bytes, not that they make sense; nothing here trusts a type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from approvals.domain import canonical
from approvals.domain.canonical import Malformed
from integrations.teams.tokens import trimmed

CHANNEL = "msteams"
INVOKE, MESSAGE = "invoke", "message"
PLACES = frozenset({"installationUpdate", "conversationUpdate"})
CARD_ACTION = "adaptiveCard/action"
GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
THREAD = ";messageid="
LONGEST_ID = 400
LONGEST_NAME = 120
MOST_MEMBERS = 200


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody in Teams: their directory id and organisation, and how Teams addresses them here.

    `directory_id` is empty for those without one: programs, anonymous guests.
    """

    directory_id: str
    tenant: str
    address: str
    name: str

    @property
    def external_id(self) -> str:
        return f"{self.tenant}:{self.directory_id}" if self.directory_id else ""

    def __str__(self) -> str:
        who = self.external_id or self.address
        return f"teams {who} ({self.name})" if self.name else f"teams {who}"


@dataclass(frozen=True, slots=True)
class Activity:
    """One thing that happened in Teams. `conversation` is without the thread inside it;
    `message` is the id of the card that was acted on; `tenants` are the organisations it is in."""

    type: str
    name: str
    id: str
    channel: str
    service_url: str
    conversation: str
    is_personal: bool
    message: str
    sender: Account
    bot: str
    tenants: frozenset[str]
    value: Mapping[str, Any]
    told: Mapping[str, Any]


def read(raw: bytes) -> Activity:
    """The activity in a body. Raises Malformed."""
    body = canonical.loads(raw)
    if not isinstance(body, dict):
        raise Malformed("The activity is not an object. Nothing was recorded.")
    conversation, sender = part(body, "conversation"), part(body, "from")
    place, _, _ = text(conversation, "id").partition(THREAD)
    tenants = [
        text(part(part(body, "channelData"), "tenant"), "id").lower(),
        text(conversation, "tenantId").lower(),
    ]
    who = _account(sender, tenant=tenants[0] or tenants[1])
    found = Activity(
        type=text(body, "type"),
        name=text(body, "name"),
        id=text(body, "id"),
        channel=text(body, "channelId"),
        service_url=trimmed(text(body, "serviceUrl", limit=2_000)),
        conversation=place,
        is_personal=text(conversation, "conversationType") == "personal",
        message=text(body, "replyToId"),
        sender=who,
        bot=text(part(body, "recipient"), "id"),
        tenants=frozenset(filter(None, tenants)),
        value=body["value"] if isinstance(body.get("value"), dict) else {},
        told=body,
    )
    if not found.type or not found.conversation or not found.service_url:
        raise Malformed("The activity lacks what every activity has. Nothing was recorded.")
    return found


def members(activity: Activity, name: str) -> list[Account]:
    """Those who came or went, as `membersAdded` or `membersRemoved` tells. Raises Malformed."""
    listed = activity.told.get(name) or []
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise Malformed(f"{name} is not a list of accounts. Nothing was recorded.")
    tenant = activity.sender.tenant
    return [_account(each, tenant=tenant) for each in listed[:MOST_MEMBERS]]


def part(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object inside another; empty when it is missing. Raises Malformed for anything else."""
    value = holder.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed(f"{name} is not an object. Nothing was recorded.")
    return value


def text(holder: Mapping[str, Any], name: str, *, limit: int = LONGEST_ID) -> str:
    """A text inside an object; empty when it is missing. Raises Malformed for anything else."""
    value = holder.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > limit:
        raise Malformed(f"{name} is not a text of use. Nothing was recorded.")
    return value


def _account(holder: Mapping[str, Any], *, tenant: str) -> Account:
    directory_id = text(holder, "aadObjectId").lower()
    name = holder.get("name")
    return Account(
        directory_id=directory_id if GUID.fullmatch(directory_id) else "",
        tenant=text(holder, "tenantId").lower() or tenant,
        address=text(holder, "id"),
        name=name[:LONGEST_NAME] if isinstance(name, str) else "",
    )
