"""The guardrails page: four panels, the alerts, and the breakers, each number with its list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals.domain.errors import Refusal
from approvals.domain.terms import AlertKind
from approvals.models import Alert, ApprovalRequest, Person
from approvals.queries import guardrail_lists as lists
from approvals.queries import guardrails as reads
from approvals.queries.guardrail_lists import Causes
from approvals.services import clock
from approvals.services.alert_life import Life
from approvals.web import guardrail_panels as panels
from approvals.web import guardrail_rows, guardrail_tries, moments
from approvals.web.access import signed_in
from approvals.web.bounded import bounded
from approvals.web.paging import whole

LONGEST_AGENT = 80
SPAN_WORDS = {"day": "24 hours", "week": "7 days", "month": "30 days"}
LISTS = (
    (
        AlertKind.REPEATED_DENIALS,
        "Keeps asking after a no",
        "No agent was denied again and again.",
    ),
    (
        AlertKind.UNUSUAL_PATTERN,
        "Not like usual",
        "Nothing differs from what agents usually ask.",
    ),
    (
        AlertKind.SCOPE_VIOLATION,
        "Asked for more than allowed",
        "No agent asked beyond its scope.",
    ),
    (
        AlertKind.FORGED_MESSAGE,
        "Messages that are not ours",
        "Nobody clicked a button of a copied or changed message.",
    ),
)


@require_safe
@signed_in
@bounded
def show(request: HttpRequest, person: Person) -> HttpResponse:
    """The page; `?span=day|week|month` is how far back blocked requests are counted."""
    return draw(request, person)


def draw(
    request: HttpRequest, person: Person, *, refusal: Refusal | None = None, kept: str = ""
) -> HttpResponse:
    """The page as it stands, with what was refused and what was typed."""
    now = clock.now()
    span = request.GET.get("span", "day")
    span = span if span in SPAN_WORDS else "day"
    rates, agent = request.GET.get("rates", ""), _agent(request)
    last = reads.last_asked()
    facts = {
        "section": "guardrails",
        "now": now,
        "span": span,
        "spans": SPAN_WORDS,
        "span_words": SPAN_WORDS[span],
        "silent": _silent(last, now),
        "waiting": panels.waiting(last, now),
        "blocked": panels.blocked(span, last, person, now),
        "limits": panels.limits(last, now, shown=rates, agent=agent),
        "address": _address(span, rates, agent),
        "tripped": panels.breakers(now),
        "breakers": [guardrail_rows.breaker(trip, person, now) for trip in reads.breakers_open()],
        "closed": [guardrail_rows.breaker(trip, person, now) for trip in reads.breakers_closed()],
        "lists": _lists(person, now),
        "refusal": refusal.words if refusal else "",
        "kept": kept,
    }
    response = render(request, "guardrails.html", facts, status=refusal.status if refusal else 200)
    response.headers["X-Server-Time"] = now.isoformat()
    return response


def _agent(request: HttpRequest) -> str:
    """Whose rates alone are asked for; what no agent can be called stays a name that none has."""
    asked = request.GET.get("agent", "").strip()[: LONGEST_AGENT + 1]
    return "".join(each if each.isprintable() else "?" for each in asked)


def _address(span: str, rates: str, agent: str) -> str:
    """The page's own, in the state it is drawn in."""
    state = {"span": span} | ({"rates": rates} if rates in {"near", "all"} else {})
    return f"/guardrails?{urlencode(state | ({'agent': agent} if agent else {}))}"


def _lists(person: Person, now: datetime) -> list[dict[str, Any]]:
    pages = {kind: lists.causes(kind=kind) for kind, *_ in LISTS}
    known = guardrail_tries.read(_newest(pages.values()))
    return [
        {"kind": kind.value, "title": title, "empty": empty}
        | _drawn(pages[kind], person, known, now)
        for kind, title, empty in LISTS
    ]


def _newest(pages: Iterable[Causes]) -> Iterator[Alert]:
    """What is drawn in full; of its repeats the sentences tell enough."""
    return (each.alerts[0] for page in pages for each in page.page)


def _drawn(
    found: Causes, person: Person, known: Mapping[int, ApprovalRequest], now: datetime
) -> dict[str, Any]:
    entries = guardrail_rows.by_cause(found.page, person, known, now)
    return {
        "alerts": [each for each in entries if each["life"] != Life.WATCHED],
        "watched": [each for each in entries if each["life"] == Life.WATCHED],
        "is_drawn": bool(entries),
        "count": f"{found.count}" if found.is_all else f"{found.count}+",
        "following": found.following,
    }


@require_safe
@signed_in
def alerts(request: HttpRequest, person: Person) -> HttpResponse:
    """The alerts of one kind that nobody has closed; `before` is where a page begins."""
    return draw_alerts(request, person)


def draw_alerts(
    request: HttpRequest, person: Person, *, refusal: Refusal | None = None, kept: str = ""
) -> HttpResponse:
    """One page of a kind, with what was refused and what was typed."""
    now = clock.now()
    about = next((each for each in LISTS if each[0].value == request.GET.get("kind")), None)
    if about is None:
        words = (
            "There are no alerts of this kind. Each list on the guardrails page leads to its own."
        )
        return render(request, "problem.html", {"title": "Not here", "words": words}, status=404)
    kind, title, empty = about
    below = whole(request.GET.get("before", ""))
    found = lists.causes(kind=kind, below=below)
    known = guardrail_tries.read(_newest([found]))
    facts = {
        "section": "guardrails",
        "now": now,
        "silent": _silent(reads.last_asked(), now),
        "list": {"kind": kind.value, "title": title, "empty": empty}
        | _drawn(found, person, known, now),
        "is_later": below is not None,
        "here": f"?{_place(request)}",
        "refusal": refusal.words if refusal else "",
        "kept": kept,
    }
    status = refusal.status if refusal else 200
    return render(request, "guardrails_alerts.html", facts, status=status)


def _place(request: HttpRequest) -> str:
    """Which page of alerts it is, as an address says it."""
    kept = {name: request.GET[name] for name in ("kind", "before") if request.GET.get(name)}
    return urlencode(kept)


def way_back(request: HttpRequest) -> str:
    """The page an act was done on: one of a kind's alerts, or the guardrails."""
    if request.GET.get("kind"):
        return f"/guardrails/alerts?{_place(request)}"
    span = request.GET.get("span", "")
    return f"/guardrails?span={span}" if span in SPAN_WORDS else "/guardrails"


def _silent(last: datetime | None, now: datetime) -> dict[str, Any]:
    """When the service last heard of an agent: a 0 means something only beside that."""
    if last is None:
        return {"words": "No agent has asked yet, so a 0 here says nothing.", "never": True}
    if now - last > timedelta(hours=1):
        return {"words": f"No request since {last:%H:%M} UTC on {last.day} {last:%b %Y}."}
    return {"words": f"Last request {moments.span(now - last)} ago.", "fresh": True}


@require_safe
@signed_in
def breakers(request: HttpRequest, person: Person) -> HttpResponse:
    """Every breaker that is open, or that opened in thirty days; `before` is where a page begins."""
    now = clock.now()
    only_open = request.GET.get("state") == "open"
    below = whole(request.GET.get("before", ""))
    found, following = lists.breakers(only_open=only_open, since=now - panels.MONTH, below=below)
    facts = {
        "section": "guardrails",
        "now": now,
        "rows": [guardrail_rows.breaker(trip, person, now) for trip in found],
        "only_open": only_open,
        "following": following,
        "is_later": below is not None,
        "last": lists.trips(since=now).last,
    }
    return render(request, "guardrails_breakers.html", facts)
