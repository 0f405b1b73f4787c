"""Where ServiceNow knocks to say that something was decided there.

A knock is a hint and nothing more: what it says is not even read beyond being JSON. It makes the
next look due at once, and the look reads the records over REST. So a knock that was forged with a
stolen secret costs one look.
"""

from __future__ import annotations

import time

import structlog
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from approvals.domain import canonical
from approvals.domain.canonical import Malformed
from approvals.services import clock, looking, replays
from integrations import inbound, signing
from integrations.http import bodies
from integrations.servicenow import configuration
from integrations.servicenow.identity import KIND

logger = structlog.get_logger(__name__)

BODY_LIMIT = 64 * 1024
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


@csrf_exempt  # the signature proves more than a cookie would, and ServiceNow has none
def callback(request: HttpRequest) -> HttpResponse:
    """Something changed there: `POST /integrations/servicenow/callback`."""
    if request.method != "POST":
        refused = _refuse(405, "method_not_allowed", "This address is spoken to with POST only.")
        refused["Allow"] = "POST"
        return refused
    raw = bodies.raw(request, most=BODY_LIMIT)
    if raw is None:
        return _refuse(413, "too_large", "The body is larger than 64 KiB.")
    if not _is_signed(request, raw):
        return _refuse(401, "bad_signature", "The signature is missing, wrong or too old.")
    try:
        body = canonical.loads(raw)
    except Malformed as error:
        return _refuse(400, error.code, error.words)
    if not isinstance(body, dict):
        return _refuse(400, "malformed", "The body is not a JSON object.")
    return _take(request, raw)


def _take(request: HttpRequest, raw: bytes) -> HttpResponse:
    try:
        if _is_new(request, raw):
            looking.soon(KIND, at=clock.now())
    except DatabaseError:
        logger.exception("servicenow knock could not be remembered")
        return _refuse(503, "unavailable", "We could not record this; the next look finds it.")
    return JsonResponse({"detail": "The records are read again now."}, status=202)


def _is_signed(request: HttpRequest, raw: bytes) -> bool:
    return inbound.standard_webhook_is_valid(
        secrets=configuration.current().webhook_secrets,
        message_id=request.headers.get(ID),
        timestamp=request.headers.get(TIMESTAMP),
        signature_header=request.headers.get(SIGNATURE),
        body=raw,
        now=time.time(),
    )


def _is_new(request: HttpRequest, raw: bytes) -> bool:
    signed = signing.standard_signed_content(
        message_id=request.headers[ID], timestamp=request.headers[TIMESTAMP], body=raw
    )
    return replays.first_time(provider=KIND, key=inbound.replay_key(KIND, signed), at=clock.now())


def _refuse(status: int, code: str, words: str) -> HttpResponse:
    return JsonResponse({"code": code, "detail": f"{words} Nothing was recorded."}, status=status)
