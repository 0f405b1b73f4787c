"""HTTP and WebSocket in one application."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "approvals.project.settings")
django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter  # noqa: E402  # apps must be ready first

from approvals.project.handler import Handler  # noqa: E402  # likewise
from approvals.project.intake import BodyLimit  # noqa: E402  # likewise
from approvals.realtime import room, routing  # noqa: E402  # likewise
from approvals.web import queue_live  # noqa: E402  # likewise

room.draw_with(queue_live.news)

application = ProtocolTypeRouter({"http": BodyLimit(Handler()), "websocket": routing.application})
