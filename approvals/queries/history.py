"""History as people search it: terms applied to requests, page by page, and never without a bound.

Terms that an index answers go to the database as they are. The others look at the newest `WINDOW` requests
that match those, and the answer says so; the next page goes on where the window ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Max, Prefetch, Q, QuerySet

from approvals.domain import compared
from approvals.domain.search import PARAM, Search, Term
from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest, Decision
from approvals.queries.bounded import Deadline, LooksAtTooMuch, within
from approvals.queries.history_terms import Sought, sought_by

WINDOW = 10_000
COUNTED = 500  # rows that facets are counted among: each page pays for them


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
        window = _window(base, most_searched) if sought.needs_window else None
        needed = max(limit + 1, COUNTED if with_facets else 0)
        matched = base if window is None else _matched(sought, base, window, needed, deadline)
        rows = list(_drawn(matched)[: limit + 1])
    searched = None if window is None else _searched(window, most_searched)
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
        if not sought.needs_window:
            return len(base.values_list("number")[:most])
        return len(_numbers(sought, base, _window(base, WINDOW), most, deadline))


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


def _window(base: QuerySet[ApprovalRequest], most: int) -> list[int]:
    """The newest numbers that match what indexes answer."""
    return list(base.order_by("-number").values_list("number", flat=True)[:most])


def _searched(window: Sequence[int], most: int) -> Searched:
    return Searched(len(window), window[-1] if window else 0, len(window) < most)


def _matched(
    sought: Sought,
    base: QuerySet[ApprovalRequest],
    window: Sequence[int],
    most: int,
    deadline: Deadline,
) -> QuerySet[ApprovalRequest]:
    """By their numbers, so that the rest is looked at once, however often they are read."""
    found = _numbers(sought, base, window, most, deadline)
    return ApprovalRequest.objects.filter(number__in=found)


def _numbers(
    sought: Sought,
    base: QuerySet[ApprovalRequest],
    window: Sequence[int],
    most: int,
    deadline: Deadline,
) -> list[int]:
    """The newest `most` in the window that match all of it. Its bounds are told by numbers alone: a list
    of ten thousand would take longer to write than to find."""
    if not window:
        return []
    rows = base.filter(sought.rest(window), number__gte=window[-1]).order_by("-number")
    if not sought.compared:
        return list(rows.values_list("number", flat=True)[:most])
    rows = rows.filter(_naming(sought.compared))
    found: list[int] = []
    for number, submission in rows.values_list("number", "submission").iterator(chunk_size=500):
        deadline.check()
        if compared.fits(submission.get("parameters") or {}, sought.compared):
            found.append(number)
        if len(found) == most:
            break
    return found


def _naming(terms: Iterable[Term]) -> Q:
    """Bodies that hold the name of each parameter at all: the others need not be read."""
    wanted = Q()
    for term in terms:
        path = term.key.removeprefix(PARAM)
        wanted &= Q(submission__contains=path) | Q(submission__contains=path.split(".")[0])
    return wanted


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
    names = ("outcome", "risk", "agent", "basis")
    columns = ("number", "status", "risk", "agent__name", "basis")
    sample = list(matched.order_by("-number").values_list(*columns)[:COUNTED])
    counted = {name: Counter(line[place] for line in sample) for place, name in enumerate(names, 1)}
    clicks = (
        Decision.objects.filter(request__in=[line[0] for line in sample])
        .exclude(verdict=Verdict.INVESTIGATE.value)
        .values_list("request", "person__email", "channel")
        .distinct()
    )
    given = list(clicks.order_by())
    counted["by"] = Counter(email for _, email, _ in given)
    counted["channel"] = Counter(channel for _, _, channel in given)
    return tuple(Facet(key, tuple(_most(seen))) for key, seen in counted.items()), len(sample)


def _most(seen: Counter[str], most: int = 8) -> Iterable[tuple[str, int]]:
    named = [(value, number) for value, number in seen.items() if value]
    return sorted(named, key=lambda pair: (-pair[1], pair[0]))[:most]
