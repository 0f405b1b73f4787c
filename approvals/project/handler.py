"""Django under ASGI, with a single hop into a thread for whatever does not wait."""

from __future__ import annotations

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve


class Handler(ASGIHandler):
    """Middleware written for one thread costs ASGI two hops each. A view that blocks anyway runs
    with all of it in one thread; a view that waits (long-poll, events) keeps the loop."""

    def __init__(self) -> None:
        super().__init__()
        self._blocking = BaseHandler()
        self._blocking.load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        if _waits(request):
            return await super().get_response_async(request)
        return await sync_to_async(self._blocking.get_response)(request)


def _waits(request: HttpRequest) -> bool:
    try:
        return iscoroutinefunction(resolve(request.path_info).func)
    except Resolver404:
        return False
