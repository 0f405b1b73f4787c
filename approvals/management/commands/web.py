"""Run one web process: HTTP, WebSocket, long-poll and server-sent events."""

from __future__ import annotations

import os

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Serve the API and the dashboard on HOST and PORT."

    def handle(self, *_: object, **__: object) -> None:
        uvicorn.run(
            "approvals.project.asgi:application",
            host=os.environ.get("HOST", "127.0.0.1"),
            port=settings.PORT,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=settings.SECURE_PROXY_SSL_HEADER is not None,
            ws_max_size=4096,
            # The same words go to every open page: packing them anew for each costs more than sending.
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=2,
        )
