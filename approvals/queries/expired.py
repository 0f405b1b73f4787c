"""What expired undecided in a span of time, and the search that opens exactly that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import quote

from django.db.models import QuerySet

from approvals.domain import asked, plan
from approvals.domain.search import LONGEST, MOST_TERMS, Term, written
from approvals.domain.terms import EventKind, RiskLevel, Status
from approvals.models import ApprovalRequest, AuditEvent, Delivery

# What is graver is called out at once.
RISKS = (RiskLevel.LOW, RiskLevel.MEDIUM)
MOST_READ = 5_000
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Expired:
    """One request that nobody decided in time, and the teams that were asked."""

    number: int
    at: datetime
    teams: frozenset[str]


class Spans:
    """What expired in each of several spans: one statement, and one more for each span that the newest
    `MOST_READ` of all do not reach back to."""

    def __init__(self, spans: Collection[Span], *, most: int = MOST_READ) -> None:
        self._most = most
        since, until = min(one[0] for one in spans), max(one[1] for one in spans)
        self._shared = _read(_between(since, until)[:most])
        self._is_cut = len(self._shared) >= most
        self._alone: dict[Span, list[Expired]] = {}

    def before(self, teams: frozenset[str], span: Span) -> tuple[Expired, ...]:
        """What these teams were asked about, the newest first; at most `MOST_READ`."""
        since, until = span
        found = (
            one for one in self._reaching(span) if since <= one.at < until and one.teams & teams
        )
        return tuple(islice(found, self._most))

    def _reaching(self, span: Span) -> list[Expired]:
        # Of the oldest moment itself some may be missing.
        if not self._is_cut or span[0] > self._shared[-1].at:
            return self._shared
        if span not in self._alone:
            self._alone[span] = _read(_between(*span).iterator(chunk_size=500))
        return self._alone[span]


def _between(since: datetime, until: datetime) -> QuerySet[AuditEvent, tuple[Any, ...]]:
    """Of low and medium risk, from `since` to before `until`, the newest first."""
    events = AuditEvent.objects.filter(
        type=EventKind.EXPIRED.value,
        at__gte=since,
        at__lt=until,
        request__status=Status.EXPIRED.value,
        request__risk__in=[risk.value for risk in RISKS],
    )
    columns = ("request", "at", "request__stage", "request__rung", "request__plan")
    return events.order_by("-at", "-id").values_list(*columns)


def _read(rows: Iterable[tuple[Any, ...]]) -> list[Expired]:
    return [
        Expired(number, at, asked.teams(plan.from_json(body), stage=stage, rung=rung))
        for number, at, stage, rung, body in rows
        if number is not None
    ]


def drawn(numbers: Collection[int]) -> dict[int, ApprovalRequest]:
    """As much of these requests as one line of a list says; one statement."""
    return ApprovalRequest.objects.only("action", "target", "risk").in_bulk(list(numbers))


def told_at(way: str, numbers: Collection[int]) -> dict[int, set[str]]:
    """The addresses of this adapter that each request was told at; one statement."""
    found: dict[int, set[str]] = defaultdict(set)
    told = Delivery.objects.filter(adapter=way, request__in=numbers).order_by()
    for number, address in told.values_list("request", "address").distinct():
        found[number].add(address)
    return found


def search(since: datetime, until: datetime, teams: Collection[str]) -> tuple[str, bool]:
    """The search of history that finds them, and whether it could name all these teams."""
    dates = [Term("ended-after", _moment(since)), Term("ended-before", _moment(until))]
    plain = [Term("outcome", Status.EXPIRED.value), *(Term("risk", risk.value) for risk in RISKS)]
    whole = [*plain, *(Term("asked", name) for name in sorted(teams)), *dates]
    text = written(whole)
    if len(whole) > MOST_TERMS or len(quote(text)) > LONGEST:
        return written([*plain, *dates]), False
    return text, True


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
