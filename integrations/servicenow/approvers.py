"""Approver rows: who was asked there, what they said, and who really said it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from approvals.ports import DeliveryError
from integrations.servicenow.changes import SYS_ID
from integrations.servicenow.wire import Wire, records, text

TABLE = "/api/now/table/sysapproval_approver"
FIELDS = (
    "sys_id,state,sysapproval,approver,approver.user_name,approver.email,comments,"
    "sys_updated_on,sys_updated_by"
)
REQUESTED, APPROVED, REJECTED = "requested", "approved", "rejected"
# Their clock may be behind ours, and a node may answer from before the last write.
OVERLAP = timedelta(minutes=10)
PAGE, MOST_PAGES = 200, 50
# Their ids stand in the address, commas and all, which no service takes at any length.
CHANGES_AT_ONCE = 25
COMMENT_LIMIT = 2_000
# "2026-11-22 10:00:00 - Ada Lovelace (Comments)", as journals are displayed, newest first.
ENTRY = re.compile(
    r"^\d{2,4}\D\d{2}\D\d{2,4} [^\n]{0,200} - [^\n]{1,200} \([^\n()]{1,60}\)\n", re.M
)


@dataclass(frozen=True, slots=True)
class Approver:
    """One person asked about one change request. `updated_by` is the user name of whoever wrote last."""

    sys_id: str
    change: str
    state: str
    user: str
    user_name: str
    email: str
    comment: str
    updated_by: str


def decided(wire: Wire, changes: Sequence[str], *, since: datetime | None) -> list[Approver]:
    """The rows of these changes that say yes or no, oldest first, once each. Raises DeliveryError.

    With `since`, only what was written since then and a while before. Rows of other changes, which a
    misread query would bring, are left out.
    """
    found: dict[str, Approver] = {}
    for start in range(0, len(changes), CHANGES_AT_ONCE):
        some = [one for one in changes[start : start + CHANGES_AT_ONCE] if SYS_ID.fullmatch(one)]
        query = f"sysapprovalIN{','.join(some)}^stateIN{APPROVED},{REJECTED}{_after(since)}"
        for row in _pages(wire, query) if some else ():
            if row.change in some and row.state in (APPROVED, REJECTED):
                found[row.sys_id] = row
    return list(found.values())


def asked(wire: Wire, change: str) -> list[Approver]:
    """The rows of one change that still wait for an answer."""
    rows = _pages(wire, f"sysapproval={change}^state={REQUESTED}")
    return [row for row in rows if row.change == change and row.state == REQUESTED]


def answer(wire: Wire, row: Approver, *, state: str, comments: str) -> None:
    """Write into a row what its own person decided here. Raises DeliveryError."""
    wire.call("PATCH", f"{TABLE}/{row.sys_id}", body={"state": state, "comments": comments})


def _after(since: datetime | None) -> str:
    if since is None:
        return ""
    moment = (since - OVERLAP).astimezone(UTC)
    generated = f"javascript:gs.dateGenerate('{moment:%Y-%m-%d}','{moment:%H:%M:%S}')"
    return f"^sys_updated_on>={generated}"


def _pages(wire: Wire, query: str) -> list[Approver]:
    rows: list[Approver] = []
    for page in range(MOST_PAGES):
        parameters = {
            "sysparm_query": f"{query}^ORDERBYsys_updated_on^ORDERBYsys_id",
            "sysparm_fields": FIELDS,
            "sysparm_limit": str(PAGE),
            "sysparm_offset": str(page * PAGE),
            "sysparm_display_value": "all",  # a journal has a display value only
            "sysparm_exclude_reference_link": "true",
        }
        told = records(wire.call("GET", TABLE, query=parameters))
        rows += [row for row in map(_row, told) if SYS_ID.fullmatch(row.sys_id)]
        if len(told) < PAGE:
            return rows
    raise DeliveryError("ServiceNow answered with more approvals than there can be.")


def _row(record: Mapping[str, Any]) -> Approver:
    return Approver(
        sys_id=text(record, "sys_id"),
        change=text(record, "sysapproval"),
        state=text(record, "state"),
        user=text(record, "approver"),
        user_name=text(record, "approver.user_name"),
        email=text(record, "approver.email"),
        comment=_comment(record),
        updated_by=text(record, "sys_updated_by"),
    )


def _comment(record: Mapping[str, Any]) -> str:
    """The newest entry of the journal, without the line that says who wrote it when."""
    stream = text(record, "comments", shown=True) or text(record, "comments")
    entries = [entry.strip() for entry in ENTRY.split(stream) if entry.strip()]
    return entries[0][:COMMENT_LIMIT] if entries else ""
