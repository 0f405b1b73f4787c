"""Insights: how deciding goes, drawn so that rules get better; never a ranking of people."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals.domain import display, search
from approvals.domain.cards import RISK_SHAPE
from approvals.domain.search import Term
from approvals.domain.terms import Status
from approvals.models import Person
from approvals.queries import insights as reads
from approvals.queries.insights import Burden, Insights
from approvals.services import clock
from approvals.web import insights_spared, moments
from approvals.web.access import signed_in
from approvals.web.bounded import bounded

SPANS = {"7": "7 days", "30": "30 days", "90": "90 days"}
MOST_REPORTS = 20
TOP = 10
DAY_SECONDS = 86_400.0


@require_safe
@signed_in
@bounded
def show(request: HttpRequest, person: Person) -> HttpResponse:
    """The page; `?days=7|30|90` is how far back it counts."""
    now = clock.now()
    days = request.GET.get("days", "30")
    days = days if days in SPANS else "30"
    midnight = datetime.combine(now.astimezone(UTC).date(), time(), tzinfo=UTC)
    since = midnight - timedelta(days=int(days) - 1)
    found = reads.of(since=since, at=now)
    counted = found.since
    facts = {
        "section": "insights",
        "now": now,
        "days": days,
        "spans": SPANS,
        "span_words": SPANS[days],
        "found": found,
        "most": reads.MOST,
        "figures": _figures(found),
        "risks": _risks(found),
        "steps": _steps(found),
        "decided_href": _history("basis:person", counted),
        "days_table": _days(found),
        "line": json.dumps(
            [[int(datetime.combine(day, time(), tzinfo=UTC).timestamp()) for day, _, _ in found.days],
             [asked for _, asked, _ in found.days],
             [expired for _, _, expired in found.days]]
        ),
        "idle": [_idle(each, counted) for each in found.idle[:TOP]],
        "all_idle": len(found.idle),
        "agents": [_agent(each, counted) for each in found.agents[:TOP]],
        "all_agents": len(found.agents),
        **_borne(person, since),
    }  # fmt: skip
    return render(request, "insights.html", facts)


def _figures(found: Insights) -> list[dict[str, Any]]:
    """The five that say most. A share of nothing is said in words, not as 0 %."""
    expired = found.by_status.get(Status.EXPIRED.value, 0)
    return [
        {
            "title": "Time to decide",
            "value": moments.span(found.took.median) if found.took else "",
            "words": f"in the middle; nine of ten under {moments.span(found.took.p90)}"
            if found.took
            else "no data: nobody decided anything",
            "href": _history("basis:person", found.since),
            "of": found.decided,
        },
        _share("Decided under 5 s", found.quick, found.decided, "decisions; too quick to have read",
               _history("basis:person took:under-5s", found.since)),
        _share("Asked again after a no", found.asked_again, found.denied, "denials; within a day",
               _history("outcome:denied is:asked-again", found.since)),
        _share("Not decided in time", expired, found.asked, "requests people were asked about",
               _history("outcome:expired is:asked", found.since)),
        _share("Approved", found.by_status.get(Status.APPROVED.value, 0), found.asked,
               "requests people were asked about", _history("outcome:approved is:asked", found.since)),
    ]  # fmt: skip


def _share(title: str, part: int, whole: int, noun: str, href: str) -> dict[str, Any]:
    value = f"{round(100 * part / whole)} %" if whole else ""
    words = (
        f"{part} of {whole} {noun}"
        if whole
        else f"no data: no {noun.split(';')[0].split(',')[0]} yet"
    )
    return {"title": title, "value": value, "words": words, "href": href, "of": whole}


def _history(tokens: str, since: datetime, until: str = "") -> str:
    """What agents asked; the service's own requests are counted nowhere here."""
    midnight = datetime.combine(since.date(), time(), tzinfo=UTC)
    day = f"{since:%Y-%m-%d}" if since == midnight else f"{since:%Y-%m-%dT%H:%M:%S.%fZ}"
    whole = f"{tokens} from:agents after:{day}{until}"
    return _searched(whole)


def _days(found: Insights) -> list[dict[str, Any]]:
    """Newest first, so that today stands on top of its table."""
    rows = []
    for day, asked, expired in reversed(found.days):
        midnight = datetime.combine(day, time(), tzinfo=UTC)
        begin = max(midnight, found.since)
        until = f" before:{midnight + timedelta(days=1):%Y-%m-%d}"
        rows.append(
            {
                "day": day,
                "asked": asked,
                "expired": expired,
                "asked_href": _history("is:asked", begin, until),
                "expired_href": _history("is:asked outcome:expired", begin, until),
            }
        )
    return rows


