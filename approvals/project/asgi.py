"""HTTP and WebSocket in one application."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "approvals.project.settings")
django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter  # noqa: E402  # apps must be ready first

from approvals.project.handler import Handler  # noqa: E402  # likewise
from approvals.project.intake import BodyLimit  # noqa: E402  # likewise
from approvals.realtime import routing  # noqa: E402  # likewise

application = ProtocolTypeRouter({"http": BodyLimit(Handler()), "websocket": routing.application})
