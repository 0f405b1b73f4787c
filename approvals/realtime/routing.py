"""Where sockets connect."""

from __future__ import annotations

from channels.routing import URLRouter
from django.urls import path, re_path

from approvals.realtime.consumers import Live, Nowhere

# The stubs know paths to views only; Channels takes applications.
application = URLRouter(
    [path("ws/live", Live.as_asgi()), re_path("", Nowhere.as_asgi())]  # type: ignore[arg-type, list-item]
)
