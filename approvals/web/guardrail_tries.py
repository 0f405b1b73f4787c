"""What an agent tried again after a no, side by side: only what differs, and the reasons it was given."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from approvals.domain import display
from approvals.domain.terms import AlertKind, Status
from approvals.models import Alert, ApprovalRequest
from approvals.queries import guardrail_lists as reads
from approvals.services import more_scope
from approvals.web.history_facets import WORDS

MOST_COLUMNS = 5
ABSENT = "–"


def refs_of(alert: Alert) -> list[int]:
    """The numbers of the requests an alert is about, as it remembers them."""
    said = alert.values.get("requests")
    refs = said if isinstance(said, list) else []
    numbers = (str(ref).removeprefix("REQ-") for ref in refs)
    return [int(number) for number in numbers if number.isascii() and number.isdecimal()]


def asked_in(alert: Alert) -> list[int]:
    """The number of the request that asks for more scope because of an alert; empty before anybody asks."""
    ref = str(alert.values.get(more_scope.ASKED_IN, ""))
    number = ref.removeprefix("REQ-")
    return [int(number)] if ref != number and number.isascii() and number.isdecimal() else []


def asked(alert: Alert, known: Mapping[int, ApprovalRequest]) -> dict[str, Any]:
    """That request, and how it stands."""
    row = next((known[number] for number in asked_in(alert) if number in known), None)
    if row is None:
        return {}
    words = WORDS["outcome"][row.status].lower()
    return {"ref": row.ref, "words": words, "waits": not Status(row.status).is_final}


def read(alerts: Iterable[Alert]) -> Mapping[int, ApprovalRequest]:
    """Every request the repeated denials are about, and those that ask for more scope."""
    kind = AlertKind.REPEATED_DENIALS.value
    return reads.tries(
        number
        for each in alerts
        for number in (refs_of(each) if each.kind == kind else asked_in(each))
    )


def beside(alert: Alert, known: Mapping[int, ApprovalRequest]) -> dict[str, Any]:
    """A row for each try, oldest first, with a column for whatever was not the same in all of them."""
    rows = [known[number] for number in sorted(refs_of(alert)) if number in known]
    if len(rows) < 2:
        return {}
    flat = [_flat(row) for row in rows]
    names = list(dict.fromkeys(name for each in flat for name in each))
    changed = [name for name in names if len({each.get(name, ABSENT) for each in flat}) > 1]
    shown = changed[:MOST_COLUMNS]
    return {
        "names": [_safe(name) for name in shown],
        "left": len(changed) - len(shown),
        "is_same": not changed,
        "rows": [
            {
                "ref": row.ref,
                "at": row.created_at,
                "values": [(_safe(name), _safe(each.get(name, ABSENT))) for name in shown],
                "answer": _answer(row),
            }
            for row, each in zip(rows, flat, strict=True)
        ],
    }


def _flat(row: ApprovalRequest) -> dict[str, str]:
    parameters = row.submission.get("parameters") or {}
    return {"action": row.action, "target": row.target} | {
        str(name): json.dumps(value, ensure_ascii=False, sort_keys=True)
        for name, value in parameters.items()
    }


def _answer(row: ApprovalRequest) -> str:
    final = next(iter(getattr(row, "final", ())), None)
    if final is None:
        return ""
    return (
        f"{_safe(str(final.person))}: {display.show(final.comment or 'no reason', limit=200).text}"
    )


def _safe(text: str) -> str:
    return display.show_identifier(text, limit=80).text
