"""Look for a message of ours that may have arrived although we got no answer.

Every message carries what it is in its metadata, which only our app can have written. Reading a channel
needs a scope of its own. Without it the message is posted again, and a click on the other copy is
refused with a link to the request.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from approvals.ports import DeliveryError
from integrations.slack import places
from integrations.slack.calls import Caller

logger = logging.getLogger(__name__)

LOOKED_THROUGH = 200
MOST_PAGES = 5


@dataclass(frozen=True, slots=True)
class Sought:
    """A kind of message of ours, and the one field of its metadata that says which."""

    event_type: str
    name: str
    value: str


def find(
    caller: Caller,
    address: str,
    sought: Sought,
    *,
    channel: str,
    since: datetime,
    thread: str = "",
) -> Mapping[str, Any] | None:
    """`{channel, ts}` of the message; None when it is not there, or we may not look."""
    if not places.CHANNEL_ID.fullmatch(channel):
        return None
    asked: dict[str, Any] = {
        "channel": channel,
        "oldest": str(int(since.timestamp())),
        "limit": LOOKED_THROUGH,
        "include_all_metadata": True,
        **({"ts": thread} if thread else {}),
    }
    method = "conversations.replies" if thread else "conversations.history"
    try:
        for message in _messages(caller, address, method, asked):
            ts = _ts_of_ours(message, sought)
            if ts:
                return {"channel": channel, "ts": ts}
    except DeliveryError as error:
        if error.retry_after or error.unknown:
            raise
        logger.warning("slack message may stand twice", extra={"sought": sought.value})
    return None


def _messages(
    caller: Caller, address: str, method: str, asked: Mapping[str, Any]
) -> Iterator[object]:
    cursor: dict[str, Any] = {}
    for _ in range(MOST_PAGES):
        answer = caller.call(address, method, {**asked, **cursor}, as_form=True)
        yield from answer.get("messages") or ()
        more = answer.get("response_metadata")
        following = more.get("next_cursor") if isinstance(more, dict) else None
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
