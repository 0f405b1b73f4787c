"""Every refusal as a problem (RFC 9457): one shape, one stable code, words a person can act on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, InternalError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response

from approvals.domain.errors import Refusal, TooMany
from approvals.services.asking import InFlight
from approvals.services.policies import NoPolicy

logger = structlog.get_logger(__name__)
MEDIA_TYPE = "application/problem+json"
CHALLENGE = 'Bearer realm="countersign"'
DATABASE_TROUBLE = (OperationalError, InterfaceError, InternalError)


class NotAuthenticated(Refusal):
    """Nobody was named, or the key or token is not one of ours."""

    code = "not_authenticated"
    status = 401


class NotThisCaller(Refusal):
    """The right key for another kind of call; `code` says which kind is wanted."""

    code = "wrong_caller"
    status = 403


class AgentsCannotDecide(NotThisCaller):
    code = "agents_cannot_decide"


class AgentsOnly(NotThisCaller):
    code = "agents_only"


class PeopleOnly(NotThisCaller):
    code = "people_only"


class MissingScope(NotThisCaller):
    code = "missing_scope"


class TooLarge(Refusal):
    code = "too_large"
    status = 413


class WrongMediaType(Refusal):
    code = "unsupported_media_type"
    status = 415


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one field; `field` is a path such as `impact.pods`, `recipients[2]`."""

    field: str
    code: str
    message: str


class InvalidBody(Refusal):
    """Fields that break a rule; every fault is named, not only the first."""

    code = "invalid"
    status = 422

    def __init__(self, *faults: Fault) -> None:
        names = ", ".join(dict.fromkeys(fault.field for fault in faults))
        super().__init__(
            f"These fields cannot be taken: {names}. Nothing was recorded. Mend them and send "
            "it again."
        )
        self.faults = faults


def answer(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """REST framework's exception handler. None lets a fault of ours stay a fault of ours."""
    described = describe(error)
    if described is None:
        return None
    body, headers = described
    request = context.get("request")
    if request is not None:
        body["instance"] = request.path
    return Response(body, status=body["status"], headers=headers, content_type=MEDIA_TYPE)


def plain(error: Exception, *, instance: str) -> JsonResponse:
    """The same answer outside REST framework, for an error `describe` knows."""
    described = describe(error)
    if described is None:
        raise error
    body, headers = described
    return JsonResponse(
        body | {"instance": instance},
        status=body["status"],
        headers=headers,
        content_type=MEDIA_TYPE,
    )


def describe(error: Exception) -> tuple[dict[str, Any], dict[str, str]] | None:
    """Body and headers for an error, or None when it is not one that callers should meet."""
    if isinstance(error, Refusal):
        return _of_refusal(error)
    if isinstance(error, NoPolicy):
        return _problem(503, "no_policy", WORDS["no_policy"]), {"Retry-After": "60"}
    if isinstance(error, DATABASE_TROUBLE):
        logger.warning("database trouble", error=repr(error))
        return _problem(503, "unavailable", WORDS["unavailable"]), {"Retry-After": "1"}
    if isinstance(error, RequestDataTooBig):
        return _problem(413, TooLarge.code, "The body is too large. Nothing was recorded."), {}
    if isinstance(error, Http404):
        return _problem(404, "not_found", WORDS["not_found"]), {}
    if isinstance(error, PermissionDenied):
        return _problem(403, "not_allowed", WORDS["not_allowed"]), {}
    if isinstance(error, exceptions.APIException):
        return _of_framework(error)
    return None


def nowhere(request: HttpRequest, anything: str = "") -> JsonResponse:
    """An address under /api/ that does not exist."""
    del anything
    return plain(Http404(), instance=request.path)


nowhere.csrf_exempt = True  # type: ignore[attr-defined]  # there is nothing here to protect

WORDS = {
    "unavailable": "The service could not reach its database just now. Nothing was recorded. Send "
    "the same request again; with an Idempotency-Key that is always safe.",
    "no_policy": "No policy was ever applied, so nothing can be judged. Nothing was recorded. An "
    "operator must run: countersign policy apply.",
    "not_found": "There is nothing here that you may see. Check the address and the reference.",
    "not_allowed": "You may not do this. Nothing was changed.",
    "csrf_failed": "The page's form token is missing or wrong, so nothing was done. Reload the "
    "page and try again, or send a personal token in the Authorization header.",
    "method_not_allowed": "This address does not answer to {method}. Nothing was done. The Allow "
    "header names what it answers to.",
    "not_acceptable": "This address answers in application/json only. Nothing was done.",
    "throttled": "Too many requests. Nothing was recorded. Wait as long as Retry-After says and "
    "send it again.",
}


def _of_refusal(error: Refusal) -> tuple[dict[str, Any], dict[str, str]]:
    body = _problem(error.status, error.code, error.words)
    faults = list(_faults(error))
    if faults:
        body["errors"] = faults
    facts = {name: _json(value) for name, value in error.facts.items() if name != "field"}
    if facts:
        body["facts"] = facts
    return body, _headers(error)


def _headers(error: Refusal) -> dict[str, str]:
    if error.status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": CHALLENGE}
    if isinstance(error, TooMany):
        return {"Retry-After": str(error.facts["retry_after"])}
    return {"Retry-After": "1"} if isinstance(error, InFlight) else {}


def _faults(error: Refusal) -> Iterator[dict[str, str]]:
    if isinstance(error, InvalidBody):
        for fault in error.faults:
            yield {"field": fault.field, "code": fault.code, "message": fault.message}
    elif "field" in error.facts:
        yield {"field": str(error.facts["field"]), "code": error.code, "message": error.words}


def _of_framework(error: exceptions.APIException) -> tuple[dict[str, Any], dict[str, str]]:
    if isinstance(error, exceptions.MethodNotAllowed):
        words = WORDS["method_not_allowed"].format(
            method=str(error.args[0] if error.args else "this method")
        )
        return _problem(405, "method_not_allowed", words), {}
    if isinstance(error, exceptions.Throttled):
        return _problem(429, "throttled", WORDS["throttled"]), {"Retry-After": "60"}
    if isinstance(error, exceptions.NotAcceptable):
        return _problem(406, "not_acceptable", WORDS["not_acceptable"]), {}
    if isinstance(error, exceptions.PermissionDenied):
        code = "csrf_failed" if "CSRF" in str(error.detail) else "not_allowed"
        return _problem(403, code, WORDS[code]), {}
    return _problem(error.status_code, str(error.default_code), str(error.detail)), {}


def _problem(status: int, code: str, words: str) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": words,
        "code": code,
    }


def _json(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, str | int | float | bool | list | dict | None) else str(value)
