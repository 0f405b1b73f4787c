"""What expired undecided in a span of time, and the search that opens exactly that."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from approvals.domain import asked, plan
from approvals.domain.search import LONGEST, MOST_TERMS, Term, written
from approvals.domain.terms import EventKind, RiskLevel, Status
from approvals.models import ApprovalRequest, AuditEvent

# What is graver is called out at once.
RISKS = (RiskLevel.LOW, RiskLevel.MEDIUM)
MOST_READ = 5_000


@dataclass(frozen=True, slots=True)
class Expired:
    """One request that nobody decided in time, and the teams that were asked."""

    number: int
    at: datetime
    teams: frozenset[str]


def between(since: datetime, until: datetime) -> list[Expired]:
    """Of low and medium risk, from `since` to before `until`, the newest first; one statement.

    At most the newest `MOST_READ`: whoever has more of them to read needs no list.
    """
    events = AuditEvent.objects.filter(
        type=EventKind.EXPIRED.value,
        at__gte=since,
        at__lt=until,
        request__status=Status.EXPIRED.value,
        request__risk__in=[risk.value for risk in RISKS],
    )
    columns = ("request", "at", "request__stage", "request__rung", "request__plan")
    rows = events.order_by("-at", "-id").values_list(*columns)[:MOST_READ]
    return [
        Expired(number, at, asked.teams(plan.from_json(body), stage=stage, rung=rung))
        for number, at, stage, rung, body in rows
        if number is not None
    ]


def drawn(numbers: Collection[int]) -> dict[int, ApprovalRequest]:
    """As much of these requests as one line of a list says; one statement."""
    return ApprovalRequest.objects.only("action", "target", "risk").in_bulk(list(numbers))


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
