"""What the views share: who may see which request, and how it is shown to them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

from approvals import queries
from approvals.api import resources
from approvals.api.authentication import Bearer, Caller, Session
from approvals.api.permissions import caller
from approvals.api.problems import DATABASE_TROUBLE, Fault, InvalidBody, MissingScope, plain
from approvals.domain.errors import Refusal
from approvals.models import ApprovalRequest
from approvals.services import grants

_KEY = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,254}")


def visible(ref: str, known: Caller) -> ApprovalRequest:
    """The request, if this caller may see it: agents see their own. Raises NotFound."""
    return queries.request(ref) if known.agent is None else queries.request_of(known.agent, ref)


def shown(
    row: ApprovalRequest, known: Caller, *, at: datetime, untouched: bool = False
) -> dict[str, Any]:
    """The request as this caller sees it; the grant is for its agent alone.

    `untouched` spares the look for decisions and messages about a request that was just made.
    """
    if not untouched:
        prefetch_related_objects([row], "agent", *queries.TOLD_WITH)
    token = grants.token(row, at=at) if known.agent is not None else None
    return resources.approval_request(row, token=token, untouched=untouched)


def idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key header. Raises InvalidBody for one that cannot be a key."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        words = "This must be 1 to 255 printable ASCII characters."
        raise InvalidBody(Fault("Idempotency-Key", "invalid_key", words))
    return key


def reader(request: HttpRequest, ref: str) -> ApprovalRequest | HttpResponse:
    """The request for a view outside REST framework, or the problem that refuses it."""
    try:
        known = _known(request)
        if "requests:read" not in known.scopes:
            raise MissingScope("This key lacks the scope requests:read. Use one that has it.")
        return visible(ref, known)
    except (Refusal, *DATABASE_TROUBLE) as error:
        return plain(error, instance=request.path)


def _known(request: HttpRequest) -> Caller:
    asked = Request(request, authenticators=[Bearer(), Session()])
    return caller(asked)
