"""A ServiceNow that keeps change requests and approver rows, walks states, and forgets fields.

It does what the real one does and documentation passes over: unknown and protected fields are
dropped without an error, a query it cannot read matches everything, records our account may not see
are simply not there, long texts are cut, and the shape of `result` varies.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from tests.fakes.server import Answer, Call, Vendor

Record = dict[str, Any]
USER, PASSWORD = "countersign", "right-horse"
CLIENT, CLIENT_SECRET = "client-1", "client-secret"
SECRET = "whsec_" + base64.b64encode(b"a key of 32 bytes, for the tests").decode()
INTEGRATION = "integration.countersign"
TEMPLATE = "e0000000000000000000000000000001"
CHANGES, ROWS, USERS = "change_request", "sysapproval_approver", "sys_user"
NAMES = {"-5": "New", "-4": "Assess", "-3": "Authorize", "-2": "Scheduled", "-1": "Implement",
         "0": "Review", "3": "Closed", "4": "Canceled"}  # fmt: skip
STEPS = {
    "normal": {"-5": "-4 4", "-4": "4 -5", "-3": "4 -5", "-2": "-1 4", "-1": "0 4", "0": "3"},
    "emergency": {"-5": "-3 4", "-3": "4 -5", "-2": "-1 4", "-1": "0 4", "0": "3"},
    "standard": {"-5": "-2 4", "-2": "-1 4", "-1": "0 4", "0": "3"},
}
WRITABLE = frozenset(
    {"short_description", "description", "correlation_id", "correlation_display", "state",
     "assignment_group", "work_notes", "comments"}
)  # fmt: skip
JOURNALS = ("work_notes", "comments")
# Parameters of the Table API; what it does not know it passes over.
ASKED = frozenset(
    {"sysparm_query", "sysparm_fields", "sysparm_limit", "sysparm_offset", "sysparm_display_value",
     "sysparm_exclude_reference_link", "sysparm_input_display_value", "sysparm_no_count"}
)  # fmt: skip
DESCRIPTION_LENGTH = 4_000
TERM = re.compile(r"([a-z_.]+)(IN|>=|=)(.*)", re.DOTALL)
GENERATED = re.compile(r"javascript:gs\.dateGenerate\('([\d-]+)','([\d:]+)'\)")
PATHS: tuple[tuple[str, str, str], ...] = (
    ("POST", r"/api/sn_chg_rest/v1/change/(normal|emergency)", "create"),
    ("POST", r"/api/sn_chg_rest/v1/change/(standard)/([0-9a-f]{32})", "create"),
    ("PATCH", r"/api/sn_chg_rest/v1/change/([0-9a-f]{32})", "change"),
    ("GET", r"/api/sn_chg_rest/v1/change/([0-9a-f]{32})/nextstates", "next_states"),
    ("PATCH", r"/api/now/table/sysapproval_approver/([0-9a-f]{32})", "answer_row"),
    ("GET", r"/api/now/table/(change_request|sysapproval_approver|sys_user)", "table"),
)


@dataclass(frozen=True, slots=True)
class Knock:
    """A signed push."""

    body: bytes
    headers: Mapping[str, str]


class FakeServiceNow(Vendor):
    """`board` are the users asked whenever a change request is brought before its approvers.

    `dropped` are fields nobody may write, `hidden` records and `forbidden` tables our account may not
    read; `steps` are the states that follow each. A deaf one reads no query; with `lists`, single
    results come as lists of one. What it passes over without a word, as ServiceNow does (fields and
    parameters nobody knows, terms of a query it cannot read, what is too long), is kept in `wrong`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, dict[str, Record]] = {CHANGES: {}, ROWS: {}, USERS: {}}
        self.board: list[str] = []
        self.wrong: list[str] = []
        self.dropped: set[str] = set()
        self.hidden: set[str] = set()
        self.forbidden: set[str] = set()
        self.lists = False
        self.is_deaf = False
        self.steps = {kind: dict(steps) for kind, steps in STEPS.items()}
        self.tokens: set[str] = set()
        self.clock_is_behind = timedelta(0)
        self._numbers = itertools.count(1)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that point the service here."""
        return {
            "SERVICENOW_URL": self.url,
            "SERVICENOW_USER": USER,
            "SERVICENOW_PASSWORD": PASSWORD,
            "SERVICENOW_CLIENT_ID": "",
            "SERVICENOW_CLIENT_SECRET": "",
            "SERVICENOW_WEBHOOK_SECRET": SECRET,
            "SERVICENOW_CHANGE_TYPE": "normal",
            "SERVICENOW_TEMPLATE": "",
            "SERVICENOW_ASSIGNMENT_GROUP": "",
            "SERVICENOW_LINK_BY_EMAIL": False,
        }

    @property
    def changes(self) -> list[Record]:
        return list(self.tables[CHANGES].values())

    @property
    def rows(self) -> list[Record]:
        return list(self.tables[ROWS].values())

    def add_user(self, name: str, *, on_board: bool = True, **fields: str) -> Record:
        """Somebody with an account; on the board unless said otherwise."""
        user = {"user_name": name, "email": f"{name}@example.com", "active": "true"}
        made = self._keep(USERS, user | {"locked_out": "false"} | fields)
        if on_board:
            self.board.append(name)
        return made

    def add_row(self, fields: Record) -> Record:
        """An approver row that somehow came about."""
        empty = {"approver": "", "approver.email": "", "comments": ""}
        row = self._keep(ROWS, empty)
        row |= fields
        return row

    def says(
        self,
        name: str,
        state: str,
        comments: str = "",
        *,
        change: Record | None = None,
        by: str = "",
    ) -> Record:
        """Somebody answers their row; with `by`, somebody else does it for them."""
        about = change or self.changes[-1]
        [row] = [
            one
            for one in self.rows
            if one["sysapproval"] == about["sys_id"] and one["approver.user_name"] == name
        ]
        self._answer(row, state, comments, by=by or name)
        return row

    def cancels(self, change: Record, *, by: str = "admin") -> None:
        self._write(change, {"state": "4"}, by=by)

    def pushed(self, body: Any = None, *, secret: str = SECRET, at: float | None = None) -> Knock:
        """What a business rule would post, signed."""
        raw = json.dumps({"table": ROWS} if body is None else body).encode()
        name, stamp = f"msg_{next(self._numbers)}", str(int(time.time() if at is None else at))
        key = base64.b64decode(secret.removeprefix("whsec_"))
        content = f"{name}.{stamp}.".encode() + raw
        signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        headers = {"webhook-id": name, "webhook-timestamp": stamp}
        return Knock(raw, headers | {"webhook-signature": f"v1,{signature}"})

    def answer(self, call: Call) -> Answer:
        if (call.method, call.path) == ("POST", "/oauth_token.do"):
            return self._token(call)
        if not self._may_enter(call.headers.get("authorization", "")):
            return error(401, "User Not Authenticated")
        for method, pattern, act in PATHS:
            found = re.fullmatch(pattern, call.path)
            if method == call.method and found:
                does: Callable[..., Answer] = getattr(self, f"_{act}")
                return does(call, *found.groups())
        return error(400, "Requested URI does not represent any resource")

    def _token(self, call: Call) -> Answer:
        form = dict(parse_qsl(call.raw.decode()))
        if form != {
            "grant_type": "client_credentials",
            "client_id": CLIENT,
            "client_secret": CLIENT_SECRET,
        }:
            return Answer(401, {"error": "invalid_client", "error_description": "access_denied"})
        token = f"token-{next(self._numbers)}"
        self.tokens.add(token)
        told = {"access_token": token, "scope": "useraccount", "token_type": "Bearer"}
        return Answer(200, told | {"expires_in": 1799})

    def _may_enter(self, proof: str) -> bool:
        basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return proof == f"Basic {basic}" or proof.removeprefix("Bearer ") in self.tokens

    def _create(self, call: Call, kind: str, template: str = "") -> Answer:
        if not isinstance(call.body, dict):
            return error(400, "The payload is not valid JSON")
        if kind == "standard" and template != TEMPLATE:
            return error(404, "Template not found")
        number = f"CHG{next(self._numbers):07}"
        fresh = {"number": number, "type": kind, "state": "-5", "approval": "not requested"}
        journals: Record = {name: [] for name in JOURNALS}
        change = self._keep(CHANGES, fresh | {name: "" for name in WRITABLE - {*JOURNALS, "state"}})
        change |= journals
        ignored = self._write(change, call.body, by=INTEGRATION)
        return self._told(change, ignored)

    def _change(self, call: Call, sys_id: str) -> Answer:
        change = self._visible(CHANGES).get(sys_id)
        if change is None or not isinstance(call.body, dict):
            return error(404 if change is None else 400, "No Record found")
        wanted = call.body.get("state", change["state"])
        if wanted != change["state"] and wanted not in self._offered(change):
            return error(400, "Invalid state transition")
        return self._told(change, self._write(change, call.body, by=INTEGRATION))

    def _next_states(self, call: Call, sys_id: str) -> Answer:
        change = self._visible(CHANGES).get(sys_id)
        if change is None:
            return error(404, "No Record found")
        states = [change["state"], *self._offered(change)]
        steps = [[{"to_state": state, "transition_available": True}] for state in states[1:]]
        labels = {state: NAMES[state] for state in states}
        told = {"available_states": states, "state_transitions": steps, "state_label": labels}
        return Answer(200, {"result": [told] if self.lists else told})

    def _answer_row(self, call: Call, sys_id: str) -> Answer:
        row = self.tables[ROWS].get(sys_id)
        if ROWS in self.forbidden or row is None:
            return error(403, "Operation Failed")
        self._answer(row, call.body["state"], call.body.get("comments", ""), by=INTEGRATION)
        return Answer(200, {"result": row})

    def _table(self, call: Call, table: str) -> Answer:
        if table in self.forbidden:
            return error(403, "Insufficient rights to query records")
        self.wrong += [f"{table}: unknown {name}" for name in sorted(set(call.query) - ASKED)]
        wanted, order = self._query(call.query.get("sysparm_query", ""))
        found = [one for one in self._visible(table).values() if all(t(one) for t in wanted)]
        found.sort(key=lambda one: [one[name] for name in order])
        start = int(call.query.get("sysparm_offset", 0))
        page = found[start : start + int(call.query.get("sysparm_limit", 10_000))]
        names = [name for name in call.query.get("sysparm_fields", "").split(",") if name]
        shown = call.query.get("sysparm_display_value") == "all"
        return Answer(200, {"result": [_drawn(one, names, shown=shown) for one in page]})

    def _query(self, query: str) -> tuple[list[Callable[[Record], bool]], list[str]]:
        """What must hold, and the order. A term that cannot be read holds for everything."""
        wanted: list[Callable[[Record], bool]] = []
        order: list[str] = []
        for part in query.split("^") if not self.is_deaf else ():
            term = TERM.fullmatch(part)
            if part.startswith("ORDERBY"):
                order.append(part.removeprefix("ORDERBY"))
            elif term:
                wanted.append(_test(*term.groups()))
            elif part:
                self.wrong.append(f"a term that cannot be read: {part[:60]}")
        return wanted, order

    def _visible(self, table: str) -> dict[str, Record]:
        return {key: one for key, one in self.tables[table].items() if key not in self.hidden}

    def _offered(self, change: Record) -> list[str]:
        offered = self.steps[change["type"]].get(change["state"], "").split()
        if change["approval"] == "approved" and change["state"] in ("-4", "-3"):
            offered.append(str(int(change["state"]) + 1))
        return offered

    def _write(self, change: Record, fields: Mapping[str, Any], *, by: str) -> list[str]:
        """Write what may be written; returns the fields that were ignored."""
        self.wrong += [] if by != INTEGRATION else list(_faults(fields))
        taken = {n: v for n, v in fields.items() if n in WRITABLE and n not in self.dropped}
        before = change["state"]
        for name, value in taken.items():
            if name in JOURNALS:
                change[name].append(str(value))
            else:
                change[name] = str(value)[:DESCRIPTION_LENGTH]
        self._touch(change, by)
        if change["state"] != before:
            self._entered(change)
        return sorted(set(fields) - set(taken))

    def _entered(self, change: Record) -> None:
        if change["state"] in ("-4", "-3") and change["approval"] == "not requested":
            change["approval"] = "requested"
            for name in self.board:
                [user] = [one for one in self.tables[USERS].values() if one["user_name"] == name]
                row = {"sysapproval": change["sys_id"], "approver": user["sys_id"]}
                row |= {"approver.user_name": name, "approver.email": user["email"]}
                self._keep(ROWS, row | {"state": "requested", "comments": ""})
        if change["state"] == "4":
            self._close_rows(change, "cancelled")

    def _answer(self, row: Record, state: str, comments: str, *, by: str) -> None:
        row["state"] = state
        if comments:
            stamp = f"{self._now():%Y-%m-%d %H:%M:%S} - {by.capitalize()} (Comments)\n"
            row["comments"] = f"{stamp}{comments}\n\n{row['comments']}"
        self._touch(row, by)
        change = self.tables[CHANGES][row["sysapproval"]]
        mine = [one for one in self.rows if one["sysapproval"] == change["sys_id"]]
        if state == "rejected":
            change |= {"approval": "rejected", "state": "-5"}
            self._close_rows(change, "cancelled")
        elif all(one["state"] == "approved" for one in mine):
            change["approval"] = "approved"

    def _close_rows(self, change: Record, state: str) -> None:
        for row in self.rows:
            if row["sysapproval"] == change["sys_id"] and row["state"] == "requested":
                row["state"] = state

    def _keep(self, table: str, record: Record) -> Record:
        sys_id = f"{next(self._numbers):032x}"
        record = {"sys_id": sys_id, **record}
        self._touch(record, INTEGRATION)
        self.tables[table][sys_id] = record
        return record

    def _touch(self, record: Record, by: str) -> None:
        record |= {"sys_updated_by": by, "sys_updated_on": f"{self._now():%Y-%m-%d %H:%M:%S}"}

    def _now(self) -> datetime:
        return datetime.now(UTC) - self.clock_is_behind

    def _told(self, change: Record, ignored: list[str]) -> Answer:
        told: Record = {
            name: {"value": value, "display_value": NAMES.get(value, value)}
            for name, value in change.items()
            if isinstance(value, str)
        }
        told["__meta"] = {"ignoredFields": ignored}
        return Answer(200, {"result": [told] if self.lists else told})


def _faults(fields: Mapping[str, Any]) -> Iterator[str]:
    """What of a change request would not stand there as it was sent."""
    for name, value in fields.items():
        if name not in WRITABLE:
            yield f"unknown field {name}"
        elif not isinstance(value, str):
            yield f"{name} is not text"
        elif name not in JOURNALS and len(value) > DESCRIPTION_LENGTH:
            yield f"{name} is cut"


def error(status: int, words: str) -> Answer:
    return Answer(status, {"error": {"message": words, "detail": None}, "status": "failure"})


def _drawn(record: Record, names: list[str], *, shown: bool) -> Record:
    """The fields asked for. A journal has a display value only."""
    drawn: Record = {}
    for name in names or list(record):
        value = record.get(name, "")
        plain = "" if name in JOURNALS else value
        drawn[name] = {"value": plain, "display_value": value} if shown else plain
    return drawn


def _test(name: str, how: str, value: str) -> Callable[[Record], bool]:
    """One term; of a field nobody knows it holds, as it does there."""
    generated = GENERATED.fullmatch(value)
    bound = f"{generated[1]} {generated[2]}" if generated else value
    wanted = bound.split(",") if how == "IN" else [bound]

    def holds(record: Record) -> bool:
        if name not in record:
            return True
        return record[name] >= bound if how == ">=" else record[name] in wanted

    return holds
