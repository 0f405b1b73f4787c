"""The parameters of a request as its page shows them: all of them, long ones cut until they are opened."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from approvals.domain import display
from approvals.domain.cards import Card
from approvals.models import ApprovalRequest
from approvals.web.ladder import LONG


@dataclass(frozen=True, slots=True)
class Value:
    """One parameter. A text stands in quotes, so that "1182" is not taken for a number.

    `copied` is what it shows without them, so nothing hidden is copied; empty for what is cut.
    """

    path: str
    text: str
    raw: str
    notes: tuple[str, ...]
    kind: str
    means: str
    is_cut: bool
    length: str
    copied: str


def drawn(row: ApprovalRequest, card: Card, *, in_full: bool) -> list[Value]:
    """In the order they were sent. What is cut keeps its beginning and its end, and counts the rest."""
    shown = card.parameters
    if not in_full:
        shown = display.parameters(row.submission["parameters"], limit=LONG)
    return [_value(each) for each in shown]


def raw(row: ApprovalRequest) -> str:
    """All of them as JSON, with everything unusual escaped; empty where there are none."""
    found: dict[str, Any] = row.submission["parameters"]
    return json.dumps(found, indent=2, ensure_ascii=True) if found else ""


def _value(parameter: display.Parameter) -> Value:
    text = parameter.shown.text
    is_bare_text = parameter.raw.startswith('"') and text != '""'
    return Value(
        path=parameter.path,
        text=f'"{text}"' if is_bare_text else text,
        raw=parameter.raw if len(parameter.raw) <= LONG else "",
        notes=parameter.shown.notes,
        kind=parameter.kind,
        means=parameter.means,
        is_cut=not parameter.shown.complete,
        length=f"{parameter.shown.total_length:,}",
        copied=text if parameter.shown.complete else "",
    )


def safe(text: str, *, limit: int = 300) -> str:
    """A name, or a sentence that holds one, with what hides in it shown."""
    return display.show(text, limit=limit).text
