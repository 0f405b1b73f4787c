"""The second half of history: what people changed about the service itself."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals.domain import display
from approvals.domain.terms import EventKind
from approvals.models import AuditEvent, Person
from approvals.queries import history_changes as reads
from approvals.queries.changes_before import known_before
from approvals.services import clock, reasons_after
from approvals.web.access import signed_in
from approvals.web.change_words import Fact, facts
from approvals.web.paging import PER_PAGE, whole

NAMED = (
    "agent",
    "person",
    "team",
    "version",
    "grant",
    "channel",
    "prefix",
    "alert",
    "kind",
    "format",
)
MOST_LINES = 400
LONGEST = 2_000
SOON = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Line:
    """One change: who, when, what."""

    seq: int
    at: datetime
    words: str
    about: str
    by: str
    facts: tuple[Fact, ...]
    missing: str = ""


@require_safe
@signed_in
def changes(request: HttpRequest, person: Person) -> HttpResponse:
    """Newest first, by kind and by who did it."""
    del person
    kind = request.GET.get("kind", "")
    kind = kind if kind in reads.KINDS else ""
    by = request.GET.get("by", "").strip()[:254]
    below = whole(request.GET.get("older", ""))
    found = reads.page(kind=kind, by=by, below=below, limit=PER_PAGE)
    wordless = reasons_after.still_wordless(found.events)
    here = {name: value for name, value in {"kind": kind, "by": by}.items() if value}
    shown = {
        "section": "history",
        "tab": "changes",
        "now": clock.now(),
        "lines": [
            replace(_line(event), missing=_missing(event, wordless)) for event in found.events
        ],
        "kinds": list(reads.KINDS),
        "kind": kind,
        "by": by,
        "below": below,
        "newest_address": f"/history/changes?{urlencode(here)}",
        "older_address": f"/history/changes?{urlencode(here | {'older': found.older})}"
        if found.older is not None
        else "",
    }
    return render(request, "history_changes.html", shown)


@require_safe
@signed_in
def change(request: HttpRequest, person: Person, seq: int) -> HttpResponse:
    """One change in full, between the one before and the one after of its kind."""
    del person
    event = reads.one(seq) if seq < 2**31 else None
    if event is None:
        words = "There is no such change. Nothing was changed by asking."
        return render(request, "problem.html", {"title": "Not here", "words": words}, status=404)
    before, after = reads.beside(event)
    shown = {
        "section": "history",
        "tab": "changes",
        "now": clock.now(),
        "line": _line(event, limit=LONGEST, known=known_before(event)),
        "event": event,
        "missing": _missing(event, reasons_after.still_wordless([event])),
        "said_later": _said_later(event),
        "before": before,
        "after": after,
        "difference": list(_policy_difference(event)),
        "raw": json.dumps(event.entry, indent=2, ensure_ascii=True),
    }
    return render(request, "history_change.html", shown)


def _missing(event: AuditEvent, wordless: frozenset[int]) -> str:
    """What a change lacks that came without its reason: at first it is still to come."""
    if event.seq not in wordless:
        return ""
    return "No reason was given" if clock.now() - event.at > SOON else "Reason still to come"


def _said_later(event: AuditEvent) -> Line | None:
    later = reasons_after.said_of(event)
    return _line(later, limit=LONGEST) if later is not None else None


def _line(event: AuditEvent, *, limit: int = 200, known: Mapping[str, Any] | None = None) -> Line:
    raw = event.entry.get("detail")
    detail = raw if isinstance(raw, dict) else {}
    about = next((f"{detail[name]}" for name in NAMED if detail.get(name)), "")
    return Line(
        seq=event.seq,
        at=event.at,
        words=WORDS.get(event.type, event.type.replace(".", " ").replace("_", " ").capitalize()),
        about=display.show_identifier(about, limit=80).text,
        by=_who(event.actor),
        facts=facts(detail, limit=limit, known=known, but=about),
    )


def _who(actor: str) -> str:
    kind, _, name = actor.partition(":")
    titles = {"system": "the service", "policy": "policy", "agent": f"agent {name}",
              "operator": f"{name}, at the command line"}  # fmt: skip
    return display.show_identifier(titles.get(kind, name), limit=120).text


def _policy_difference(event: AuditEvent) -> Iterator[tuple[str, str]]:
    """Lines of a difference between two versions: `+`, `-`, or neither, and the text."""
    detail = event.entry.get("detail") or {}
    if event.type != EventKind.POLICY_APPLIED or not isinstance(detail.get("version"), int):
        return
    before, after = reads.policy_files(detail["version"])
    lines = (
        line
        for name in sorted({*before, *after})
        for line in difflib.unified_diff(
            before.get(name, "").splitlines(), after.get(name, "").splitlines(),
            f"{name}, before", f"{name}, after", lineterm="", n=2,
        )
    )  # fmt: skip
    for line in islice(lines, MOST_LINES):
        mark = line[:1] if line[:1] in "+-" and line[:3] not in {"+++", "---"} else ""
        yield mark, display.show(line, limit=LONGEST).text


WORDS: dict[str, str] = {
    EventKind.POLICY_APPLIED: "Policy applied",
    EventKind.POLICY_PROPOSED: "Policy proposed",
    EventKind.STAGE_CHANGED: "Stage of autonomy changed",
    EventKind.STAGE_PLANNED: "Stage of autonomy planned",
    EventKind.STAGE_DROPPED: "Planned stage dropped",
    EventKind.STAGE_EXPLAINED: "Reason said after a change of stage",
    EventKind.INCIDENT_REPORTED: "Incident reported",
    EventKind.SUGGESTION_MARKED: "Suggestion marked",
    EventKind.STANDING_GRANT_MADE: "Standing grant made",
    EventKind.STANDING_GRANT_REVOKED: "Standing grant revoked",
    EventKind.AGENT_ADDED: "Agent registered",
    EventKind.AGENT_KEY_ISSUED: "Key of an agent issued",
    EventKind.AGENT_KEY_REVOKED: "Key of an agent revoked",
    EventKind.AGENT_ZONE_CHANGED: "Time zone of an agent changed",
    EventKind.AGENT_SECRET_ROTATED: "Webhook secret changed",
    EventKind.AGENT_STOPPED: "Agent stopped",
    EventKind.AGENT_STARTED: "Agent started again",
    EventKind.PERSON_ADDED: "Person added",
    EventKind.PERSON_CHANGED: "Person changed",
    EventKind.PERSON_LINKED: "Account elsewhere linked",
    EventKind.PERSON_TOKEN_ISSUED: "Personal token issued",
    EventKind.PERSON_AWAY: "Away",
    EventKind.PERSON_BACK: "Back",
    EventKind.SHIFT_CHANGED: "Shift changed",
    EventKind.SIGN_IN_CHANGED: "Sign-in changed",
    EventKind.SHOWING_CHANGED: "What a channel may see changed",
    EventKind.BREAKER_OPENED: "Circuit breaker opened",
    EventKind.BREAKER_TRIED: "Circuit breaker lets one through",
    EventKind.BREAKER_CLOSED: "Circuit breaker closed",
    EventKind.ALERT_RAISED: "Alert raised",
    EventKind.ALERT_TAKEN: "Alert taken",
    EventKind.ALERT_MUTED: "Alerts muted",
    EventKind.ALERT_SCOPE_ASKED: "More scope asked for",
    EventKind.ALERT_CLOSED: "Alert closed",
    EventKind.CHANNEL_TRIED: "Test approval sent",
    EventKind.WORKSPACE_INSTALLED: "Slack workspace added",
    EventKind.WORKSPACE_REVOKED: "Slack workspace removed",
    EventKind.QUESTION_REFUSED: "Question refused",
    EventKind.AUDIT_EXPORTED: "History exported",
}
