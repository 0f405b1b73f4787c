"""Read what PagerDuty sends: presses of an incident action, in both shapes, and webhooks v3.

A right header or signature says who sent the bytes, not that they make sense; no type is trusted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from approvals.domain.canonical import Malformed
from approvals.domain.terms import Verdict

ID = re.compile(r"[A-Za-z0-9]{1,40}")
MOST_MESSAGES = 16
PRESSED = "incident.custom"
FIELDS_CHANGED = "incident.custom_field_values.updated"
RESOLVED = "incident.resolved"
# What of a subscription is acted on; PagerDuty sends some thirty types, and new ones as it likes.
HEARD = frozenset({FIELDS_CHANGED, RESOLVED})
# Which shape new accounts get is not documented; these are the names an action's event may have.
ACTION_TYPES = frozenset({PRESSED, "incident.custom_action", "incident.custom_action.invoked"})
CHOICES = {
    "approve": Verdict.APPROVE,
    "approved": Verdict.APPROVE,
    "deny": Verdict.DENY,
    "denied": Verdict.DENY,
    "investigate": Verdict.INVESTIGATE,
}


@dataclass(frozen=True, slots=True)
class Pressed:
    """Somebody did something to an incident. `user` is empty when no person did; `key` is empty
    where PagerDuty does not name the incident's key; `at` is None where it does not tell the time."""

    id: str
    incident: str
    key: str
    user: str
    name: str
    at: datetime | None

    def __str__(self) -> str:
        return f"pagerduty {self.user or 'nobody'}" + (f" ({self.name})" if self.name else "")


@dataclass(frozen=True, slots=True)
class Event:
    """A webhook v3: its type, who did it to which incident, and what is particular to the type."""

    type: str
    by: Pressed
    data: Mapping[str, Any]


def concerns_us(raw: bytes) -> bool:
    """Whether a signed webhook may be of a type that is acted on. Nothing else of it is looked at:
    an event of another type is never found wanting, since three refusals switch the webhook off.
    """
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return True  # the strict reader says what is wrong
    told = body.get("event") if isinstance(body, Mapping) else None
    kind = told.get("event_type") if isinstance(told, Mapping) else None
    return not isinstance(kind, str) or kind in HEARD


def presses(payload: object) -> list[Pressed]:
    """The presses a request tells of; none where it tells of something else. Raises Malformed."""
    body = _mapping(payload, "The payload")
    if "messages" not in body:
        kind = _text(_mapping(body.get("event"), "event"), "event_type")
        return [event(body).by] if kind in ACTION_TYPES else []
    messages = body["messages"]
    if not isinstance(messages, list) or len(messages) > MOST_MESSAGES:
        raise Malformed("messages is no list, or too long. Nothing was recorded.")
    told = [_mapping(each, "A message") for each in messages]
    return [_message(each) for each in told if _text(each, "event") == PRESSED]


def event(payload: object) -> Event:
    """The one event of a webhook v3. Raises Malformed."""
    body = _mapping(_mapping(payload, "The payload").get("event"), "event")
    kind = _text(body, "event_type")
    data = _optional(body, "data")
    incident = _optional(data, "incident") if kind.startswith("incident.") else {}
    is_itself = _text(data, "type") in ("", "incident") and not incident
    subject = data if is_itself else incident
    user, name = _account(_optional(body, "agent"))
    by = Pressed(
        id=_name(body, "id"),
        incident=_id(subject) if kind.startswith("incident.") else "",
        key=_text(subject, "incident_key"),
        user=user,
        name=name,
        at=_moment(_text(body, "occurred_at")),
    )
    return Event(kind, by, data)


def choice(found: Event, field: str) -> Verdict | None:
    """The verdict somebody just chose in the custom field of this name; None when they did not.

    `changed_custom_fields` names what changed but holds the values before.
    """
    after, before = (
        _field(found, "custom_fields", field),
        _field(found, "changed_custom_fields", field),
    )
    if after is None or before is None:
        return None
    now, was = after.get("value"), before.get("value")
    if not isinstance(now, str) or now == was:
        return None
    return CHOICES.get(now.strip().lower())


def _field(found: Event, holder: str, field: str) -> Mapping[str, Any] | None:
    items = found.data.get(holder)
    for each in items if isinstance(items, list) else ():
        if isinstance(each, Mapping) and each.get("name") == field:
            return each
    return None


def _message(message: Mapping[str, Any]) -> Pressed:
    entries = message.get("log_entries")
    entry = next(
        (
            each
            for each in (entries if isinstance(entries, list) else ())
            if isinstance(each, Mapping) and _text(each, "type") == "custom_log_entry"
        ),
        {},
    )
    incident = _mapping(message.get("incident"), "incident")
    user, name = _account(_optional(entry, "agent"))
    return Pressed(
        id=_name(message, "id"),
        incident=_id(incident),
        key=_text(incident, "incident_key"),
        user=user,
        name=name,
        at=_moment(_text(entry, "created_at") or _text(message, "created_on")),
    )


def _account(agent: Mapping[str, Any]) -> tuple[str, str]:
    """A user's id and name; empty for services, integrations and automation."""
    account = _text(agent, "id")
    if _text(agent, "type") not in ("user_reference", "user") or not ID.fullmatch(account):
        return "", ""
    return account, _text(agent, "summary")[:80]


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _id(holder: Mapping[str, Any]) -> str:
    found = _text(holder, "id")
    if not ID.fullmatch(found):
        raise Malformed("The incident is not named. Nothing was recorded.")
    return found


def _name(holder: Mapping[str, Any], name: str) -> str:
    found = _text(holder, name)
    if not found or len(found) > 200:
        raise Malformed(f"{name} is missing or too long. Nothing was recorded.")
    return found


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Malformed(f"{name} is not an object. Nothing was recorded.")
    return value


def _optional(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = holder.get(name)
    return {} if value is None else _mapping(value, name)


def _text(holder: Mapping[str, Any], name: str) -> str:
    value = holder.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{name} is not text. Nothing was recorded.")
    return value
