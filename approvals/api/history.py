"""What happened, as auditors ask for it: by page, or all of it as a file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import chain
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals import queries
from approvals.api import filters, permissions, shapes
from approvals.api.paging import page
from approvals.api.schema import documented
from approvals.domain.display import csv_cell
from approvals.models import AuditEvent
from approvals.services import actors, audit, clock

BATCH = 500
NDJSON, CSV = "application/x-ndjson", "text/csv"
COLUMNS = (
    "timestamp", "chain", "seq", "type", "ref", "actor", "agent", "session", "action", "target",
    "parameters", "reasoning", "context", "approval", "basis", "reason_code", "policy_version",
    "outcome", "rollback_available", "state_before", "how_to_undo", "detail", "prev", "hash",
)  # fmt: skip


class AuditEvents(APIView):
    """`/audit-events`"""

    family = "history"

    @documented(
        "list_audit_events",
        "Ask history",
        parameters=[filters.EventPage],
        answers={200: shapes.EventPage},
        refusals=(404, 422),
    )
    def get(self, request: Request) -> Response:
        """Newest first. For managers, auditors and operators, with the scope `audit:read`."""
        permissions.auditor(request)
        wanted = filters.asked(request, filters.EventPage)
        cursor = wanted.get("cursor", "")
        rows = filters.events(wanted)
        return Response(
            page(rows, request, limit=wanted["limit"], cursor=cursor, show=queries.told)
        )


class AnyMediaType(DefaultContentNegotiation):
    """The query says which form is wanted, not the Accept header."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        del request, format_suffix
        return renderers[0], renderers[0].media_type


class AuditExport(APIView):
    """`/audit-events/export`"""

    family = "history"
    content_negotiation_class = AnyMediaType

    @documented(
        "export_audit_events",
        "All of history that fits, as a file",
        parameters=[filters.ExportFilters],
        answers={(200, NDJSON): OpenApiTypes.STR, (200, CSV): OpenApiTypes.STR},
        refusals=(404, 422),
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Oldest first, one event a line. In CSV no cell can be taken for a formula. The export
        itself is written into history."""
        person = permissions.auditor(request)
        wanted = filters.asked(request, filters.ExportFilters)
        form = wanted.pop("format")
        rows = filters.events(wanted)
        asked = {name: str(value) for name, value in wanted.items()}
        audit.exported(actor=actors.person(person), at=clock.now(), filters=asked, form=form)
        lines = (_csv if form == "csv" else _ndjson)(_every(rows))
        return StreamingHttpResponse(
            _offered(request, lines),
            content_type=CSV if form == "csv" else NDJSON,
            headers={"Content-Disposition": f'attachment; filename="audit-events.{form}"'},
        )


def _every(rows: QuerySet[AuditEvent]) -> Iterator[dict[str, Any]]:
    """Batch after batch by position, so that memory stays small however long history is."""
    last, ordered = 0, rows.order_by("id")
    while batch := list(ordered.filter(id__gt=last)[:BATCH]):
        yield from (queries.told(event) for event in batch)
        last = batch[-1].pk


def _ndjson(events: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    for event in events:
        yield json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _csv(events: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    for cells in chain([COLUMNS], (_cells(event) for event in events)):
        line = io.StringIO()
        csv.writer(line).writerow(cells)
        yield line.getvalue().encode()


def _cells(event: dict[str, Any]) -> list[str]:
    return [csv_cell(_cell(event[column])) for column in COLUMNS]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _offered(request: Request, lines: Iterator[bytes]) -> Iterator[bytes] | AsyncIterator[bytes]:
    """As the server at hand can stream it; an ASGI server would collect all of it first."""
    if isinstance(request._request, ASGIRequest):  # REST framework's wrapper hides the kind
        return _awaited(lines.__next__)
    return lines


async def _awaited(following: Callable[[], bytes]) -> AsyncIterator[bytes]:
    while True:
        try:
            yield await sync_to_async(_or_end)(following)
        except StopAsyncIteration:
            return


def _or_end(following: Callable[[], bytes]) -> bytes:
    try:
        return following()
    except StopIteration:
        raise StopAsyncIteration from None
