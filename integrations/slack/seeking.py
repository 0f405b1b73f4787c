"""Look for a message of ours that may have arrived although we got no answer.

Every message carries what it is in its metadata, which only our app can have written. Reading a channel
needs a scope of its own; where Slack lets us not look, that is said, and the message is posted again:
a click on the other copy is refused with a link to the request.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from approvals.models import Receipt
from approvals.ports import DOUBT, MAYBE_TWICE
from integrations.slack import places, wire
from integrations.slack.calls import Caller, MessageMissing

logger = logging.getLogger(__name__)

CARDS = "slack"
LOOKED_THROUGH = 200
MOST_PAGES = 5
LISTED = 200
GONE_THREAD = "thread_not_found"
KINDS = ("public_channel,private_channel", "public_channel")
MAY_NOT = (
    f"{MAYBE_TWICE}: an answer of Slack's was lost, and the app may not look whether the message "
    "stands there ({why}). Give the app the scopes of its manifest. A decision counts once all the same."
)
NO_ID = f"{MAYBE_TWICE}: an answer of Slack's was lost, and no channel of this name was found. Write its id."
TOO_MANY = f"{MAYBE_TWICE}: an answer of Slack's was lost, and more was posted since than is looked through."


@dataclass(frozen=True, slots=True)
class Sought:
    """A kind of message of ours, and the one field of its metadata that says which."""

    event_type: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Look:
    """`found` is `{channel, ts}` of the message, empty when it is not there; `doubt` says in words why it
    may stand there all the same, to be kept with the receipt."""

    found: Mapping[str, Any] = field(default_factory=dict)
    doubt: Mapping[str, str] = field(default_factory=dict)


def find(
    caller: Caller,
    address: str,
    sought: Sought,
    *,
    channel: str,
    since: datetime,
    thread: str = "",
) -> Look:
    """Whether the message is there. Raises DeliveryError where Slack gave no answer, or asks us to wait."""
    try:
        there = _id(caller, address, channel)
        return (
            _looked(caller, address, sought, there, since, thread)
            if there
            else Look(doubt={DOUBT: NO_ID})
        )
    except wire.SaidNo as refusal:
        logger.warning("slack message may stand twice", extra={"sought": sought.value})
        return Look() if refusal.word == GONE_THREAD else Look(doubt=unsure(refusal.word))
    except MessageMissing:
        return Look()


def unsure(why: str) -> Mapping[str, str]:
    """That we may not look, to be kept with the receipt; `why` is Slack's word for it."""
    return {DOUBT: MAY_NOT.format(why=why)}


def _looked(
    caller: Caller, address: str, sought: Sought, channel: str, since: datetime, thread: str
) -> Look:
    asked: dict[str, Any] = {
        "channel": channel,
        "oldest": str(int(since.timestamp())),
        "limit": LOOKED_THROUGH,
        "include_all_metadata": True,
        **({"ts": thread} if thread else {}),
    }
    method = "conversations.replies" if thread else "conversations.history"
    is_cut = False
    for page, is_more in _pages(caller, address, method, asked, "messages"):
        is_cut = is_more
        for message in page:
            ts = _ts_of_ours(message, sought)
            if ts:
                return Look({"channel": channel, "ts": ts})
    return Look(doubt={DOUBT: TOO_MANY}) if is_cut else Look()


def _id(caller: Caller, address: str, channel: str) -> str:
    """The id of a channel; of one that goes by its name from Slack's list of the channels our app is in,
    or else from what was posted there. Empty where neither knows it."""
    if places.CHANNEL_ID.fullmatch(channel):
        return channel
    name = channel.removeprefix("#").casefold()
    for kinds in KINDS:
        try:
            return _listed(caller, address, name, kinds) or _learned(address)
        except wire.SaidNo as refusal:
            logger.warning("slack channels cannot be listed", extra={"error": refusal.word})
    return _learned(address)


def _listed(caller: Caller, address: str, name: str, kinds: str) -> str:
    asked = {"types": kinds, "exclude_archived": True, "limit": LISTED}
    for page, _ in _pages(caller, address, "users.conversations", asked, "channels"):
        for each in page:
            if isinstance(each, dict) and str(each.get("name") or "").casefold() == name:
                return str(each.get("id") or "")
    return ""


def _learned(address: str) -> str:
    known = Receipt.objects.filter(adapter=CARDS, address=address, handle__has_key="channel")
    handle = known.order_by("-updated_at", "-pk").values_list("handle", flat=True).first()
    there = str(handle["channel"]) if handle else ""
    return there if places.CHANNEL_ID.fullmatch(there) else ""


def _pages(
    caller: Caller, address: str, method: str, asked: Mapping[str, Any], name: str
) -> Iterator[tuple[list[Any], bool]]:
    """The first pages of what Slack lists, each with whether there is more after it."""
    cursor: dict[str, Any] = {}
    for _ in range(MOST_PAGES):
        answer = caller.call(address, method, {**asked, **cursor}, as_form=True)
        found, told = answer.get(name), answer.get("response_metadata")
        following = told.get("next_cursor") if isinstance(told, dict) else None
        yield found if isinstance(found, list) else [], bool(following)
        if not following:
            return
        cursor = {"cursor": str(following)}


def _ts_of_ours(found: object, sought: Sought) -> str:
    """Which message it is; empty when it is not the one we look for."""
    metadata = found.get("metadata") if isinstance(found, dict) else None
    if not isinstance(metadata, dict) or metadata.get("event_type") != sought.event_type:
        return ""
    payload = metadata.get("event_payload")
    is_ours = isinstance(payload, dict) and payload.get(sought.name) == sought.value
    return str(found.get("ts") or "") if is_ours and isinstance(found, dict) else ""
