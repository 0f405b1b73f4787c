"""Call GitHub's REST API, and say of each failure what it means for a delivery.

No call is repeated here and no redirect followed: a repository that moved is another place, and
nobody approved anything for it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

import httpx
import jwt

from approvals.ports import DeliveryError
from integrations.github.configuration import API_URL, Configuration
from integrations.github.places import Repository
from integrations.http import AddressRefused, client

SECONDS = 8.0
MOST_BODY = 4 * 1024 * 1024
VERSION = "2022-11-28"
# GitHub's clock and ours need not agree, and a token must not run out on the way.
SKEW, LIFE, SPARE = 60, 540, 300
DIGITS = re.compile(r"[0-9]{1,12}")
WAIT, LONGEST_WAIT = timedelta(seconds=60), 3_600
# An answer these stand in will be the same at the next attempt.
FINAL = frozenset({301, 302, 307, 308, 400, 403, 404, 405, 410, 413, 415, 422})
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout)


class GitHub:
    """GitHub as the app sees it. Tokens are kept until shortly before they end, whatever their form."""

    def __init__(self, configuration: Configuration, *, seconds: float = SECONDS) -> None:
        self._configuration = configuration
        own = configuration.api_url != API_URL  # a server the operator named may stand inside
        self._http = client(allow_private=own, total=seconds, most_body=MOST_BODY)
        self._tokens: dict[tuple[int, int | None], tuple[str, float]] = {}
        self._lock = Lock()

    def as_app(
        self, method: str, path: str, *, query: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        """One call in the app's own name. Raises DeliveryError."""
        return self._call(method, path, bearer=self._app_token(), query=query)

    def call(
        self,
        method: str,
        path: str,
        *,
        at: Repository,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        """One call in the name of the installation at a repository. Raises DeliveryError."""
        key = (at.installation, at.id)
        try:
            return self._call(method, path, bearer=self._token(key), body=body, query=query)
        except Unauthorised:
            with self._lock:
                self._tokens.pop(key, None)
            raise

    def _token(self, key: tuple[int, int | None]) -> str:
        with self._lock:
            token, ends = self._tokens.get(key, ("", 0.0))
        if token and ends - SPARE > time.time():
            return token
        installation, repository = key
        path = f"/app/installations/{installation}/access_tokens"
        scope = {"repository_ids": [repository]} if repository else {}
        given = mapping(self._call("POST", path, bearer=self._app_token(), body=scope))
        new = given.get("token")
        if not isinstance(new, str) or not new:
            raise DeliveryError("GitHub gave no token.")
        with self._lock:
            self._tokens[key] = (new, _moment(given.get("expires_at")))
        return new

    def _app_token(self) -> str:
        now = int(time.time())
        claims = {"iat": now - SKEW, "exp": now + LIFE, "iss": self._configuration.app_id}
        try:
            return jwt.encode(claims, self._configuration.private_key, algorithm="RS256")
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise DeliveryError(
                "GITHUB_PRIVATE_KEY is no RSA key that can be read.", permanent=True
            ) from error

    def _call(
        self,
        method: str,
        path: str,
        *,
        bearer: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {bearer}",
            "X-GitHub-Api-Version": VERSION,
        }
        url = f"{self._configuration.api_url}{path}"
        try:
            response = self._http.request(method, url, headers=headers, json=body, params=query)
        except AddressRefused as refusal:
            raise DeliveryError(f"GITHUB_API_URL: {refusal.reason}", permanent=True) from refusal
        except httpx.InvalidURL as error:
            raise DeliveryError("The address cannot be read.", permanent=True) from error
        except NOT_SENT as error:
            raise DeliveryError("GitHub could not be reached.") from error
        except httpx.TransportError as error:
            name = type(error).__name__
            words = f"The connection to GitHub broke before it answered: {name}."
            raise DeliveryError(words, unknown=True) from error
        if not response.is_success:
            raise failure(response)
        return response


class Unauthorised(DeliveryError):
    """GitHub does not take our token; the next attempt gets a new one."""


class Refused(DeliveryError):
    """GitHub will not do it, and would not at another attempt. `status` is its answer."""

    def __init__(self, words: str, *, status: int) -> None:
        super().__init__(words, permanent=True)
        self.status = status


def mapping(response: httpx.Response) -> dict[str, Any]:
    """The object GitHub answered with. Raises DeliveryError for anything else."""
    found = _json(response)
    if not isinstance(found, dict):
        raise DeliveryError("GitHub answered with something else than it documents.", unknown=True)
    return found


def rows(response: httpx.Response) -> list[dict[str, Any]]:
    """The list of objects GitHub answered with. Raises DeliveryError for anything else."""
    found = _json(response)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise DeliveryError("GitHub answered with something else than it documents.", unknown=True)
    return found


def failure(response: httpx.Response) -> DeliveryError:
    """What a refusal means for the delivery it was met on."""
    status = response.status_code
    if is_limit(response):
        return DeliveryError("GitHub asks us to wait.", retry_after=wait(response))
    if status == 401:
        return Unauthorised("GitHub does not take our token. Check GITHUB_APP_ID and its key.")
    if status >= 500:
        return DeliveryError(f"GitHub failed with {status}.", unknown=True)
    words = f"GitHub said {status}{_reason(response)}.{_FIXES.get(status, '')}"
    return Refused(words, status=status) if status in FINAL else DeliveryError(words)


def is_limit(response: httpx.Response) -> bool:
    """Whether this is a rate limit; GitHub says so with 429, and with 403."""
    headers = response.headers
    return response.status_code == 429 or (
        response.status_code == 403
        and (
            "retry-after" in headers
            or headers.get("x-ratelimit-remaining") == "0"
            or "rate limit" in _reason(response).lower()
        )
    )


def wait(response: httpx.Response) -> timedelta:
    """How long GitHub wants to be left alone, at most an hour."""
    after = response.headers.get("retry-after", "")
    if DIGITS.fullmatch(after):
        return timedelta(seconds=min(int(after), LONGEST_WAIT))
    reset = response.headers.get("x-ratelimit-reset", "")
    if response.headers.get("x-ratelimit-remaining") == "0" and DIGITS.fullmatch(reset):
        return timedelta(seconds=min(max(int(reset) - int(time.time()), 1), LONGEST_WAIT))
    return WAIT


_FIXES = {
    301: " The repository moved; nothing is sent after it.",
    403: " The app may not do this: see the permissions in docs/channels/github.md.",
    404: " It is gone, or the app is not installed there.",
}


def _json(response: httpx.Response) -> object:
    try:
        return response.json()
    except ValueError:
        raise DeliveryError("GitHub answered with no JSON.", unknown=True) from None


def _reason(response: httpx.Response) -> str:
    """GitHub's own words, shortened; they may repeat what was sent, so never more than a line."""
    try:
        body = response.json()
    except ValueError:
        return ""
    words = body.get("message") if isinstance(body, dict) else None
    return f": {' '.join(words.split())[:160]}" if isinstance(words, str) and words else ""


def _moment(text: object) -> float:
    """Seconds since 1970; half an hour from now where GitHub's own time cannot be read."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return time.time() + 1_800
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