def _risks(found: Insights) -> list[dict[str, Any]]:
    """A mark at the median and a bar to the 90th percentile, on a scale that grows tenfold a step."""
    rows = []
    for risk, took in reversed([*found.took_by_risk.items()]):
        row: dict[str, Any] = {"risk": risk, "shape": RISK_SHAPE[risk], "words": "no decision"}
        if took:
            row |= {
                "words": f"{moments.span(took.median)}, nine of ten under {moments.span(took.p90)}",
                "count": took.count,
                "href": _history(f"basis:person risk:{risk.value}", found.since),
                "middle": _place(took.median),
                "length": max(1, _place(took.p90) - _place(took.median)),
            }
        rows.append(row)
    return rows


def _place(length: timedelta) -> int:
    """A second stands at 0 and a day at 100; every tenfold in between is as long as the next."""
    seconds = min(max(length.total_seconds(), 1.0), DAY_SECONDS)
    return round(100 * math.log(seconds) / math.log(DAY_SECONDS))


def _steps(found: Insights) -> list[dict[str, Any]]:
    """The steps of the figures are those that history finds by."""
    most = max((count for _, count in found.steps), default=0)
    return [
        {
            "words": words,
            "count": count,
            "width": round(100 * count / most) if most else 0,
            "href": _history(f"basis:person took:{took}", found.since),
        }
        for (words, count), took in zip(found.steps, search.TOOK, strict=True)
    ]


def _idle(idle: reads.Idle, since: datetime) -> dict[str, Any]:
    name = display.show_identifier(idle.action, limit=80).text
    return {
        "action": name,
        "asked": idle.asked,
        "words": f"always approved, in the middle within {moments.span(idle.median)}",
        "href": _history(f"{Term('action', idle.action)} is:asked is:closed", since),
        "simulate": f"/policies/simulate?{urlencode({'action': idle.action})}",
    }


def _agent(trusted: reads.Trusted, since: datetime) -> dict[str, Any]:
    asked = f"{Term('agent', trusted.agent)} is:asked"
    ended = trusted.approved + trusted.denied + trusted.expired
    return {
        "name": trusted.agent,
        "asked": trusted.asked,
        "share": f"{round(100 * trusted.approved / ended)} %" if ended else "",
        "href": _history(asked, since),
        "counts": [
            {"word": word, "count": count, "href": _history(f"{asked} {tokens}", since)}
            for word, count, tokens in (
                ("approved", trusted.approved, "outcome:approved outcome:revoked"),
                ("denied", trusted.denied, "outcome:denied"),
                ("not decided in time", trusted.expired, "outcome:expired"),
                ("failed", trusted.failed, "ran:failed ran:rolled-back"),
            )
        ],
    }


def _borne(person: Person, since: datetime) -> dict[str, Any]:
    """What this person and the people they manage bore, and what other rules would have spared."""
    reports = list(person.reports.filter(is_active=True).order_by("name", "pk")[: MOST_REPORTS + 1])
    burdens = [reads.burden(each, since=since) for each in [person, *reports[:MOST_REPORTS]]]
    return {
        "burdens": [_burden(each, since) for each in burdens],
        "most_reports": MOST_REPORTS,
        "reports_cut": len(reports) > MOST_REPORTS,
        "spared": insights_spared.of(burdens[0], since=since),
    }


def _burden(burden: Burden, since: datetime) -> dict[str, Any]:
    if not burden.decided:
        return {"name": burden.name, "counts": []}
    share = round(100 * burden.quick / burden.decided)
    approved = round(100 * burden.approved / burden.decided)
    whole = search.written([Term("by", burden.email), Term("decided-after", f"{since:%Y-%m-%d}")])
    counts = (
        ("decided", burden.decided, "request" if burden.decided == 1 else "requests", whole),
        ("at most", burden.busiest, "in one day", _busiest(burden)),
        ("", burden.quick, f"within 5 s of looking ({share} %)", f"{whole} looked:under-5s"),
        ("", burden.approved, f"approved ({approved} %)", f"{whole} verdict:approve"),
        ("", burden.at_night, "between 19:00 and 07:00 UTC", f"{whole} at:night"),
        ("", burden.repeats, "the same as one before", f"{whole} is:repeat"),
    )
    return {
        "name": burden.name,
        "is_whole": burden.is_whole,
        "counts": [
            {"before": before, "count": count, "words": words, "href": _searched(tokens)}
            for before, count, words, tokens in counts
        ],
        "is_tired": burden.decided >= reads.ENOUGH and share >= 50,
    }


def _busiest(burden: Burden) -> str:
    """The decisions of the day with most of them."""
    day = burden.busiest_day or date.min
    terms = [
        Term("by", burden.email),
        Term("decided-after", f"{day:%Y-%m-%d}"),
        Term("decided-before", f"{day + timedelta(days=1):%Y-%m-%d}"),
    ]
    return search.written(terms)


def _searched(tokens: str) -> str:
    return f"/history?{urlencode({'q': tokens})}"
