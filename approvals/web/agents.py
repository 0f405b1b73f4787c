"""Agents, all of them in a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals.domain import display
from approvals.domain.terms import Stage
from approvals.models import AgentStage, ApprovalRequest, Person
from approvals.queries import agents as reads
from approvals.services import clock, stewards
from approvals.web import agents_trust
from approvals.web.access import signed_in
from approvals.web.bounded import bounded

STATE_WORDS = {"active": "Active", "stopped": "Stopped", "breaker": "Breaker open"}


@dataclass(frozen=True, slots=True)
class Row:
    """One agent in the list."""

    name: str
    owner: str
    state: str
    css: str
    stages: tuple[agents_trust.Rung, ...]
    stage_words: str
    waiting: int
    denied: str
    last: str
    last_at: datetime | None


@require_safe
@signed_in
@bounded
def show_all(request: HttpRequest, person: Person) -> HttpResponse:
    """The list; `q`, `state` and `stage` narrow it, `after` is the name the page begins behind."""
    now = clock.now()
    chosen = {name: request.GET.get(name, "").strip()[:80] for name in ("q", "state", "stage")}
    chosen["state"] = chosen["state"] if chosen["state"] in STATE_WORDS else ""
    chosen["stage"] = chosen["stage"] if chosen["stage"] in list(Stage) else ""
    after = request.GET.get("after", "")[:80]
    lines, following = reads.page(
        words=plain(chosen["q"]), state=chosen["state"], stage=chosen["stage"],
        after=plain(after), at=now,
    )  # fmt: skip
    query = urlencode({name: value for name, value in chosen.items() if value})
    facts = {
        "section": "agents",
        "now": now,
        "rows": [_row(line) for line in lines],
        "chosen": chosen,
        "states": STATE_WORDS.items(),
        "stages": [(stage.value, stage.value.capitalize()) for stage in Stage],
        "query": query,
        "after": after,
        "following": urlencode({"after": following}) if following else "",
        "is_empty": not lines and reads.known() == 0,
        "is_steward": stewards.is_steward(person),
        "url": settings.PUBLIC_URL,
    }
    facts["here"] = urlencode({name: request.GET[name] for name in request.GET})[:400]
    response = render(request, "agents.html", facts)
    response.headers["X-Server-Time"] = now.isoformat()
    return response


def plain(text: str) -> str:
    """What could be a name at all; PostgreSQL keeps no null characters."""
    return text.replace("\x00", "")


def _row(line: reads.Line) -> Row:
    words, css = _state(line)
    return Row(
        name=line.agent.name,
        owner=str(line.agent.owner or ""),
        state=words,
        css=css,
        stages=agents_trust.ladder(_lowest(line.stages)),
        stage_words=_stage_words(line.stages),
        waiting=line.waiting,
        denied=_counted(line.denied, is_all=line.denied_is_all),
        last=headline(line.last) if line.last else "",
        last_at=line.last.created_at if line.last else None,
    )


def _counted(number: int, *, is_all: bool) -> str:
    """Empty for none; with a plus where older ones were not looked at."""
    return f"{number}+" if not is_all else str(number or "")


def _state(line: reads.Line) -> tuple[str, str]:
    if not line.agent.is_enabled:
        return "⊘ Stopped", "status-denied"
    return ("! Breaker open", "status-failed") if line.breaker else ("✔ Active", "status-closed")


def _lowest(stages: Sequence[AgentStage]) -> Stage | None:
    return min((Stage(row.stage) for row in stages), key=lambda one: one.rank, default=None)


def _stage_words(stages: Sequence[AgentStage]) -> str:
    """One stage by its name; several as the span they make."""
    found = sorted({Stage(row.stage) for row in stages}, key=lambda one: one.rank)
    if not found:
        return "No stage"
    if len(found) == 1:
        return found[0].value.capitalize()
    return f"{found[0].value.capitalize()} to {found[-1].value}, by class"


def headline(row: ApprovalRequest) -> str:
    """What was asked, in one line."""
    action = display.show_identifier(row.action, limit=60).text
    return f"{action} {display.show_identifier(row.target, limit=80).text}"
