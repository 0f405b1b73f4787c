"""What PagerDuty's REST API knows: incidents and their keys, notes, users, and who is on call.

Every function raises DeliveryError when PagerDuty does not answer as it documents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pagerduty import RestApiV2Client

from approvals.ports import DeliveryError
from integrations.pagerduty import wire

MOST_NOTES = 100


@dataclass(frozen=True, slots=True)
class Duty:
    """Somebody is on call: at this level of this escalation policy, until then (None: always)."""

    user: str
    name: str
    email: str
    level: int
    policy: str
    schedule: str
    until: str | None


def opened_for(client: RestApiV2Client, dedup_key: str) -> str | None:
    """The id of the oldest incident under a key: the one our own event opened."""
    query = {"incident_key": dedup_key, "date_range": "all", "limit": 25}
    found = [each for each in _listed(client, "/incidents", "incidents", query) if each.get("id")]
    found.sort(key=lambda each: (_number(each), str(each["id"])))
    return str(found[0]["id"]) if found else None


def keys_of(client: RestApiV2Client, incident: str) -> set[str]:
    """Every key an incident stands for: its own, or those of its alerts.

    PagerDuty leaves the incident's key empty where its service makes alerts of events.
    """
    answered = _get(client, f"/incidents/{incident}").get("incident")
    own = answered.get("incident_key") if isinstance(answered, Mapping) else None
    alerts = _listed(client, f"/incidents/{incident}/alerts", "alerts", {"limit": 100})
    keys = {each.get("alert_key") for each in alerts} | {own}
    return {key for key in keys if isinstance(key, str) and key}


def add_note(client: RestApiV2Client, incident: str, words: str) -> None:
    """Write a note in the name of PAGERDUTY_FROM."""
    body = {"note": {"content": words}}
    wire.answer(wire.attempt(lambda: client.post(f"/incidents/{incident}/notes", json=body)))


def has_note(client: RestApiV2Client, incident: str, words: str) -> bool:
    """Whether these very words stand there already."""
    notes = _listed(client, f"/incidents/{incident}/notes", "notes", {})
    return any(each.get("content") == words for each in notes[-MOST_NOTES:])


def user(client: RestApiV2Client, account: str) -> Mapping[str, Any]:
    """A user of the account, as PagerDuty describes them."""
    answered = _get(client, f"/users/{account}").get("user")
    if not isinstance(answered, Mapping) or answered.get("id") != account:
        raise DeliveryError("PagerDuty answered about another user than was asked.", unknown=True)
    return answered


def on_call(
    client: RestApiV2Client,
    *,
    schedules: Sequence[str] = (),
    policies: Sequence[str] = (),
    at: datetime | None = None,
) -> list[Duty]:
    """Who is on call for these schedules or escalation policies, first level first.

    Covers classic and shift-based schedules. `at` asks about another moment than now.
    """
    query: dict[str, Any] = {"earliest": "true", "include[]": ["users"], "limit": 100}
    if schedules:
        query["schedule_ids[]"] = list(schedules)
    if policies:
        query["escalation_policy_ids[]"] = list(policies)
    if at is not None:
        query["since"] = query["until"] = at.isoformat()
    duties = list(_duties(_listed(client, "/oncalls", "oncalls", query)))
    return sorted(duties, key=lambda duty: (duty.level, duty.name, duty.user))


def _duties(found: Sequence[Mapping[str, Any]]) -> Iterator[Duty]:
    for each in found:
        who = each.get("user")
        if not isinstance(who, Mapping) or not isinstance(who.get("id"), str):
            continue
        yield Duty(
            user=who["id"],
            name=_text(who, "name") or _text(who, "summary"),
            email=_text(who, "email").lower(),
            level=level if isinstance(level := each.get("escalation_level"), int) else 99,
            policy=_id(each, "escalation_policy"),
            schedule=_id(each, "schedule"),
            until=_text(each, "end") or None,
        )


def _listed(
    client: RestApiV2Client, path: str, name: str, query: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    items = _get(client, path, query).get(name)
    if not isinstance(items, list):
        raise DeliveryError(f"PagerDuty answered without {name}.", unknown=True)
    return [each for each in items if isinstance(each, Mapping)]


def _get(
    client: RestApiV2Client, path: str, query: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return wire.answer(wire.attempt(lambda: client.get(path, params=dict(query or {}))))


def _number(incident: Mapping[str, Any]) -> int:
    number = incident.get("incident_number")
    return number if isinstance(number, int) else 2**31


def _text(holder: Mapping[str, Any], name: str) -> str:
    value = holder.get(name)
    return value if isinstance(value, str) else ""


def _id(holder: Mapping[str, Any], name: str) -> str:
    inner = holder.get(name)
    return _text(inner, "id") if isinstance(inner, Mapping) else ""
