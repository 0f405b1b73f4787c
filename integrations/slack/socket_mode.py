"""Hear Slack over a connection we open ourselves, where Slack cannot reach us."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from django.db import DatabaseError, close_old_connections
from slack_bolt import BoltResponse
from slack_bolt.adapter.socket_mode.internals import send_response
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from approvals.domain.canonical import Malformed
from approvals.services.knocks import Kept
from integrations import inbound
from integrations.slack import app, commands, configuration, events, knocks, payloads, wire
from integrations.slack.configuration import Configuration

logger = logging.getLogger(__name__)

PROVIDER = "slack"
AT_ONCE = 64  # each waits for a click that takes long, and no other shall wait behind it


def main(stop: threading.Event | None = None) -> None:
    """Listen until told to stop. Run one process of this: each click goes to one connection only.

    Raises ValueError when SLACK_APP_TOKEN is not set.
    """
    settings = configuration.current()
    if not settings.app_token:
        raise ValueError("SLACK_APP_TOKEN is not set; Socket Mode needs an xapp- token.")
    client = SocketModeClient(
        app_token=settings.app_token,
        web_client=wire.client(settings, seconds=10),
        concurrency=AT_ONCE,
    )
    client.socket_mode_request_listeners.append(Hearer(settings))
    client.connect()
    try:
        (stop or threading.Event()).wait()
    finally:
        client.close()


class Hearer:
    """Answers the envelopes of one connection; called in the client's own threads."""

    def __init__(self, settings: Configuration) -> None:
        self._settings = settings

    def __call__(self, client: BaseSocketModeClient, request: SocketModeRequest) -> None:
        started = time.time()
        close_old_connections()
        try:
            response = self.answer(request)
        finally:
            close_old_connections()
        send_response(client, request, response, started)

    def answer(self, request: SocketModeRequest) -> BoltResponse:
        """The same as the door's, but for the signature: the connection itself is proof."""
        began = time.monotonic()
        try:
            sent = request.payload
            payload = _read(sent)
            if payload is None or not self._is_for_us(payload):
                return BoltResponse(status=200)
            if payload["type"] == commands.KIND:
                return self._called(request, payload)
            kept = self._keep(request)
        except Malformed as error:
            logger.warning("slack envelope was malformed", extra={"error": error.words})
            return BoltResponse(status=200)
        except DatabaseError:
            logger.exception("slack click could not be written down")
            return BoltResponse(status=503)
        if kept is None:
            return BoltResponse(status=200)
        return knocks.answer(kept, payload, configured=self._settings, began=began)

    def _called(self, request: SocketModeRequest, payload: Mapping[str, Any]) -> BoltResponse:
        if not commands.is_first(_key(request)):
            return BoltResponse(status=200)
        return app.answer(payload, configuration=self._settings, authenticated_by=app.SOCKET)

    def _keep(self, request: SocketModeRequest) -> Kept | None:
        key = _key(request)
        raw = json.dumps(request.payload).encode()
        return knocks.keep(raw, key=key, content_type=events.JSON, authenticated_by=app.SOCKET)

    def _is_for_us(self, payload: Mapping[str, object]) -> bool:
        wanted = self._settings.app_id
        return not wanted or payload.get("api_app_id", wanted) == wanted


def _read(sent: object) -> dict[str, Any] | None:
    """Raises Malformed."""
    return (
        events.from_envelope(sent) or commands.from_envelope(sent) or payloads.from_envelope(sent)
    )


def _key(request: SocketModeRequest) -> str:
    return inbound.replay_key(PROVIDER, b"socket:" + request.envelope_id.encode())
