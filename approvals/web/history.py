"""History: every request, found again by filters that are part of the address."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals import queries
from approvals.domain.display import csv_cell
from approvals.domain.terms import RiskLevel, Status
from approvals.models import Person
from approvals.services import actors, audit, clock
from approvals.web import rows
from approvals.web.access import signed_in
from approvals.web.forms import Filters
from approvals.web.paging import PER_PAGE
from approvals.web.rows import Row

MOST_EXPORTED = 5_000
COLUMNS = (
    "asked_at",
    "ref",
    "agent",
    "action_and_target",
    "risk",
    "status",
    "by",
    "closed_by_words",
    "took",
)
STATUSES = [
    (Status.PENDING, "Waiting"),
    (Status.INVESTIGATING, "Question open"),
    (Status.APPROVED, "Approved"),
    (Status.DENIED, "Denied"),
    (Status.EXPIRED, "Not decided in time"),
    (Status.CANCELLED, "Withdrawn"),
    (Status.REVOKED, "Revoked before use"),
]


@require_safe
@signed_in
def history(request: HttpRequest, person: Person) -> HttpResponse:
    """The newest first; `older` is the number the page before ended with."""
    form = Filters(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    chosen = {name: request.GET[name] for name in Filters.base_fields if request.GET.get(name)}
    found = queries.requests_matching(_for_query(wanted))
    if request.GET.get("format") == "csv" and form.is_valid():
        now = clock.now()
        audit.exported(actor=actors.person(person), at=now, filters=chosen, form="csv of requests")
        return _csv(rows.draw(found[:MOST_EXPORTED], person=person, titles={}, now=now))
    cursor = request.GET.get("older", "")
    if cursor.isascii() and cursor.isdigit() and len(cursor) < 19:
        found = found.filter(number__lt=int(cursor))
    else:
        cursor = ""
    page = list(found[: PER_PAGE + 1]) if form.is_valid() else []
    now = clock.now()
    facts = {
        "section": "history",
        "now": now,
        "rows": rows.draw(page[:PER_PAGE], person=person, titles={}, now=now),
        "next_cursor": page[PER_PAGE - 1].number if len(page) > PER_PAGE else "",
        "cursor": cursor,
        "filters": chosen,
        "query": urlencode(chosen),
        "statuses": STATUSES,
        "risks": list(RiskLevel),
        "problem": _problem(form),
        "most_exported": MOST_EXPORTED,
    }
    return render(request, "history.html", facts, status=200 if form.is_valid() else 422)


def _for_query(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Dates become the first moment of their day, in UTC."""
    days = {"created_after": wanted.get("after"), "created_before": wanted.get("before")}
    moments = {name: datetime.combine(day, time(), tzinfo=UTC) for name, day in days.items() if day}
    return {
        name: value for name, value in wanted.items() if name not in {"after", "before"}
    } | moments


def _problem(form: Filters) -> str:
    if form.is_valid():
        return ""
    fields = ", ".join(sorted(form.errors))
    return (
        f"Not understood: {fields}. Dates read 2026-11-22; outcome and risk come from their lists."
    )


def _csv(drawn: list[Row]) -> HttpResponse:
    """One line a request; no cell that a spreadsheet takes for a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in drawn:
        cells = (
            row.created_at.astimezone(UTC).isoformat(), row.ref, row.agent, row.headline, row.risk.value,
            row.status_words.split(" ", 1)[-1], row.by, row.closing, row.took,
        )  # fmt: skip
        writer.writerow([csv_cell(cell) for cell in cells])
    answer = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="history.csv"'
    return answer
