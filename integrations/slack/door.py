"""Where Slack knocks: nothing passes that Slack did not sign, and nothing passes twice.

A click is written down, answered, and decided; see knocks.py for the order of the last two.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from slack_bolt import BoltResponse

from approvals.domain.canonical import Malformed
from integrations import inbound
from integrations.http import bodies
from integrations.slack import app, commands, configuration, knocks, payloads
from integrations.slack import events as events_of
from integrations.slack.configuration import Configuration

logger = logging.getLogger(__name__)

PROVIDER = "slack"
BODY_LIMIT = 512 * 1024
TIMESTAMP = "X-Slack-Request-Timestamp"
SIGNATURE = "X-Slack-Signature"


@csrf_exempt  # the signature proves more than a cookie would, and Slack has none
def events(request: HttpRequest) -> HttpResponse:
    """Interactions, events and the handshake: `POST /integrations/slack/events`."""
    began = time.monotonic()
    if request.method != "POST":
        refused = _refuse(405, "method_not_allowed", "Slack speaks to this address with POST only.")
        refused["Allow"] = "POST"
        return refused
    raw = bodies.raw(request, most=BODY_LIMIT)
    if raw is None:
        return _refuse(413, "too_large", "The body is larger than Slack would send.")
    if payloads.is_ssl_check(raw):
        return HttpResponse(status=200)
    settings = configuration.current()
    if not _is_signed(request, raw, settings):
        return _refuse(401, "bad_signature", "The signature is missing, wrong or too old.")
    return _answer(request, raw, settings, began=began)


def _answer(
    request: HttpRequest, raw: bytes, settings: Configuration, *, began: float
) -> HttpResponse:
    kind = request.headers.get("Content-Type", "")
    try:
        payload = _read(raw, kind)
    except Malformed as error:
        return _refuse(400, error.code, error.words)
    if payload is None:
        return HttpResponse(status=200)
    if settings.app_id and payload.get("api_app_id", settings.app_id) != settings.app_id:
        return _refuse(403, "other_app", "This comes from another Slack app.")
    if payload["type"] == commands.KIND:
        return _called(request, raw, payload, settings)
    if payload["type"] not in payloads.INTERACTIONS:
        # Events may come again for days and change nothing twice; the handshake asks for nothing.
        said = app.answer(payload, configuration=settings, authenticated_by=app.SIGNED)
        return _translated(said)
    key = _key(request, raw)
    try:
        kept = knocks.keep(raw, key=key, content_type=kind, authenticated_by=app.SIGNED)
    except DatabaseError:
        logger.exception("slack click could not be written down")
        return _refuse(503, "unavailable", "We could not record this. Nothing was decided.")
    if kept is None:
        return HttpResponse(status=200)
    return _translated(knocks.answer(kept, payload, configured=settings, began=began))


def _read(raw: bytes, kind: str) -> dict[str, Any] | None:
    """The event, command or interaction of a body; None for what nobody hears. Raises Malformed."""
    return (
        events_of.from_request(raw, kind)
        or commands.from_request(raw, kind)
        or payloads.from_request(raw, kind)
    )


def _called(
    request: HttpRequest, raw: bytes, payload: Mapping[str, Any], settings: Configuration
) -> HttpResponse:
    """A command is answered to whoever brings it, so a copy of it gets nothing."""
    try:
        if not commands.is_first(_key(request, raw)):
            return HttpResponse(status=200)
    except DatabaseError:
        logger.exception("slack command could not be remembered")
        return _refuse(503, "unavailable", "We could not look. Nothing was changed.")
    return _translated(app.answer(payload, configuration=settings, authenticated_by=app.SIGNED))


def _key(request: HttpRequest, raw: bytes) -> str:
    signed = inbound.slack_signed_content(timestamp=request.headers[TIMESTAMP], body=raw)
    return inbound.replay_key(PROVIDER, signed)


def _is_signed(request: HttpRequest, raw: bytes, settings: Configuration) -> bool:
    return inbound.slack_signature_is_valid(
        secret=settings.signing_secret,
        timestamp=request.headers.get(TIMESTAMP),
        signature=request.headers.get(SIGNATURE),
        body=raw,
        now=time.time(),
    )


def _translated(response: BoltResponse) -> HttpResponse:
    content_type = response.headers.get("content-type", ["text/plain; charset=utf-8"])[0]
    answer = HttpResponse(response.body, status=response.status, content_type=content_type)
    for value in response.headers.get("x-slack-no-retry", ()):
        answer["X-Slack-No-Retry"] = value
    return answer


def _refuse(status: int, code: str, words: str) -> HttpResponse:
    return JsonResponse({"code": code, "detail": f"{words} Nothing was recorded."}, status=status)
