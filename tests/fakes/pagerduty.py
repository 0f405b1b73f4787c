"""A PagerDuty for the tests: it pages, keeps incidents, checks what it is sent, and presses buttons.

Bodies are checked against PagerDuty's documentation of the Events API v2 and the REST API v2. What
breaks a rule is answered as PagerDuty answers it, and kept in `wrong`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.fakes.server import Answer, Call, Vendor

Body = dict[str, Any]
ROUTING_KEY = "R0000000000000000000000000000001"
PAYMENTS_KEY = "R0000000000000000000000000000002"
SERVICES = {ROUTING_KEY: "PSERVICE1", PAYMENTS_KEY: "PSERVICE2"}
TOKEN = "u+a-rest-api-key-of-the-tests"
SENDER = "countersign@example.com"
ACTION_SECRET = "an-action-secret-that-only-tests-know"
WEBHOOK_SECRET = "lDQHScfUeXUKaQRNF+8XIiDKZ7XX3itBAYzwU0TARw8lJqRnkKl2iB1anSb0Z+IK"
ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")
MOST_EVENT = 512 * 1024
TEXTS = ("summary", "source", "timestamp", "component", "group", "class")
ASKED_OF_DUTIES = {
    "earliest", "include[]", "limit", "offset", "schedule_ids[]", "escalation_policy_ids[]", "user_ids[]",
    "since", "until", "time_zone", "total",
}  # fmt: skip
INCIDENT_PATH = re.compile(r"/incidents/([A-Z0-9]+)(/notes|/alerts)?")


@dataclass(slots=True)
class Incident:
    """One incident: every event that reached it, and the notes people read."""

    id: str
    number: int
    key: str
    service: str
    title: str
    status: str = "triggered"
    events: list[Body] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.status != "resolved"


class FakePagerDuty(Vendor):
    """Both APIs at one address.

    `keyless` leaves incidents without their key, as services that make alerts do; `lag` is how many
    lookups come too early for an incident to show.
    """

    def __init__(self) -> None:
        super().__init__()
        self.incidents: list[Incident] = []
        self.users: dict[str, Body] = {}
        self.oncalls: list[Body] = []
        self.wrong: list[str] = []
        self.keyless = False
        self.lag = 0
        self.add_user("PSENDER", SENDER)

    @property
    def settings(self) -> dict[str, Any]:
        """What the service is told to find us."""
        return {
            "PAGERDUTY_ROUTING_KEY": ROUTING_KEY,
            "PAGERDUTY_ROUTING_KEYS": f"payments={PAYMENTS_KEY}",
            "PAGERDUTY_API_TOKEN": TOKEN,
            "PAGERDUTY_FROM": SENDER,
            "PAGERDUTY_API_URL": self.url,
            "PAGERDUTY_EVENTS_URL": self.url,
            "PAGERDUTY_ACTION_SECRET": ACTION_SECRET,
            "PAGERDUTY_WEBHOOK_SECRET": WEBHOOK_SECRET,
        }

    def add_user(self, account: str, email: str, **more: Any) -> None:
        self.users[account] = {
            "id": account,
            "type": "user",
            "name": email.split("@")[0].capitalize(),
            "email": email,
            **more,
        }

    def on_duty(self, account: str, *, level: int = 1, **more: Any) -> None:
        policy = {"id": "PPOLICY", "type": "escalation_policy_reference"}
        self.oncalls.append(
            {
                "user": self.users[account],
                "schedule": {"id": "PSCHED", "type": "schedule_reference"},
                "escalation_policy": policy,
                "escalation_level": level,
                "start": None,
                "end": None,
                **more,
            }
        )

    def open(self) -> list[Incident]:
        return [incident for incident in self.incidents if incident.is_open]

    def raise_incident(self, key: str, title: str, *, service: str = "POTHER") -> Incident:
        """Somebody opens an incident of their own, under whatever key."""
        number = len(self.incidents) + 1
        made = Incident(f"Q{number:06}PD", number, key, service, title, alerts=[key])
        self.incidents.append(made)
        return made

    def answer(self, call: Call) -> Answer:
        if call.path == "/v2/enqueue" and call.method == "POST":
            return self._enqueue(call)
        return self._refused(call) or self._rest(call)

    def _enqueue(self, call: Call) -> Answer:
        faults = list(event_faults(call.body, len(call.raw)))
        if faults:
            self.wrong += faults
            return Answer(400, {"status": "invalid event", "message": "Bad", "errors": faults})
        body: Body = call.body
        self._take(body)
        key = body["dedup_key"]
        return Answer(202, {"status": "success", "message": "Event processed", "dedup_key": key})

    def _take(self, body: Body) -> None:
        service, key = SERVICES[body["routing_key"]], body["dedup_key"]
        known = [i for i in self.open() if (i.key, i.service) == (key, service)]
        if known:
            known[0].events.append(body)
        elif body["event_action"] == "trigger":
            made = self.raise_incident(key, body["payload"]["summary"], service=service)
            made.events.append(body)
            return
        for incident in known:
            if body["event_action"] == "resolve":
                incident.status = "resolved"

    def _refused(self, call: Call) -> Answer | None:
        if call.headers.get("authorization") != f"Token token={TOKEN}":
            return Answer(401, {"error": {"message": "Unauthorized", "code": 2006}})
        if "application/vnd.pagerduty+json;version=2" not in call.headers.get("accept", ""):
            self.wrong.append("the version of the API was not named")
        if call.method != "GET" and call.headers.get("from") not in self._emails():
            self.wrong.append("From names no user")
            return _error(400, "Requester User Not Found", 1008)
        return None

    def _emails(self) -> set[str]:
        return {str(user["email"]) for user in self.users.values()}

    def _rest(self, call: Call) -> Answer:
        if call.path == "/incidents":
            return Answer(200, {"incidents": list(self._found(call.query)), "more": False})
        if call.path == "/oncalls":
            if unknown := set(call.query) - ASKED_OF_DUTIES:
                self.wrong.append(f"/oncalls was asked for {sorted(unknown)}")
                return _error(400, "Invalid Input Provided", 2001)
            return Answer(200, {"oncalls": list(self._duties(call.query)), "more": False})
        if call.path == "/users":
            wanted = call.query.get("query", "")
            found = [u for u in self.users.values() if wanted in (u["email"], u["name"])]
            return Answer(200, {"users": found, "more": False})
        if call.path.startswith("/users/"):
            user = self.users.get(call.path.removeprefix("/users/"))
            return Answer(200, {"user": user}) if user else _error(404, "Not Found", 2100)
        return self._of_incident(call)

    def _found(self, query: Mapping[str, str]) -> Iterator[Body]:
        if self.lag:
            self.lag -= 1
            return
        for incident in self.incidents:
            if query.get("incident_key") in (None, incident.key):
                yield self.shown(incident)

    def _duties(self, query: Mapping[str, str]) -> Iterator[Body]:
        for duty in self.oncalls:
            schedules = query.get("schedule_ids[]")
            policies = query.get("escalation_policy_ids[]")
            schedule = (duty["schedule"] or {}).get("id")
            if schedules is not None and schedule not in schedules.split(","):
                continue
            moment = query.get("since", "")
            if moment and not _covers(duty, moment):
                continue
            if policies is None or duty["escalation_policy"]["id"] in policies.split(","):
                yield duty

    def _of_incident(self, call: Call) -> Answer:
        match = INCIDENT_PATH.fullmatch(call.path)
        known = [i for i in self.incidents if match and i.id == match[1]]
        if match is None or not known:
            return _error(404, "Not Found", 2100)
        incident = known[0]
        if match[2] == "/alerts":
            return Answer(200, {"alerts": [{"alert_key": key} for key in incident.alerts]})
        if match[2] == "/notes":
            return self._notes(call, incident)
        return Answer(200, {"incident": self.shown(incident)})

    def _notes(self, call: Call, incident: Incident) -> Answer:
        if call.method == "GET":
            notes = [{"id": f"N{n}", "content": text} for n, text in enumerate(incident.notes)]
            return Answer(200, {"notes": notes})
        note = call.body.get("note") if isinstance(call.body, dict) else None
        content = note.get("content") if isinstance(note, dict) else None
        is_whole = call.body == {"note": {"content": content}}
        if (
            not isinstance(content, str)
            or not content
            or not is_whole
            or len(incident.notes) >= 2_000
        ):
            self.wrong.append("a note without content, or one too many")
            return _error(400, "Invalid Input Provided", 2001)
        incident.notes.append(content)
        return Answer(200, {"note": {"id": f"N{len(incident.notes)}", "content": content}})

    def shown(self, incident: Incident) -> Body:
        """An incident as the REST API and webhooks show it."""
        return {
            "id": incident.id,
            "type": "incident",
            "incident_number": incident.number,
            "status": incident.status,
            "incident_key": None if self.keyless else incident.key,
            "title": incident.title,
            "service": {"id": incident.service, "type": "service_reference"},
            "urgency": "high",
        }

    def press(self, incident: Incident, user: str, *, shape: str = "v2", **changes: Any) -> Knock:
        """Somebody presses a custom incident action. `shape` is v2 or v3."""
        agent = {"id": user, "type": "user_reference", "summary": f"User {user}"}
        if shape == "v3":
            body = self.event("incident.custom", self.shown(incident), agent=agent, **changes)
            return Knock(json.dumps(body).encode(), _headers() | secret_header())
        shown = {name: self.shown(incident)[name] for name in ("id", "incident_key", "title")}
        entry = {"id": f"R{uuid.uuid4().hex[:12]}", "type": "custom_log_entry", "agent": agent}
        message = {
            "id": str(uuid.uuid4()),
            "event": "incident.custom",
            "created_on": _now(),
            "incident": shown,
            "log_entries": [entry],
        } | changes
        return Knock(json.dumps({"messages": [message]}).encode(), _headers() | secret_header())

    def choose(self, incident: Incident, user: str, value: Any, **changes: Any) -> Knock:
        """Somebody sets the custom field `approval` of an incident."""
        reference = {"id": incident.id, "type": "incident_reference", "summary": incident.title}
        fields = {"id": "PF1", "name": "approval", "data_type": "string", "type": "field_value"}
        data = {
            "incident": reference,
            "custom_fields": [fields | {"value": value}],
            "changed_custom_fields": [fields | {"value": None}],
            "type": "incident_field_values",
        }
        agent = {"id": user, "type": "user_reference", "summary": f"User {user}"}
        return sign(
            self.event("incident.custom_field_values.updated", data, agent=agent, **changes)
        )

    def event(self, kind: str, data: Body, *, agent: Body | None, **changes: Any) -> Body:
        """A webhook v3."""
        return {
            "event": {
                "id": str(uuid.uuid4()),
                "event_type": kind,
                "resource_type": kind.split(".")[0],
                "occurred_at": _now(),
                "agent": agent,
                "client": None,
                "data": data,
            }
            | changes
        }


@dataclass(frozen=True, slots=True)
class Knock:
    """A request as PagerDuty sends it."""

    body: bytes
    headers: Mapping[str, str]


def sign(body: Body | bytes, *secrets: str) -> Knock:
    """A body under one signature for each secret."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    signatures = [
        "v1=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
        for secret in secrets or (WEBHOOK_SECRET,)
    ]
    return Knock(raw, _headers() | {"X-PagerDuty-Signature": ",".join(signatures)})


