"""The evaluation of one request as its page shows it: each check, how it went, and by which rule."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from approvals.domain import display
from approvals.domain.terms import Approval
from approvals.models import ApprovalRequest

RESULTS = {"pass": "Passed", "fail": "Failed", "could_not_check": "Could not be checked"}
MARKS = {"pass": "ok", "fail": "caution", "could_not_check": "unknown"}
LEADS_TO = {"required": "asks a person", "forbidden": "refuses"}
MOST_VALUES = 16


def title(row: ApprovalRequest) -> str:
    """The heading above the reasons."""
    approval = Approval(row.plan["approval"])
    if approval is Approval.FORBIDDEN:
        return "Why policy refused it"
    return "Why a person is asked" if approval is Approval.REQUIRED else "Why nobody was asked"


def drawn(row: ApprovalRequest) -> list[dict[str, Any]]:
    """Every check in the order it was made, as it was stored."""
    return of_checks(row.evaluation)


def of_checks(checks: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same of any evaluation, as it is written to JSON."""
    return [_check(check) for check in checks]


def _check(check: Mapping[str, Any]) -> dict[str, Any]:
    """Values may be the agent's own words, so they are made safe to draw."""
    place = f"{check.get('file')}:{check.get('line')}" if check.get("file") else ""
    result = str(check.get("result"))
    return {
        "name": str(check.get("check", "")).replace("_", " "),
        "result": RESULTS.get(result, RESULTS["could_not_check"]),
        "css": MARKS.get(result, "unknown"),
        "leads_to": LEADS_TO.get(str(check.get("leads_to")), ""),
        "words": display.show(str(check.get("words", "")), limit=400).text,
        "values": list(islice(_values(check.get("values") or {}), MOST_VALUES)),
        "rule": str(check.get("rule") or ""),
        "place": place,
    }


def _values(values: Mapping[str, Any], within: str = "") -> Iterator[dict[str, str]]:
    """Each by its name; what stands in an object by both names."""
    for name, found in values.items():
        value = found
        if isinstance(value, Mapping) and isinstance(value.get("words"), str):
            value = value["words"]  # figures that are told in a sentence already
        if isinstance(value, Mapping) and not within:
            yield from _values(value, within=f"{name} ")
            continue
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield {
            "name": display.show_identifier(f"{within}{name}".replace("_", " "), limit=60).text,
            "text": display.show_identifier(text, limit=120).text,
        }
