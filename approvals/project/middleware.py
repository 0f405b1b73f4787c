"""One log line and one id per HTTP request; files beside the service, served without holding a thread."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable

import structlog
from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from whitenoise.middleware import WhiteNoiseMiddleware

from approvals.project import metrics

logger = structlog.get_logger("countersign.http")
_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


@sync_and_async_middleware
def RequestLog(  # named like its neighbours in MIDDLEWARE
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


@sync_and_async_middleware
def StaticFiles(  # named like its neighbours in MIDDLEWARE
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[..., object]:
    """WhiteNoise for the addresses below STATIC_URL alone.

    WhiteNoise itself is not async: in the chain it would make every request, also those of waiting
    agents, hold a thread.
    """
    files = WhiteNoiseMiddleware(lambda _: HttpResponseNotFound())

    def serve(request: HttpRequest) -> HttpResponse:
        """The file as a whole; ours are small, and its iterator could not be streamed from here."""
        found = files(request)
        body = b"".join(found) if found.streaming else found.content
        answer = HttpResponse(body, status=found.status_code)
        for name, value in found.items():
            answer.headers[name] = value
        return answer

    if iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> HttpResponseBase:
            if request.path.startswith(settings.STATIC_URL):
                return await sync_to_async(serve)(request)
            answer: HttpResponseBase = await get_response(request)
            return answer

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponseBase:
        return (
            serve(request)
            if request.path.startswith(settings.STATIC_URL)
            else get_response(request)
        )

    return synchronous
