"""Speak OpenID Connect with the identity provider the settings name, and believe what it signed.

What it publishes is fetched when needed, kept, and never fetched in a storm. Whatever else it says
than a good token for us is refused in words; nothing here knows people.
"""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import httpx
import jwt
from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from approvals.domain.errors import Refusal

logger = logging.getLogger(__name__)
Found = TypeVar("Found")

DISCOVERY = "/.well-known/openid-configuration"
FRESH = 3600.0
# An outage of what is published must not sign anybody out who still can come in by a known key.
USABLE = 24 * 3600.0
# Anybody can send a token with a made-up key id: it must not make us call the provider each time.
PAUSE = 30.0
SECONDS = 5.0
MOST_BYTES = 512 * 1024
MOST_KEYS = 100
LONGEST_TOKEN = 32 * 1024
LEEWAY = 60
# By their family: a public key must never serve as a shared secret, and `none` is no signature.
FAMILIES = {
    "RS256": "RSA", "RS384": "RSA", "RS512": "RSA", "PS256": "RSA", "PS384": "RSA", "PS512": "RSA",
    "ES256": "EC", "ES384": "EC", "ES512": "EC", "EdDSA": "OKP",
}  # fmt: skip
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
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


class ProviderSilent(Refusal):
    """The identity provider does not answer, or not as one does. It may later."""

    code = "provider_silent"
    status = 422


class NotBelieved(Refusal):
    """What came back is forged, for somebody else, out of time, or was used before."""

    code = "not_believed"
    status = 403


@dataclass(frozen=True, slots=True)
class Published:
    """What the provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    takes_secret_in_body: bool
    end_session_endpoint: str = ""


class Kept(Generic[Found]):
    """Something fetched: fresh for an hour, usable for a day, asked for again after a pause."""

    def __init__(self, fetch: Callable[[], Found], clock: Callable[[], float]) -> None:
        self._fetch, self._clock = fetch, clock
        self._found: Found | None = None
        self._read_at = self._tried_at = -USABLE
        self._lock = Lock()

    def get(self, *, newer: bool = False) -> Found:
        """It, as last read; `newer` asks again unless that was done a moment ago. Raises ProviderSilent."""
        age = self._clock() - self._read_at
        if newer or self._found is None or age > FRESH:
            self._refresh()
        if self._found is None or self._clock() - self._read_at > USABLE:
            raise silent()
        return self._found

    def _refresh(self) -> None:
        with self._lock:
            # Never read at all: everybody waiting to come in may ask, for nothing else lets them.
            if self._found is not None and self._clock() - self._tried_at < PAUSE:
                return
            self._tried_at = self._clock()
            try:
                self._found, self._read_at = self._fetch(), self._clock()
            except ProviderSilent:
                logger.warning("the identity provider does not answer")


class Provider:
    """One provider as this process knows it. Safe in many threads."""

    def __init__(self, issuer: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.issuer = issuer
        self._published: Kept[Published] = Kept(self._discover, clock)
        self._keys: Kept[list[dict[str, Any]]] = Kept(self._fetch_keys, clock)

    def address(self, parameters: Mapping[str, str]) -> str:
        """Where to send a browser. Raises ProviderSilent."""
        endpoint = self._published.get().authorization_endpoint
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}"

    def way_out(self, parameters: Mapping[str, str]) -> str:
        """Where a browser signs out there; empty where nothing is published for it. Raises ProviderSilent."""
        endpoint = self._published.get().end_session_endpoint
        if not endpoint:
            return ""
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}"

    def redeem(self, *, code: str, verifier: str, redirect_uri: str) -> str:
        """The identity token for a code. Raises NotBelieved, ProviderSilent."""
        published = self._published.get()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        who, secret = settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET
        if published.takes_secret_in_body:
            form |= {"client_id": who, "client_secret": secret}
            status, body = _call("POST", published.token_endpoint, data=form)
        else:
            basic = httpx.BasicAuth(quote(who, safe=""), quote(secret, safe=""))
            status, body = _call("POST", published.token_endpoint, data=form, auth=basic)
        if status in (400, 401, 403):
            # Which of ours it dislikes is for the log: whoever stands before the page cannot mend it.
            logger.warning("a code was refused", extra={"error": str(body.get("error"))[:100]})
            raise _not_believed()
        token = body.get("id_token")
        if status != httpx.codes.OK or not isinstance(token, str):
            raise silent()
        return token

    def claims(self, token: str, *, nonce: str) -> dict[str, Any]:
        """What a good token says. Raises NotBelieved for every other, ProviderSilent without keys."""
        if len(token) > LONGEST_TOKEN:
            raise _not_believed()
        try:
            header = jwt.get_unverified_header(token)
            algorithm = str(header.get("alg"))
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key(header.get("kid"), algorithm),
                algorithms=[algorithm],
                audience=settings.OIDC_CLIENT_ID,
                issuer=self._published.get().issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "iat", "iss", "aud", "sub", "nonce"]},
            )
            self._refuse_others(claims, nonce)
        except BAD_TOKEN as error:
            logger.warning("an identity token was refused", extra={"error": str(error)[:200]})
            raise _not_believed() from None
        return claims

    def _refuse_others(self, claims: Mapping[str, Any], nonce: str) -> None:
        if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
            raise ValueError("The nonce is another one.")
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (several or "azp" in claims) and claims.get("azp") != settings.OIDC_CLIENT_ID:
            raise ValueError("The token was issued to another client.")
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise ValueError("The token names no subject.")

    def _key(self, kid: object, algorithm: str) -> Any:
        """The key a header names, if its family is the algorithm's. Raises LookupError, ValueError."""
        if algorithm not in FAMILIES:
            raise ValueError(f"The algorithm {algorithm[:20]!r} is not allowed.")
        found = _matching(self._keys.get(), kid, algorithm)
        found = found or _matching(self._keys.get(newer=True), kid, algorithm)
        if len(found) != 1:
            raise LookupError("No one key of the provider is meant.")
        return jwt.PyJWK(found[0], algorithm=algorithm).key

    def _discover(self) -> Published:
        status, body = _call("GET", self.issuer.rstrip("/") + DISCOVERY)
        said = [
            body.get(name)
            for name in ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
        ]
        if status != httpx.codes.OK or not all(isinstance(each, str) and each for each in said):
            raise silent()
        issuer, *endpoints = map(str, said)
        if issuer.rstrip("/") != self.issuer.rstrip("/") or not all(map(self._is_safe, endpoints)):
            logger.warning(
                "the identity provider publishes another issuer, or addresses without TLS"
            )
            raise silent()
        ways = body.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        authorization, token, keys = endpoints
        leave = body.get("end_session_endpoint")
        is_usable = isinstance(leave, str) and bool(leave) and self._is_safe(leave)
        return Published(
            issuer, authorization, token, keys, "client_secret_basic" not in ways,
            str(leave) if is_usable else "",
        )  # fmt: skip

    def _fetch_keys(self) -> list[dict[str, Any]]:
        status, body = _call("GET", self._published.get().jwks_uri)
        keys = body.get("keys")
        if status != httpx.codes.OK or not isinstance(keys, list):
            raise silent()
        return [each for each in keys[:MOST_KEYS] if isinstance(each, dict)]

    def _is_safe(self, address: str) -> bool:
        """Encrypted, or on this machine as the issuer itself is."""
        parts = urlsplit(address)
        if parts.scheme == "https":
            return True
        is_here = urlsplit(self.issuer).hostname in LOOPBACK
        return is_here and parts.scheme == "http" and parts.hostname in LOOPBACK


