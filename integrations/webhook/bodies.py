"""The two forms of a body: Standard Webhooks, and CloudEvents 1.0 for the hosts that want those.

The form is a setting by host, not a field of a request: what a receiver can read is the operator's
to know and does not change from one request to the next. The headers and signatures are the same.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from approvals.ports import Message

EVERY_HOST = "*"


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes to sign and send, and what they are."""

    raw: bytes
    content_type: str


def drawn(message: Message, *, cloud_events: Collection[str], source: str) -> Body:
    """The event as its receiver reads it. `source` is the address of this service."""
    if EVERY_HOST in cloud_events or _host(message.address) in cloud_events:
        return Body(_json(_cloud_event(message, source)), "application/cloudevents+json")
    return Body(_json(message.event), "application/json")


def _host(address: str) -> str | None:
    """The host of an address; an address that cannot be read is refused where it is called."""
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def _cloud_event(message: Message, source: str) -> dict[str, object]:
    """Structured JSON; `id` equals the header `webhook-id`, so both name one event."""
    data = message.event["data"]
    event = {
        "specversion": "1.0",
        "id": message.id,
        "source": source,
        "type": message.event["type"],
        "time": message.event["timestamp"],
        "datacontenttype": "application/json",
        "data": data,
    }
    subject = data.get("request") if isinstance(data, dict) else None
    return event | ({"subject": str(subject)} if subject else {})


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
