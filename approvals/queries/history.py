"""History as people search it: terms applied to requests, page by page, and never without a bound.

Terms that an index answers go to the database as they are. The others look at the newest `WINDOW` requests
that match those, and the answer says so; the next page goes on where the window ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, Prefetch, QuerySet

from approvals.domain import compared
from approvals.domain.search import Search
from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest, Decision
from approvals.queries.history_terms import Sought, sought_by

WINDOW = 10_000
COUNTED = 2_000  # rows that facets are counted among: each page pays for them


@dataclass(frozen=True, slots=True)
class Searched:
    """How far a search looked that no index answers: this many requests, down to this number."""

    count: int
    down_to: int
    is_everything: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """How often each value stands among what was found, the most frequent first."""

    key: str
    counts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A page of history. `older` is the number the next page begins below; None on the last."""

    rows: list[ApprovalRequest] = field(default_factory=list)
    older: int | None = None
    searched: Searched | None = None
    facets: tuple[Facet, ...] = ()
    counted_all: bool = True
    notes: tuple[str, ...] = ()


def page(
    wanted: Search,
    *,
    now: datetime,
    below: int | None,
    limit: int,
    with_facets: bool = True,
    most_searched: int = WINDOW,
) -> Found:
    """The newest `limit` requests that match, from below a number. A constant count of statements."""
    sought = sought_by(wanted.terms, now=now)
    base = sought.base if below is None else sought.base.filter(number__lt=below)
    window = base.order_by("-number").values("number")[:most_searched]
    searched = _reach(window, most_searched) if sought.needs_window else None
    matched = _matched(sought, base, window)
    rows = list(_drawn(matched)[: limit + 1])
    facets, counted = _facets(matched) if with_facets else ((), 0)
    return Found(
        rows=rows[:limit],
        older=_older(rows, limit, searched),
        searched=searched,
        facets=facets,
        counted_all=counted < COUNTED and (searched is None or searched.is_everything),
        notes=sought.notes,
    )


def newer(wanted: Search, *, now: datetime, above: int, most: int) -> int:
    """How many requests that match came after a number, counted up to `most`."""
    sought = sought_by(wanted.terms, now=now)
    base = sought.base.filter(number__gt=above)
    window = base.order_by("-number").values("number")[:WINDOW]
    return len(_matched(sought, base, window).values_list("number")[:most])


def newest() -> int:
    """The highest number there is; 0 before the first request."""
    return ApprovalRequest.objects.aggregate(top=Max("number"))["top"] or 0


def count(wanted: Search, *, now: datetime, below: int) -> int | None:
    """How many match, where an index tells; None where only looking at each would."""
    sought = sought_by(wanted.terms, now=now)
    return None if sought.needs_window else sought.base.filter(number__lt=below).count()


def _older(rows: Sequence[ApprovalRequest], limit: int, searched: Searched | None) -> int | None:
    if len(rows) > limit:
        return rows[limit - 1].number
    return searched.down_to if searched and not searched.is_everything else None


def _drawn(rows: QuerySet[ApprovalRequest]) -> QuerySet[ApprovalRequest]:
    decisions = Decision.objects.select_related("person").order_by("id")
    return (
        rows.select_related("agent")
        .prefetch_related(Prefetch("decisions", decisions))
        .defer("evaluation", "because")
        .order_by("-number")
    )


def _reach(window: Any, most: int) -> Searched:
    found = ApprovalRequest.objects.filter(number__in=window).aggregate(
        count=Count("number"), least=Min("number")
    )
    return Searched(found["count"], found["least"] or 0, found["count"] < most)


def _matched(sought: Sought, base: QuerySet[ApprovalRequest], window: Any) -> Any:
    if not sought.needs_window:
        return base
    rows = ApprovalRequest.objects.filter(sought.rest, number__in=window)
    if not sought.compared:
        return rows
    told = rows.order_by("-number").values_list("number", "submission")
    numbers = [
        number
        for number, submission in told.iterator(chunk_size=500)
        if compared.fits(submission.get("parameters") or {}, sought.compared)
    ]
    return ApprovalRequest.objects.filter(number__in=numbers)


def _facets(matched: QuerySet[ApprovalRequest]) -> tuple[tuple[Facet, ...], int]:
    """Counted among the newest `COUNTED` that match, in two statements."""
    sample = matched.order_by("-number").values("number")[:COUNTED]
    rows = ApprovalRequest.objects.filter(number__in=sample)
    names = ("status", "risk", "agent__name", "basis")
    counted: dict[str, Counter[str]] = {name: Counter() for name in names}
    total = 0
    for line in rows.values(*names).annotate(n=Count("number")).order_by():
        total += line["n"]
        for name in names:
            counted[name][line[name]] += line["n"]
    clicks: dict[str, Counter[str]] = {"person__email": Counter(), "channel": Counter()}
    given = Decision.objects.filter(request__in=sample).exclude(verdict=Verdict.INVESTIGATE.value)
    lines = given.values("person__email", "channel").annotate(n=Count("request", distinct=True))
    for line in lines.order_by():
        clicks["person__email"][line["person__email"]] += line["n"]
        clicks["channel"][line["channel"]] += line["n"]
    titles = {"status": "outcome", "agent__name": "agent", "person__email": "by"}
    facets = tuple(
        Facet(titles.get(name, name), tuple(_most(seen)))
        for name, seen in (counted | clicks).items()
    )
    return facets, total


def _most(seen: Counter[str], most: int = 8) -> Iterable[tuple[str, int]]:
    named = [(value, number) for value, number in seen.items() if value]
    return sorted(named, key=lambda pair: (-pair[1], pair[0]))[:most]
