"""Change requests: create, find, read, write, and walk through their states.

Which states follow is the instance's business (a change model may define its own), so each step is
asked for with `nextstates`. Fields that the instance does not know, or lets nobody write, it drops
without an error and names in `__meta.ignoredFields`: that is logged, and kept for the doctor.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from approvals.domain.cards import Card
from approvals.ports import DeliveryError
from integrations.servicenow import texts
from integrations.servicenow.configuration import Configuration
from integrations.servicenow.wire import Refused, Wire, records, text

logger = structlog.get_logger(__name__)

API = "/api/sn_chg_rest/v1/change"
TABLE = "/api/now/table/change_request"
FIELDS = (
    "sys_id,number,state,approval,description,correlation_id,correlation_display,"
    "sys_updated_by,sys_updated_on"
)
DISPLAY = "Countersign"
# A sys_id is 32 hexadecimal digits; what else comes must at least be safe in a path and a query.
SYS_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
NEW, ASSESS, AUTHORIZE, SCHEDULED, CANCELED = "-5", "-4", "-3", "-2", "4"
TOWARDS_WORK = (ASSESS, AUTHORIZE, SCHEDULED)
TOWARDS_END = (CANCELED,)
PAGE = 25  # their ids stand in the address, which no service takes at any length


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """One change request as ServiceNow told it."""

    sys_id: str
    number: str
    state: str
    approval: str
    description: str
    correlation_id: str
    correlation_display: str
    updated_by: str

    @property
    def receipt(self) -> dict[str, str]:
        return {"sys_id": self.sys_id, "number": self.number}


def create(wire: Wire, card: Card, *, kind: str, settings: Configuration) -> ChangeRequest:
    """Open a change request with all that people there must know. Raises DeliveryError."""
    path = f"{API}/standard/{settings.template}" if kind == "standard" else f"{API}/{kind}"
    body = {
        "short_description": texts.short(card),
        "description": texts.description(card).text,
        "correlation_id": card.public_id,
        "correlation_display": mark(card),
        "work_notes": texts.note(card),
    }
    if settings.assignment_group:
        body["assignment_group"] = settings.assignment_group
    return _one(wire.call("POST", path, body=body), sent=body)


def find(wire: Wire, card: Card) -> ChangeRequest | None:
    """The change request of an earlier attempt whose answer we never got; None if there is none.

    The answer is looked through once more: a query an instance cannot read matches everything.
    """
    asked = f"correlation_id={card.public_id}"
    for found in _read(wire, asked, limit=10):
        if found.correlation_id == card.public_id:
            return found
    return None


def read(wire: Wire, sys_ids: Sequence[str]) -> dict[str, ChangeRequest]:
    """These change requests by sys_id; one that is missing cannot be read by our account, or is gone."""
    found: dict[str, ChangeRequest] = {}
    for start in range(0, len(sys_ids), PAGE):
        some = [sys_id for sys_id in sys_ids[start : start + PAGE] if SYS_ID.fullmatch(sys_id)]
        if some:
            asked = f"sys_idIN{','.join(some)}"
            told = _read(wire, asked, limit=len(some))
            found |= {change.sys_id: change for change in told if change.sys_id in some}
    return found


def write(wire: Wire, sys_id: str, body: Mapping[str, str]) -> ChangeRequest:
    """Change some fields. Raises DeliveryError; a record that is gone is a `Refused` with 404."""
    return _one(wire.call("PATCH", f"{API}/{sys_id}", body=body), sent=body)


def walk(wire: Wire, change: ChangeRequest, *, towards: Sequence[str], because: str = "") -> None:
    """Move a change request along these states, a step at a time, as far as the instance lets us.

    A step it will not make (mandatory fields, missing approvals) ends the walk with a line in the
    log; people there can make it. Raises DeliveryError only for what another attempt may change.
    """
    state = change.state
    for _ in towards:
        try:
            offered = next_states(wire, change.sys_id)
            wanted = [step for step in _ahead(towards, state) if step in offered]
            if not wanted:
                return
            notes = {"work_notes": texts.inert(because)} if because else {}
            reached = write(wire, change.sys_id, {"state": wanted[0], **notes}).state
        except Refused as refusal:
            logger.warning("servicenow state kept", change=change.number, error=refusal.words)
            return
        if reached in ("", state):
            logger.warning("servicenow state kept", change=change.number, wanted=wanted[0])
            return
        state = reached


def _ahead(towards: Sequence[str], state: str) -> Sequence[str]:
    """What lies before a change request: never a step back, for people may be further than we are."""
    if state in towards:
        return towards[towards.index(state) + 1 :]
    return towards if state in ("", NEW) or CANCELED in towards else ()


def ask_for_approval(wire: Wire, change: ChangeRequest) -> None:
    """Bring a new change request before its approvers, by the one step its kind has for that."""
    if change.state in ("", NEW):
        offered = next_states(wire, change.sys_id)
        first = [state for state in (ASSESS, AUTHORIZE) if state in offered][:1]
        walk(wire, change, towards=first)


def next_states(wire: Wire, sys_id: str) -> frozenset[str]:
    """The states a change request may be moved to now, its present one left out."""
    [found, *_] = records(wire.call("GET", f"{API}/{sys_id}/nextstates")) or [{}]
    told = found.get("available_states")
    states = {str(state) for state in told} if isinstance(told, list) else set()
    for step in _steps(found.get("state_transitions")):
        if step.get("transition_available") in (False, "false"):
            states.discard(str(step.get("to_state")))
    return frozenset(states - {text(found, "state")})


def mark(card: Card) -> str:
    """What the record shows it was last told, so that a repeated attempt tells it nothing twice."""
    digest = hashlib.sha256(texts.note(card).encode()).hexdigest()[:12]
    return f"{DISPLAY} {card.ref} {digest}"


def _steps(value: object) -> Iterator[Mapping[str, Any]]:
    """Transitions come in lists of lists."""
    if isinstance(value, list):
        for inner in value:
            yield from _steps(inner)
    elif isinstance(value, dict):
        yield value


def _read(wire: Wire, query: str, *, limit: int) -> list[ChangeRequest]:
    asked = {
        "sysparm_query": query,
        "sysparm_fields": FIELDS,
        "sysparm_limit": str(limit),
        "sysparm_exclude_reference_link": "true",
    }
    return [_change(record) for record in records(wire.call("GET", TABLE, query=asked))]


def _one(result: Any, *, sent: Mapping[str, str]) -> ChangeRequest:
    [record, *_] = records(result) or [{}]
    change = _change(record)
    if not SYS_ID.fullmatch(change.sys_id):
        raise DeliveryError("ServiceNow answered without naming the record.", unknown=True)
    _report_ignored(change, record, sent)
    return change


def _report_ignored(
    change: ChangeRequest, record: Mapping[str, Any], sent: Mapping[str, str]
) -> None:
    meta = record.get("__meta")
    named = meta.get("ignoredFields") if isinstance(meta, dict) else None
    ignored = sorted(set(map(str, named)) & set(sent)) if isinstance(named, list) else []
    if ignored:
        logger.warning("servicenow ignored fields", change=change.number, fields=ignored)


def _change(record: Mapping[str, Any]) -> ChangeRequest:
    return ChangeRequest(
        sys_id=text(record, "sys_id"),
        number=text(record, "number")[:40],
        state=text(record, "state"),
        approval=text(record, "approval"),
        description=text(record, "description"),
        correlation_id=text(record, "correlation_id"),
        correlation_display=text(record, "correlation_display"),
        updated_by=text(record, "sys_updated_by"),
    )
