"""Tell one request's history as server-sent events, from any position, until it has ended."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from channels.db import database_sync_to_async
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from approvals import queries
from approvals.domain.terms import EventKind
from approvals.models import ApprovalRequest, AuditEvent
from approvals.realtime import hub

HEARTBEAT_SECONDS = 15.0
LONGEST_SECONDS = 600.0
BATCH = 200
FROM_THE_START = -1

# What may still be undone is between people; whoever waits here hears of what counts.
NOT_TOLD = (EventKind.DECISION_HELD.value, EventKind.DECISION_UNDONE.value)

Authorise = Callable[[HttpRequest, str], ApprovalRequest | HttpResponseBase]
AsyncView = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


def view(authorise: Authorise) -> AsyncView:
    """An async view over `stream`. `authorise(request, ref)` runs in a thread and returns the
    request to tell about, or the answer that refuses."""

    async def events(request: HttpRequest, ref: str) -> HttpResponseBase:
        if request.method != "GET":
            return HttpResponse(status=405, headers={"Allow": "GET"})
        found = await database_sync_to_async(authorise)(request, ref)
        if isinstance(found, HttpResponseBase):
            return found
        after = last_position(request.headers.get("Last-Event-ID", ""))
        answer = StreamingHttpResponse(
            stream(str(found.public_id), after), content_type="text/event-stream"
        )
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["X-Accel-Buffering"] = "no"
        return answer

    events.csrf_exempt = True  # type: ignore[attr-defined]  # it only reads
    return events


def last_position(text: str) -> int:
    """The position a reader has come to; nonsense means the start, where nothing can be missed."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else FROM_THE_START


async def stream(public_id: str, after: int = FROM_THE_START) -> AsyncIterator[str]:
    """The events after a position, as they happen; ends with the request, or after ten minutes."""
    ends_at = time.monotonic() + LONGEST_SECONDS
    spoke_at = time.monotonic()
    with hub.the_hub.watching(public_id) as watch:
        yield "retry: 2000\n\n"
        while time.monotonic() < ends_at:
            events, is_over = await _since(public_id, after)
            for event in events:
                after, spoke_at = event.seq, time.monotonic()
                yield _frame(event)
            if is_over and len(events) < BATCH:
                return
            if len(events) == BATCH:
                continue
            if time.monotonic() - spoke_at >= HEARTBEAT_SECONDS:
                spoke_at = time.monotonic()
                yield ": still here\n\n"
            await watch.wait(hub.LOOK_EVERY)


def _frame(event: AuditEvent) -> str:
    body = json.dumps({**event.entry, "hash": event.hash}, separators=(",", ":"))
    return f"id: {event.seq}\nevent: {event.type}\ndata: {body}\n\n"


@database_sync_to_async
def _since(public_id: str, after: int) -> tuple[list[AuditEvent], bool]:
    """Whether it is over is read first: what happens in between then comes with the next look."""
    row = ApprovalRequest.objects.get(public_id=public_id)
    events = queries.events_of(row, after=after).exclude(type__in=NOT_TOLD)
    return list(events[:BATCH]), queries.is_over(row)
