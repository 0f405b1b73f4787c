"""Verify a grant offline, with nothing but the service's published keys.

A grant is a compact JWS (RFC 7515) with EdDSA over Ed25519 (RFC 8037). Everything a token says of
how it wants to be verified is ignored or refused: the algorithm is fixed, the key comes from the
JWKS alone. Verifying proves what was approved; only `consume` proves that it has not run already.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from countersign.errors import InvalidGrant

TYPE = "approval-grant+jwt"
HEADER = frozenset({"alg", "typ", "kid"})
TEXTS = ("iss", "aud", "sub", "jti", "request", "action", "target", "parameters_sha256")
LONGEST_TOKEN = 16_384
LONGEST_LIFE = 7 * 86_400
_PART = re.compile(r"[A-Za-z0-9_-]+")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Grant:
    """What a verified grant allows: one run of `action` on `target` by `agent`; times are Unix seconds."""

    request: str
    agent: str
    action: str
    target: str
    parameters_sha256: str
    issued_at: int
    expires_at: int
    constraints: Mapping[str, Any]


def verify_grant(
    token: str,
    jwks: Mapping[str, Any],
    *,
    issuer: str,
    audience: str = "countersign-executor",
    parameters: Mapping[str, Any] | None = None,
    at: float | None = None,
    leeway: float = 0.0,
) -> Grant:
    """What the token grants, if this service signed it for this use and it has not run out.

    `jwks` is the document at `/.well-known/jwks.json`, `issuer` the service's public address. With
    `parameters`, those about to run must be the approved ones. `at` is Unix time, now when left out.
    Raises InvalidGrant.
    """
    header, claims, signed, signature = _parts(token)
    _key(header, jwks, signed, signature)
    _refuse_wrong(
        claims,
        issuer=issuer,
        audience=audience,
        at=time.time() if at is None else at,
        leeway=leeway,
    )
    if parameters is not None and parameters_sha256(parameters) != claims["parameters_sha256"]:
        raise InvalidGrant("The parameters about to run are not the approved ones.")
    return Grant(
        request=claims["request"],
        agent=claims["sub"],
        action=claims["action"],
        target=claims["target"],
        parameters_sha256=claims["parameters_sha256"],
        issued_at=claims["iat"],
        expires_at=claims["exp"],
        constraints=claims["constraints"],
    )


def parameters_sha256(parameters: Mapping[str, Any]) -> str:
    """SHA-256 of the RFC 8785 form, in lower-case hex. Raises InvalidGrant for what has none."""
    try:
        return hashlib.sha256(rfc8785.dumps(dict(parameters))).hexdigest()
    except (rfc8785.CanonicalizationError, ValueError, RecursionError) as error:
        raise InvalidGrant(f"The parameters have no canonical form: {error}.") from None


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    parts = token.split(".") if len(token) <= LONGEST_TOKEN else []
    if len(parts) != 3 or not all(_PART.fullmatch(part) for part in parts):
        raise InvalidGrant("This is not a signed token.")
    header, claims, signature = (_decoded(part) for part in parts)
    return _object(header), _object(claims), f"{parts[0]}.{parts[1]}".encode(), signature


def _decoded(part: str) -> bytes:
    """Base64url without padding, in its one form: no two tokens for the same content."""
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        raise InvalidGrant("A part of the token is not base64url.") from None
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise InvalidGrant("A part of the token is not written as it should be.")
    return raw


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant
        )
    except (ValueError, RecursionError):
        raise InvalidGrant("A part of the token is not plain JSON.") from None
    if not isinstance(value, dict):
        raise InvalidGrant("A part of the token is not an object.")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)


def _no_constant(constant: str) -> None:
    raise ValueError(constant)


def _key(
    header: Mapping[str, Any], jwks: Mapping[str, Any], signed: bytes, signature: bytes
) -> None:
    """Raise InvalidGrant unless a published key, and no other, signed it."""
    if set(header) != HEADER or header["alg"] != "EdDSA" or header["typ"] != TYPE:
        raise InvalidGrant("The token's header is not a grant's.")
    known = jwks.get("keys")
    named = (
        [key for key in known if _is_ours(key, header["kid"])] if isinstance(known, list) else []
    )
    if len(named) != 1:
        raise InvalidGrant("The token's key is not among the published ones.")
    try:
        Ed25519PublicKey.from_public_bytes(_decoded(named[0]["x"])).verify(signature, signed)
    except (InvalidSignature, ValueError):
        raise InvalidGrant("The signature is wrong.") from None


def _is_ours(key: object, kid: object) -> bool:
    if not isinstance(key, dict) or not isinstance(kid, str) or not kid or key.get("kid") != kid:
        return False
    kind = (key.get("kty"), key.get("crv"), key.get("alg", "EdDSA"), key.get("use", "sig"))
    return kind == ("OKP", "Ed25519", "EdDSA", "sig") and isinstance(key.get("x"), str)


def _refuse_wrong(
    claims: Mapping[str, Any], *, issuer: str, audience: str, at: float, leeway: float
) -> None:
    if not all(isinstance(claims.get(name), str) and claims[name] for name in TEXTS):
        raise InvalidGrant("The token lacks something every grant says.")
    if not _is_moment(claims.get("iat")) or not _is_moment(claims.get("exp")):
        raise InvalidGrant("The token does not say from when to when it may be used.")
    if claims["iss"].rstrip("/") != issuer.rstrip("/"):
        raise InvalidGrant("The token comes from another service.")
    if claims["aud"] != audience:
        raise InvalidGrant("The token is meant for somebody else.")
    if claims["iat"] > at + leeway or claims.get("nbf", 0) != 0:
        raise InvalidGrant("The token is not valid yet.")
    if claims["exp"] <= at - leeway or claims["exp"] - claims["iat"] > LONGEST_LIFE:
        raise InvalidGrant("The token has expired, or lives longer than any grant.")
    _refuse_odd(claims)


def _refuse_odd(claims: Mapping[str, Any]) -> None:
    if not _DIGEST.fullmatch(claims["parameters_sha256"]):
        raise InvalidGrant("The token's digest is not a SHA-256.")
    constraints = claims.get("constraints")
    if (
        not isinstance(constraints, dict)
        or set(constraints) != {"uses"}
        or not _is_one(constraints["uses"])
    ):
        raise InvalidGrant("The token has constraints that are not known here.")


def _is_moment(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**53


def _is_one(value: object) -> bool:
    return value == 1 and not isinstance(value, bool)
