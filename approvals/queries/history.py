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
from approvals.queries.bounded import Deadline, LooksAtTooMuch, within
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
    counting_was_cut: bool = False
    notes: tuple[str, ...] = ()


def page(
    wanted: Search,
    *,
    now: datetime,
    below: int | None,
    limit: int,
    with_facets: bool = True,
    most_searched: int = WINDOW,
    seconds: float | None = None,
) -> Found:
    """The newest `limit` requests that match, from below a number. A constant count of statements.

    With `seconds` finding them ends after so long, and raises LooksAtTooMuch; counting them after as long
    again, and then nothing is counted.
    """
    with within(seconds) as deadline:
        sought = sought_by(wanted.terms, now=now)
        base = sought.base if below is None else sought.base.filter(number__lt=below)
        window = base.order_by("-number").values("number")[:most_searched]
        searched = _reach(window, most_searched) if sought.needs_window else None
        matched = _matched(sought, base, window, deadline)
        rows = list(_drawn(matched)[: limit + 1])
    counted = _counted(matched, seconds) if with_facets else _Counted()
    return Found(
        rows=rows[:limit],
        older=_older(rows, limit, searched),
        searched=searched,
        facets=counted.facets,
        counted_all=counted.of < COUNTED and (searched is None or searched.is_everything),
        counting_was_cut=counted.was_cut,
        notes=sought.notes,
    )


def newer(
    wanted: Search, *, now: datetime, above: int, most: int, seconds: float | None = None
) -> int:
    """How many requests that match came after a number, counted up to `most`. Raises LooksAtTooMuch."""
    with within(seconds) as deadline:
        sought = sought_by(wanted.terms, now=now)
        base = sought.base.filter(number__gt=above)
        window = base.order_by("-number").values("number")[:WINDOW]
        return len(_matched(sought, base, window, deadline).values_list("number")[:most])


def newest() -> int:
    """The highest number there is; 0 before the first request."""
    return ApprovalRequest.objects.aggregate(top=Max("number"))["top"] or 0


def count(
    wanted: Search, *, now: datetime, below: int, most: int, seconds: float | None = None
) -> int | None:
    """How many match, counted up to `most`, where an index tells; None where only looking at each would,
    or where even that takes longer than `seconds`."""
    try:
        with within(seconds):
            sought = sought_by(wanted.terms, now=now)
            if sought.needs_window:
                return None
            return sought.base.filter(number__lt=below).values("number")[:most].count()
    except LooksAtTooMuch:
        return None


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


def _matched(
    sought: Sought, base: QuerySet[ApprovalRequest], window: Any, deadline: Deadline
) -> Any:
    if not sought.needs_window:
        return base
    rows = ApprovalRequest.objects.filter(sought.rest, number__in=window)
    if not sought.compared:
        return rows
    told = rows.order_by("-number").values_list("number", "submission")
    numbers = []
    for number, submission in told.iterator(chunk_size=500):
        deadline.check()
        if compared.fits(submission.get("parameters") or {}, sought.compared):
            numbers.append(number)
    return ApprovalRequest.objects.filter(number__in=numbers)


@dataclass(frozen=True, slots=True)
class _Counted:
    """Facets, and among how many rows they were counted."""

    facets: tuple[Facet, ...] = ()
    of: int = 0
    was_cut: bool = False


def _counted(matched: QuerySet[ApprovalRequest], seconds: float | None) -> _Counted:
    """To find two thousand that match may take long where to find fifty did not."""
    try:
        with within(seconds):
            return _Counted(*_facets(matched))
    except LooksAtTooMuch:
        return _Counted(was_cut=True)


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
