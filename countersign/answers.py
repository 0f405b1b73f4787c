"""Read what the service answers, and believe nothing that is not exactly what was asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from countersign.errors import Refused, Unreachable

OPEN = frozenset({"pending", "investigating"})
STATUSES = OPEN | {"approved", "denied", "expired", "cancelled", "revoked"}
TRY_AGAIN = frozenset({408, 425, 429})
LONGEST_RETRY_AFTER = 60.0
# People were asked as often as they may be: trying again at once would only be refused again.
LONGEST_REST = 86_400.0
TIRED = "attention_budget_exceeded"


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A request as the service told it. `body` is the whole answer; the fields are its main parts.

    `grant` is the signed token, there only for the agent and only while it can be used.
    """

    id: str
    ref: str
    status: str
    basis: str | None
    reason_code: str | None
    version: int
    action: str
    target: str
    parameters: Mapping[str, Any]
    risk: str
    closed_by: str | None
    consumed_at: str | None
    grant: str | None
    body: Mapping[str, Any]

    @property
    def is_final(self) -> bool:
        """Whether nobody can decide it any more."""
        return self.status not in OPEN

    @property
    def is_approved(self) -> bool:
        """Whether it was approved. Redeem it with `consume` before running anything."""
        return self.status == "approved"

    def __str__(self) -> str:
        by = f" by {self.closed_by}" if self.closed_by else ""
        return f"{self.ref} {self.action} on {self.target}: {self.status}{by}"


def document(response: httpx.Response) -> dict[str, Any]:
    """The JSON object of a good answer. Raises Refused or Unreachable for every other."""
    body = _object(response)
    if response.status_code in {200, 201} and body is not None:
        return body
    if response.status_code == 429 and body is not None and body.get("code") == TIRED:
        wait = _seconds(response)
        raise Refused(_words(response, body), code=TIRED, status=429, retry_after=wait)
    if response.status_code in TRY_AGAIN or response.status_code >= 500 or _is_in_flight(body):
        raise Unreachable(_words(response, body), retry_after=_retry_after(response))
    if 400 <= response.status_code < 500 and body is not None and isinstance(body.get("code"), str):
        raise Refused(_words(response, body), code=body["code"], status=response.status_code)
    raise Unreachable(
        f"The answer is not one of the service: {response.status_code}. Nothing was approved."
    )


def approval_request(response: httpx.Response, *, ref: str = "") -> ApprovalRequest:
    """The request an answer tells of. Raises Unreachable when it tells of none, or of another than `ref`."""
    body = document(response)
    try:
        read = _read(body)
    except (KeyError, TypeError):
        raise Unreachable(
            "The answer is not a request of this service. Nothing was approved."
        ) from None
    if ref and ref.casefold() not in {read.ref.casefold(), read.id.casefold()}:
        raise Unreachable(
            "The answer tells of another request than was asked about. Nothing was approved."
        )
    return read


def same(left: object, right: object) -> bool:
    """Whether two JSON values are equal; unlike Python, JSON tells true from 1."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[name], right[name]) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return isinstance(left, bool) is isinstance(right, bool) and left == right


def _read(body: Mapping[str, Any]) -> ApprovalRequest:
    risk, grant = _typed(body, "risk", dict), _typed(body, "grant", dict | None)
    status = _typed(body, "status", str)
    if status not in STATUSES:
        raise TypeError(status)
    return ApprovalRequest(
        id=_typed(body, "id", str),
        ref=_typed(body, "ref", str),
        status=status,
        basis=_typed(body, "basis", str | None),
        reason_code=_typed(body, "reason_code", str | None),
        version=_typed(body, "version", int),
        action=_typed(body, "action", str),
        target=_typed(body, "target", str),
        parameters=_typed(body, "parameters", dict),
        risk=_typed(risk, "effective", str),
        closed_by=_typed(body, "closed_by", str | None),
        consumed_at=_typed(body, "consumed_at", str | None),
        grant=None if grant is None else _typed(grant, "token", str),
        body=body,
    )


def _typed(body: Mapping[str, Any], name: str, kind: Any) -> Any:
    """A part of the answer, if it has the type it must have. Raises KeyError or TypeError."""
    value = body[name]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        raise TypeError(name)
    return value


def _object(response: httpx.Response) -> dict[str, Any] | None:
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind not in {"application/json", "application/problem+json"}:
        return None
    try:
        body = json.loads(response.content, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _is_in_flight(body: Mapping[str, Any] | None) -> bool:
    """The first copy of this call is still being written: ask again."""
    return body is not None and body.get("code") == "request_in_flight"


def _words(response: httpx.Response, body: Mapping[str, Any] | None) -> str:
    """What the service said, with the faults of single fields; else the bare status."""
    if body is None or not isinstance(body.get("detail"), str):
        return f"The service answered {response.status_code} and nothing we can read. Nothing was approved."
    faults = [fault for fault in body.get("errors") or () if isinstance(fault, dict)]
    told = [f"{fault.get('field')}: {fault.get('message')}" for fault in faults]
    return " ".join([body["detail"], *(line for line in told if body["detail"] not in line)])


def _retry_after(response: httpx.Response) -> float | None:
    seconds = _seconds(response)
    return None if seconds is None else min(seconds, LONGEST_RETRY_AFTER)


def _seconds(response: httpx.Response) -> float | None:
    text = response.headers.get("Retry-After", "")
    return min(float(text), LONGEST_REST) if text.isascii() and text.isdecimal() else None
