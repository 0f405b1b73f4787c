"""Believe that a call comes from Teams only if Microsoft signed its token, for this bot, just now."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

import jwt

from approvals.domain.errors import Refusal
from integrations.teams import keys
from integrations.teams.configuration import Configuration

LEEWAY = 300
LONGEST = 8_192
# Microsoft's tokens last an hour or a day. One that lasts for ever is not one to be believed.
LONGEST_LIFE = 48 * 3_600
BEARER = re.compile(r"Bearer ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)")
KEY_ID = re.compile(r"[!-~]{1,200}")
ALGORITHM = "RS256"
# The library names its own errors, and lets through what odd claims do to Python's own types.
BAD_TOKEN = (
    jwt.PyJWTError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


class NotFromTeams(Refusal):
    """The token is missing, forged, for another bot, or out of time."""

    code = "bad_token"
    status = 401


@dataclass(frozen=True, slots=True)
class Proof:
    """What a good token says: where its sender takes answers, and which channels its key is for."""

    service_url: str
    endorsements: frozenset[str]


def read(header: str | None, *, configuration: Configuration) -> Proof:
    """Check an Authorization header. Raises NotFromTeams, and nothing else, for all that is wrong."""
    bearer = BEARER.fullmatch(header or "")
    if bearer is None or len(bearer[1]) > LONGEST or not configuration.app_id:
        raise _refused()
    try:
        key = _key(bearer[1], configuration)
        claims = jwt.decode(
            bearer[1],
            key.public,
            algorithms=[ALGORITHM],
            audience=configuration.app_id,
            issuer=configuration.issuer,
            leeway=LEEWAY,
            options={"require": ["exp", "iss", "aud"], "strict_aud": True},
        )
        lasts = int(claims["exp"]) - time.time()
        service_url = claims["serviceurl"]
    except BAD_TOKEN:
        raise _refused() from None
    if lasts > LONGEST_LIFE or not isinstance(service_url, str) or not service_url:
        raise _refused()
    return Proof(trimmed(service_url), key.endorsements)


def trimmed(url: str) -> str:
    """An address as it is compared: Teams writes it with a slash at the end, and without."""
    return url.rstrip("/")


def _key(token: str, configuration: Configuration) -> keys.Key:
    header = jwt.get_unverified_header(token)
    kid = header.get("kid")
    if header.get("alg") != ALGORITHM or not isinstance(kid, str) or not KEY_ID.fullmatch(kid):
        raise ValueError("The token is not signed as Microsoft signs.")
    found = keys.at(configuration.keys_url, allow_private=configuration.allow_private).find(kid)
    if found is None:
        raise ValueError("The token's key is not one of Microsoft's.")
    return found


def _refused() -> NotFromTeams:
    return NotFromTeams("The token is missing, wrong or too old. Nothing was recorded.")