def provider() -> Provider:
    """The one the settings name, one for the whole process."""
    return _provider(settings.OIDC_ISSUER)


def silent() -> ProviderSilent:
    return ProviderSilent(
        f"{settings.OIDC_NAME} does not answer as it should. Nobody was signed in. Try again in a minute"
        f"{'' if settings.OIDC_ONLY else ', or sign in another way'}."
    )


def _not_believed() -> NotBelieved:
    return NotBelieved(
        f"What came back from {settings.OIDC_NAME} does not prove who you are. "
        "Nobody was signed in. Begin again from this page."
    )


def _matching(keys: list[dict[str, Any]], kid: object, algorithm: str) -> list[dict[str, Any]]:
    """The keys a header can mean: by id where it has one."""
    return [
        key
        for key in keys
        if (kid is None or key.get("kid") == kid)
        and key.get("kty") == FAMILIES[algorithm]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
    ]


def _call(method: str, url: str, **more: Any) -> tuple[int, dict[str, Any]]:
    """One bounded exchange; an answer that is no JSON object reads as an empty one."""
    # An operator names the provider, so it may stand on the premises, unlike what agents name.
    client = import_string(settings.OUTBOUND_CLIENT)
    try:
        with client(allow_private=True, total=SECONDS, most_body=MOST_BYTES) as http:
            answer = http.request(method, url, headers={"Accept": "application/json"}, **more)
            body = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        logger.warning("the identity provider is not to be had", extra={"error": str(error)[:200]})
        raise silent() from None
    except (ValueError, RecursionError):  # no JSON, or an address out of bounds
        raise silent() from None
    return answer.status_code, body if isinstance(body, dict) else {}


@lru_cache(maxsize=4)
def _provider(issuer: str) -> Provider:
    return Provider(issuer)


def _forget(**_: object) -> None:
    _provider.cache_clear()


setting_changed.connect(_forget)
