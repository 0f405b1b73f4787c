"""The keys Microsoft signs its calls with: fetched when needed, kept, and never fetched in a storm."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

import httpx
import jwt
from django.core.signals import setting_changed

from integrations.http import AddressRefused, client

logger = logging.getLogger(__name__)

FRESH = 24 * 3600.0
# An outage at Microsoft must not stop decisions; a key withdrawn long ago must not go on counting.
USABLE = 72 * 3600.0
# Anybody can send a token with a made-up key id: it must not make us call Microsoft each time.
PAUSE = 60.0
SECONDS = 3.0
MOST_BYTES = 512 * 1024
MOST_KEYS = 100
BAD_KEY = (jwt.PyJWTError, ValueError, TypeError, LookupError, ArithmeticError)


@dataclass(frozen=True, slots=True)
class Key:
    """A public key, and the channels it may speak for; empty when Microsoft named none."""

    public: Any
    endorsements: frozenset[str]


Found = Mapping[str, Key]


class Keys:
    """The keys by id. Safe in many threads; `fetch` raises httpx.HTTPError or ValueError."""

    def __init__(
        self, fetch: Callable[[], Found], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch, self._clock = fetch, clock
        self._known: Found = {}
        self._read_at = self._tried_at = -USABLE
        self._lock = Lock()

    def find(self, kid: str) -> Key | None:
        """The key of this id; None when Microsoft has none, or none can be had now."""
        if kid not in self._known or self._age() > FRESH:
            self._refresh()
        return self._known.get(kid) if self._age() <= USABLE else None

    def _age(self) -> float:
        return self._clock() - self._read_at

    def _refresh(self) -> None:
        with self._lock:
            if self._clock() - self._tried_at < PAUSE:
                return
            self._tried_at = self._clock()
            try:
                found = self._fetch()
            except (httpx.HTTPError, AddressRefused, ValueError) as error:
                logger.warning("teams keys are not to be had", extra={"error": str(error)[:200]})
                return
            self._known, self._read_at = found, self._clock()


@lru_cache(maxsize=4)
def at(url: str, *, allow_private: bool) -> Keys:
    """The keys published at this address, one store for the whole process."""
    return Keys(lambda: _fetched(url, allow_private=allow_private))


def _fetched(url: str, *, allow_private: bool) -> Found:
    with client(allow_private=allow_private, total=SECONDS, most_body=MOST_BYTES) as http:
        answer = http.get(url)
    if answer.status_code != httpx.codes.OK:
        raise ValueError(f"The keys' address answered {answer.status_code}.")
    return read(answer.content)


def read(raw: bytes) -> Found:
    """The RSA signing keys of a JWKS document; others are passed over. Raises ValueError."""
    body = json.loads(raw)
    listed = body.get("keys") if isinstance(body, dict) else None
    if not isinstance(listed, list):
        raise ValueError("The keys' address answered something else.")
    found = {kid: key for kid, key in map(_key, listed[:MOST_KEYS]) if kid and key}
    if not found:
        raise ValueError("The keys' address named no key of use.")
    return found


def _key(each: object) -> tuple[str, Key | None]:
    if not isinstance(each, dict) or each.get("kty") != "RSA" or each.get("use", "sig") != "sig":
        return "", None
    try:
        public = jwt.PyJWK(each, algorithm="RS256").key
    except BAD_KEY:
        return "", None
    endorsements = each.get("endorsements")
    named = endorsements if isinstance(endorsements, list) else []
    return str(each.get("kid") or ""), Key(public, frozenset(map(str, named)))


def _forget(**_: object) -> None:
    at.cache_clear()


setting_changed.connect(_forget)
