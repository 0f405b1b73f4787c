"""One log line and one id per HTTP request."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable

import structlog
from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from approvals.project import metrics

logger = structlog.get_logger("countersign.http")
_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


@sync_and_async_middleware
def RequestLog(  # noqa: N802  # named like its neighbours in MIDDLEWARE
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[..., object]:
    """Give every answer an X-Request-ID, and every line logged meanwhile the same id."""

    if iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> HttpResponseBase:
            started, request_id = _begin(request)
            with structlog.contextvars.bound_contextvars(request_id=request_id):
                response = await get_response(request)
                return _end(request, response, started, request_id)

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponseBase:
        started, request_id = _begin(request)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            return _end(request, get_response(request), started, request_id)

    return synchronous


def _begin(request: HttpRequest) -> tuple[float, str]:
    given = request.headers.get("X-Request-ID", "")
    return time.monotonic(), given if _ID.fullmatch(given) else uuid.uuid4().hex


def _end(
    request: HttpRequest, response: HttpResponseBase, started: float, request_id: str
) -> HttpResponseBase:
    response.headers["X-Request-ID"] = request_id
    seconds = time.monotonic() - started
    route = request.resolver_match.route if request.resolver_match else "unmatched"
    metrics.HTTP_SECONDS.labels(request.method, route, str(response.status_code)).observe(seconds)
    if not request.path.startswith(("/healthz", "/readyz", "/metrics", "/static/")):
        logger.info(
            "http request",
            method=request.method,
            route=route,
            status=response.status_code,
            milliseconds=round(seconds * 1000, 1),
        )
    return response
