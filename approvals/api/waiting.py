"""Hold a read until the request is final or the time is up, without holding a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string
from rest_framework.response import Response

from approvals.domain.terms import Status

View = Callable[..., Response]


class Waiter(Protocol):
    """`settings.WAITER`: True when the request changed, False when time passed first."""

    def __call__(self, public_id: str, timeout: float) -> Awaitable[bool]: ...


def patient(view: Any) -> Any:
    """The view, able to wait as `?wait=` says."""

    async def waiting(request: HttpRequest, **named: Any) -> HttpResponseBase:
        answer = await _look(view, request, named)
        reading = request.method in {"GET", "HEAD"} and "wait" in request.GET
        if not reading or not _is_open(answer):
            return answer
        return await _hold(view, request, named, str(answer.data["id"]))

    waiting.csrf_exempt = True  # type: ignore[attr-defined]  # the view inside checks for itself
    waiting.cls = view.cls  # type: ignore[attr-defined]  # the schema is read from it
    waiting.initkwargs = view.initkwargs  # type: ignore[attr-defined]
    return waiting


async def _hold(
    view: View, request: HttpRequest, named: dict[str, Any], public_id: str
) -> Response:
    """Listen first and look after, so that no change can fall between the two."""
    changed: Waiter = import_string(settings.WAITER)
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + int(request.GET["wait"])
    while True:
        left = ends_at - loop.time()
        ring = asyncio.ensure_future(changed(public_id, max(left, 0)))
        try:
            await asyncio.sleep(0)
            answer = await _look(view, request, named)
            if left <= 0 or not _is_open(answer):
                return answer
            await ring
        finally:
            ring.cancel()


async def _look(view: View, request: HttpRequest, named: dict[str, Any]) -> Response:
    return await sync_to_async(_seen)(view, request, named)


def _seen(view: View, request: HttpRequest, named: dict[str, Any]) -> Response:
    """One look, and the connection given back: a waiter must not hold one."""
    try:
        return view(request, **named)
    finally:
        for connection in connections.all(initialized_only=True):
            if not connection.in_atomic_block:
                connection.close()


def _is_open(answer: Response) -> bool:
    return answer.status_code == 200 and not Status(answer.data["status"]).is_final