def secret_header(secret: str = ACTION_SECRET) -> dict[str, str]:
    return {"X-Countersign-Secret": secret}


def event_faults(body: Any, size: int) -> Iterator[str]:
    """What the Events API v2 would refuse, by its documentation."""
    if not isinstance(body, dict):
        yield "the event is not an object"
        return
    if size > MOST_EVENT:
        yield "the event is larger than 512 KB"
    if body.get("routing_key") not in SERVICES:
        yield "routing_key is unknown"
    if body.get("event_action") not in ACTIONS:
        yield "event_action is unknown"
    key = body.get("dedup_key")
    if not isinstance(key, str) or not 0 < len(key) <= 255:
        yield "dedup_key is no text of at most 255"
    known = {"routing_key", "event_action", "dedup_key", "payload", "links", "images", "client"}
    if unknown := set(body) - known - {"client_url"}:
        yield f"unknown: {sorted(unknown)}"
    if body.get("event_action") == "trigger":
        yield from _payload_faults(body.get("payload"))
        yield from _link_faults(body.get("links", []))


def _payload_faults(payload: Any) -> Iterator[str]:
    if not isinstance(payload, dict):
        yield "payload is missing"
        return
    missing = [name for name in ("summary", "source", "severity") if not payload.get(name)]
    odd = [name for name in TEXTS if not isinstance(payload.get(name, ""), str)]
    known = {"summary", "source", "severity", "custom_details", *TEXTS}
    if unknown := set(payload) - known:
        yield f"payload has unknown: {sorted(unknown)}"
    if missing or odd:
        yield f"payload lacks {missing}, or has no text in {odd}"
        return
    if len(payload.get("summary", "")) > 1024:
        yield "payload.summary is longer than 1024"
    if payload.get("severity") not in SEVERITIES:
        yield "payload.severity is unknown"
    if not isinstance(payload.get("custom_details", {}), dict):
        yield "payload.custom_details is no object"
    try:
        datetime.fromisoformat(payload.get("timestamp", _now()))
    except ValueError:
        yield "payload.timestamp is no time"


def _link_faults(links: Any) -> Iterator[str]:
    for link in links if isinstance(links, list) else [None]:
        if not isinstance(link, dict) or not str(link.get("href", "")).startswith("http"):
            yield "a link without href"


def _covers(duty: Body, moment: str) -> bool:
    """Whether a duty holds at a moment; without a beginning or an end it holds for ever."""
    at = datetime.fromisoformat(moment)
    begun = not duty["start"] or datetime.fromisoformat(duty["start"]) <= at
    return begun and (not duty["end"] or at < datetime.fromisoformat(duty["end"]))


def _error(status: int, message: str, code: int) -> Answer:
    return Answer(status, {"error": {"message": message, "code": code, "errors": [message]}})


def _headers() -> dict[str, str]:
    return {"Content-Type": "application/json", "X-Webhook-Id": str(uuid.uuid4())}


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
