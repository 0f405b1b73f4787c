"""The grant: signed permission to run exactly what was approved, once.

A compact JWS with EdDSA (RFC 8037) over the row's own facts. It is not stored: Ed25519 signatures
are deterministic, so the same row always gives the same token.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from approvals.domain import canonical, errors, running
from approvals.domain.state import Change, RequestState
from approvals.domain.terms import EventKind, Status
from approvals.models import Agent, ApprovalRequest
from approvals.models.requests import lookup
from approvals.services import actors, ledger
from approvals.services.moves import Attempt

TYPE = "approval-grant+jwt"
KEY_CONTEXT = b"countersign grant signing key v1"


def consume(
    *, ref: str, agent: Agent, key: str, parameters: Mapping[str, Any] | None, at: datetime
) -> ApprovalRequest:
    """Use an approval, once; the same `key` again gets the same answer.

    `parameters`, when given, are those about to run and must be canonically equal to the approved.
    Raises NotApproved, ParametersChanged, AlreadyConsumed or GrantExpired; each is written down.
    """
    about_to_run = None if parameters is None else canonical.parameters_sha256(parameters)
    approved = _own(ref, agent).parameters_sha256

    def move(state: RequestState) -> Change | None:
        return running.consume(state, key=key, shown=about_to_run, expected=approved, at=at)

    attempt = Attempt(EventKind.CONSUME_REFUSED, {"parameters_sha256_received": about_to_run})
    return ledger.transition(ref, move, actor=actors.agent(agent), at=at, attempt=attempt)


def token(row: ApprovalRequest, *, at: datetime) -> str | None:
    """The grant as a compact JWS; None unless it could be used now."""
    usable = row.status == Status.APPROVED and row.consumed_at is None and not row.grant_lapsed
    if (
        not usable
        or row.grant_expires_at is None
        or row.closed_at is None
        or row.grant_expires_at <= at
    ):
        return None
    claims = {
        "iss": settings.PUBLIC_URL,
        "aud": settings.GRANT_AUDIENCE,
        "sub": row.agent.name,
        "jti": str(row.public_id),
        "iat": int(row.closed_at.timestamp()),
        "exp": int(row.grant_expires_at.timestamp()),
        "request": str(row.public_id),
        "action": row.action,
        "target": row.target,
        "parameters_sha256": row.parameters_sha256,
        "constraints": {"uses": 1},
    }
    key, kid = _signing_key(settings.SECRET_KEY)
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": kid, "typ": TYPE})


def jwks() -> dict[str, Any]:
    """The public keys to verify grants with, the current one first (RFC 7517)."""
    return {
        "keys": [
            _public(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        ]
    }


def _own(ref: str, agent: Agent) -> ApprovalRequest:
    row = ApprovalRequest.objects.filter(agent=agent, **lookup(ref)).first()
    if row is None:
        raise errors.NoSuchRequest(ref)
    return row


@lru_cache(maxsize=8)
def _signing_key(secret: str) -> tuple[Ed25519PrivateKey, str]:
    """The key derived from a secret, and its id (the thumbprint of RFC 7638)."""
    seed = HKDF(hashes.SHA256(), 32, salt=None, info=KEY_CONTEXT).derive(secret.encode())
    key = Ed25519PrivateKey.from_private_bytes(seed)
    thumbprint = canonical.dumps({"crv": "Ed25519", "kty": "OKP", "x": _x(key)})
    return key, _base64(hashlib.sha256(thumbprint).digest())


def _public(secret: str) -> dict[str, str]:
    key, kid = _signing_key(secret)
    return {"kty": "OKP", "crv": "Ed25519", "x": _x(key), "kid": kid, "use": "sig", "alg": "EdDSA"}


def _x(key: Ed25519PrivateKey) -> str:
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return _base64(raw)


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
