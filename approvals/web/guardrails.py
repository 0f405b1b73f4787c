"""The guardrails page: four panels, the alerts, and the breakers, each number with its list."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from approvals.domain.cards import RISK_SHAPE
from approvals.domain.errors import Refusal
from approvals.domain.terms import AlertKind
from approvals.models import Alert, Person
from approvals.queries import guardrails as reads
from approvals.queries.used_rates import Used
from approvals.services import alert_life, alerts, breakers, clock, policies
from approvals.web import guardrail_rows, moments
from approvals.web.access import signed_in

SPANS = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}
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
MOST_BARS = 12


@dataclass(frozen=True, slots=True)
class Bar:
    """One rate of one agent; `filled` is in hundredths of the limit, at most 100."""

    agent: str
    rule: str
    words: str
    filled: int
    mark: str
    room: str


@require_safe
@signed_in
def show(request: HttpRequest, person: Person) -> HttpResponse:
    """The page; `?span=day|week|month` is how far back blocked requests are counted."""
    return _draw(request, person)


def _draw(
    request: HttpRequest, person: Person, *, refusal: Refusal | None = None, kept: str = ""
) -> HttpResponse:
    now = clock.now()
    span = request.GET.get("span", "day")
    span = span if span in SPANS else "day"
    opened = reads.alerts_open()
    facts = {
        "section": "guardrails",
        "now": now,
        "span": span,
        "spans": SPAN_WORDS,
        "span_words": SPAN_WORDS[span],
        "silent": _silent(now),
        "waiting": _waiting(now),
        "blocked": _blocked(span, now),
        "bars": _bars(now),
        "breakers": [guardrail_rows.breaker(trip, person, now) for trip in reads.breakers_open()],
        "closed": [guardrail_rows.breaker(trip, person, now) for trip in reads.breakers_closed()],
        "lists": [
            {"kind": kind.value, "title": title, "empty": empty,
             "alerts": [guardrail_rows.alert(alert, person, now) for alert in opened.get(kind.value, [])]}
            for kind, title, empty in LISTS
        ],
        "refusal": refusal.words if refusal else "",
        "kept": kept,
    }  # fmt: skip
    return render(request, "guardrails.html", facts, status=refusal.status if refusal else 200)


@require_POST
@signed_in
def close_alert(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    """Close an alert with what was found."""
    reason = request.POST.get("reason", "")
    return _do(
        request,
        person,
        lambda at: alerts.close(number=number, person=person, reason=reason, at=at),
        kept=reason,
    )


@require_POST
@signed_in
def take_alert(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    """Say that you look into it."""
    return _do(request, person, lambda at: alert_life.take(number=number, person=person, at=at))


@require_POST
@signed_in
def mute_alert(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    """Raise no more of this kind about this agent for some hours."""
    reason, hours = request.POST.get("reason", ""), request.POST.get("hours", "")
    length = timedelta(hours=int(hours) if hours.isdecimal() and len(hours) < 4 else 0)

    def mute(at: datetime) -> object:
        alert = Alert.objects.select_related("agent").filter(pk=number).first()
        if alert is None or alert.agent is None:
            raise alerts.NoSuchAlert(f"There is no alert {number} to mute. Nothing was muted.")
        return alert_life.mute(
            kind=AlertKind(alert.kind), agent=alert.agent, person=person, reason=reason,
            length=length, at=at,
        )  # fmt: skip

    return _do(request, person, mute, kept=reason)


@require_POST
@signed_in
def reset_breaker(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    """Close one breaker, with a reason."""
    reason = request.POST.get("reason", "")
    return _do(
        request,
        person,
        lambda at: breakers.reset(number=str(number), person=person, reason=reason, at=at),
        kept=reason,
    )


def _do(
    request: HttpRequest, person: Person, verb: Callable[[datetime], object], *, kept: str = ""
) -> HttpResponse:
    """Back to the page when it was done; the page with the refusal and what was typed when not."""
    try:
        verb(clock.now())
    except Refusal as refusal:
        return _draw(request, person, refusal=refusal, kept=kept)
    return HttpResponseRedirect("/guardrails")


def _silent(now: datetime) -> dict[str, Any]:
    """When the service last heard of an agent: a 0 means something only beside that."""
    last = reads.last_asked()
    if last is None:
        return {"words": "No agent has asked yet, so a 0 here says nothing.", "never": True}
    if now - last > timedelta(hours=1):
        return {"words": f"No request since {last:%H:%M} UTC on {last.day} {last:%b}.", "at": last}
    return {"words": f"Last request {moments.span(now - last)} ago.", "at": last, "fresh": True}


def _waiting(now: datetime) -> dict[str, Any]:
    found = reads.waiting(at=now)
    return {
        "count": f"{found.count}{'' if found.is_whole else '+'}",
        "by_risk": [
            {"risk": risk, "shape": RISK_SHAPE[risk], "count": count, "href": _queue(risk=risk.value)}
            for risk, count in reversed([*found.by_risk.items()])
        ],
        "oldest": moments.span(now - found.oldest) if found.oldest else "",
        "half_used": found.half_used,
        "line": json.dumps([[int(at.timestamp()) for at, _ in found.line], [n for _, n in found.line]]),
        "table": found.line,
        "most": max(n for _, n in found.line),
    }  # fmt: skip


def _queue(**filters: str) -> str:
    return f"/queue?{urlencode({'tab': 'all', **filters})}"


def _blocked(span: str, now: datetime) -> dict[str, Any]:
    since = (now - SPANS[span]).replace(microsecond=0)
    found = reads.blocked(since=since, at=now)
    after = f"after:{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    whole = f"outcome:denied basis:policy {after}"
    return {
        "count": f"{found.count}{'' if found.is_whole else '+'}",
        "href": _history(whole),
        "reasons": [
            {
                "words": (reason or "no rule").replace("_", " "),
                "count": count,
                "is_new": reason in found.fresh,
                "href": _history(f"{whole} rule:{reason}"),
            }
            for reason, count in found.by_reason
        ],
        "agents": [
            {"name": name, "count": count, "href": _history(f'{whole} agent:"{name}"')}
            for name, count in found.by_agent
        ],
        "last": found.last,
    }


def _history(tokens: str) -> str:
    return f"/history?{urlencode({'q': tokens})}"


def _bars(now: datetime) -> list[Bar]:
    try:
        policy = policies.current()
    except policies.NoPolicy:
        return []
    return [_bar(used, now) for used in reads.near_limits(policy, at=now)[:MOST_BARS]]


def _bar(used: Used, now: datetime) -> Bar:
    share = used.share
    mark = "Over the limit" if share > 1 else "At the limit" if share == 1 else ""
    room = (
        f"room again in {moments.span(used.room_at - now)}"
        if share >= 1 and used.room_at and used.room_at > now
        else ""
    )
    return Bar(
        agent=used.agent,
        rule=used.rule,
        words=f"{used.used} of {used.limit} this {used.window}",
        filled=min(100, round(100 * share)),
        mark=mark or ("Near the limit" if share >= 0.8 else ""),
        room=room,
    )
