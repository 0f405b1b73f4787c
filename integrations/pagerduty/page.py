"""Say a card in PagerDuty's words: the event that pages, and the notes that follow it.

PagerDuty shows texts as they are and makes links of addresses. An address somebody else wrote is
therefore broken, and a text of several lines is put on one, so that none passes for a line of ours.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.conf import settings

from approvals.domain.cards import Card, CheckLine
from approvals.domain.display import Parameter
from approvals.domain.terms import RiskLevel, Status

SUMMARY_LIMIT = 1_024
NOTE_LIMIT = 2_000
# Webhooks carry a whole incident up to 55 KB, and a page is read on a telephone.
PARAMETERS_LIMIT = 12_000
MOST_PARAMETERS = 60
CLAIM_LIMIT = 600
MOST_CLAIMS = 12
MOST_LINES = 12
LINE_LIMIT = 400
FINE = "OK"
SEVERITY = {
    RiskLevel.LOW: "info",
    RiskLevel.MEDIUM: "warning",
    RiskLevel.HIGH: "error",
    RiskLevel.CRITICAL: "critical",
}
TOO_LONG = "Too long to be shown here in full. Read it on the request's page, and decide there."


def event(card: Card, *, dedup_key: str) -> dict[str, Any]:
    """What a `trigger` carries beside the routing key."""
    return {
        "dedup_key": dedup_key,
        "payload": {
            "summary": cut(f"{inert(card.summary)}", SUMMARY_LIMIT),
            "source": settings.PUBLIC_URL,
            "severity": SEVERITY[card.risk],
            "timestamp": card.created_at.isoformat(),
            "component": cut(inert(card.headline), 200),
            "group": "approvals",
            "class": "approval",
            "custom_details": details(card),
        },
        "links": [{"href": card.url, "text": f"Review {card.ref}"}],
        "client": "Countersign",
        "client_url": card.url,
    }


def details(card: Card) -> dict[str, Any]:
    """What a person must know to decide, in the three zones that never mix."""
    zones: dict[str, Any] = {
        "Request": f"{card.ref} · {card.badge}",
        "State": inert(card.state_line),
        **{inert(fact.name): cut(inert(fact.value), 400) for fact in card.facts},
        "What would run": _parameters(card),
        "Fingerprint": card.fingerprint,
        "Why people are asked": _lines(card.because),
        "Checked": _lines([_checked(check) for check in _by_weight(card)]),
        "The agent says (not checked)": {
            cut(inert(claim.name), 60): cut(inert(claim.shown.text), CLAIM_LIMIT)
            for claim in card.claims[:MOST_CLAIMS]
        },
        "Decide": card.url,
    }
    return {name: value for name, value in zones.items() if value not in ("", [], {})}


def is_complete(card: Card) -> bool:
    """Whether the page shows what would run and every warning, so that it may be approved from there."""
    return card.drawable and _fits(card) and _warns_in_full(card)


def note(card: Card) -> str:
    """What became of a request, or what is asked of people now."""
    words = f"{card.badge}. {inert(card.headline)}. {inert(card.state_line)}"
    last = card.said[-1] if card.said else None
    if last is not None and last.shown.text and card.status is not Status.APPROVED:
        words += f" {inert(last.by)} wrote: “{inert(last.shown.text)}”"
    return f"{cut(words, NOTE_LIMIT - 300)} {card.ref} {card.url}"


def inert(text: str) -> str:
    """One line in which nothing can be followed."""
    return " ⏎ ".join(filter(None, map(str.strip, text.splitlines()))).replace("://", "[:]//")


def cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _by_weight(card: Card) -> list[CheckLine]:
    """What warns before what is in order: whatever has no room is then of the latter."""
    return sorted(card.checks, key=lambda check: check.mark == FINE)


def _checked(check: CheckLine) -> str:
    return inert(f"{check.mark}: {check.words}")


def _lines(texts: Sequence[str]) -> list[str]:
    """As many as there is room for, and how many more there are."""
    lines = [cut(inert(text), LINE_LIMIT) for text in texts[:MOST_LINES]]
    more = len(texts) - len(lines)
    return [*lines, f"{more} more on the request's page."] if more else lines


def _warns_in_full(card: Card) -> bool:
    warnings = [_checked(check) for check in card.checks if check.mark != FINE]
    return len(warnings) <= MOST_LINES and all(len(each) <= LINE_LIMIT for each in warnings)


def _parameters(card: Card) -> dict[str, str] | str:
    return dict(map(_row, card.parameters)) if _fits(card) else TOO_LONG


def _row(parameter: Parameter) -> tuple[str, str]:
    means = f" ({parameter.means})" if parameter.means else ""
    return inert(parameter.path), inert(f"{parameter.shown.text}{means}")


def _fits(card: Card) -> bool:
    rows = [_row(each) for each in card.parameters]
    # Two paths that look alike would hide one another.
    is_whole = len(dict(rows)) == len(rows) <= MOST_PARAMETERS
    return is_whole and len(json.dumps(rows, ensure_ascii=False).encode()) <= PARAMETERS_LIMIT
