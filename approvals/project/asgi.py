"""HTTP and WebSocket in one application."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "approvals.project.settings")
http = get_asgi_application()

from channels.routing import ProtocolTypeRouter  # noqa: E402  # apps must be ready first

from approvals.project.intake import BodyLimit  # noqa: E402  # likewise
from approvals.realtime import routing  # noqa: E402  # likewise

application = ProtocolTypeRouter({"http": BodyLimit(http), "websocket": routing.application})
