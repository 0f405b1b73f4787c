"""Call ServiceNow's REST API, and say of each failure what it means for whoever called.

Nothing is repeated here but a call that a stale token spoilt, once. The address is the operator's
own, so it may lie inside the network; metadata services and redirects stay refused.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import Any

import httpx

from approvals.ports import DeliveryError
from integrations.http import AddressRefused, client
from integrations.servicenow.configuration import Configuration

SECONDS = 8.0
MOST_BODY = 2 * 1024 * 1024
TOKEN_PATH = "/oauth_token.do"
TOKEN_MARGIN = 60.0  # seconds before its end at which a token is no longer begun a call with
SHORTEST_LIFE, USUAL_LIFE, LONGEST_LIFE = 30.0, 1800.0, 86_400.0
WAIT, LONGEST_WAIT = timedelta(seconds=60), timedelta(hours=1)
# Another attempt sends the same body to the same place: these answers cannot change by it.
LASTING = frozenset({400, 405, 409, 410, 413, 415, 422})
# Nothing had been sent yet; after every other failure the call may have had its effect.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout)


class Refused(DeliveryError):
    """ServiceNow understood and said no; `status` is its answer's."""

    def __init__(self, words: str, *, status: int, permanent: bool) -> None:
        super().__init__(words, permanent=permanent)
        self.status = status


class Wire:
    """Calls of one instance. Safe to share between threads; keeps its token while it lives."""

    def __init__(self, configuration: Configuration, *, seconds: float = SECONDS) -> None:
        self._configuration = configuration
        self._http = client(allow_private=True, total=seconds, most_body=MOST_BODY)
        self._token, self._good_until = "", 0.0
        self._lock = Lock()

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        """The `result` of an answer. Raises DeliveryError."""
        proof = self._proof()
        answer = self._send(method, path, query=query, body=body, proof=proof)
        if answer.status_code == 401 and self._configuration.uses_oauth:
            self._forget(proof)
            answer = self._send(method, path, query=query, body=body, proof=self._proof())
        if not answer.is_success:
            raise failure(answer)
        return _result(answer)

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        proof: str,
    ) -> httpx.Response:
        headers = {"Accept": "application/json", "Authorization": proof}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body, allow_nan=False).encode()
        url = f"{self._configuration.url}{path}"
        return self._exchange(method, url, params=query, content=content, headers=headers)

    def _exchange(self, method: str, url: str, **sent: Any) -> httpx.Response:
        try:
            return self._http.request(method, url, **sent)
        except AddressRefused as refusal:
            raise DeliveryError(refusal.reason, permanent=True) from refusal
        except httpx.InvalidURL as error:
            raise DeliveryError("SERVICENOW_URL cannot be read.", permanent=True) from error
        except httpx.TransportError as error:
            if isinstance(error, NOT_SENT):
                raise DeliveryError("ServiceNow could not be reached.") from error
            words = f"The connection to ServiceNow broke: {type(error).__name__}."
            raise DeliveryError(words, unknown=True) from error

    def _proof(self) -> str:
        settings = self._configuration
        if not settings.uses_oauth:
            pair = f"{settings.user}:{settings.password}".encode()
            return f"Basic {base64.b64encode(pair).decode()}"
        with self._lock:
            if time.monotonic() >= self._good_until:
                self._token, life = self._new_token()
                self._good_until = time.monotonic() + life
            return f"Bearer {self._token}"

    def _forget(self, proof: str) -> None:
        """Drop the token a call was refused with, unless another thread has a newer one already."""
        with self._lock:
            if proof == f"Bearer {self._token}":
                self._good_until = 0.0

    def _new_token(self) -> tuple[str, float]:
        """A token and for how many seconds calls may begin with it. Raises DeliveryError."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self._configuration.client_id,
            "client_secret": self._configuration.client_secret,
        }
        url = f"{self._configuration.url}{TOKEN_PATH}"
        # The lock is held meanwhile: whoever waits would only ask for the same token.
        try:
            answer = self._exchange("POST", url, data=form, headers={"Accept": "application/json"})
        except DeliveryError as error:
            error.unknown = False  # without a token, nothing that matters was sent
            raise
        if not answer.is_success:
            refused = failure(answer)
            refused.permanent = False  # the operator can mend a client's secret meanwhile
            raise refused
        body = _read(answer)
        token = body.get("access_token") if isinstance(body, dict) else None
        if not isinstance(token, str) or not token or not token.isascii() or len(token) > 8_000:
            raise DeliveryError("ServiceNow answered without a token.")
        return token, _life(body.get("expires_in"))


def failure(answer: httpx.Response) -> DeliveryError:
    """What an answer other than yes means."""
    status = answer.status_code
    words = f"ServiceNow said {status}{_said(answer)}."
    if status == 429:
        wait = _named(answer.headers.get("retry-after", ""))
        return DeliveryError("ServiceNow asks us to wait.", retry_after=wait)
    if status >= 500:
        return DeliveryError(words, unknown=True)
    if status in (401, 403):
        return Refused(f"{words} Look at the account's roles.", status=status, permanent=False)
    return Refused(words, status=status, permanent=status in LASTING)


def records(result: Any) -> list[dict[str, Any]]:
    """The records of a `result`: one object or a list of them. Raises DeliveryError."""
    found = result if isinstance(result, list) else [result]
    if not all(isinstance(record, dict) for record in found):
        raise DeliveryError("ServiceNow answered with something else than records.", unknown=True)
    return found


def text(record: Mapping[str, Any], name: str, *, shown: bool = False) -> str:
    """A field as text, whether it came plain, or as `{value, display_value}` or `{value, link}`."""
    found = record.get(name)
    if isinstance(found, dict):
        found = found.get("display_value" if shown else "value")
    if isinstance(found, bool) or not isinstance(found, str | int):
        return ""
    # What no database takes, nobody typed.
    return str(found).replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _result(answer: httpx.Response) -> Any:
    body = _read(answer)
    if not isinstance(body, dict) or "result" not in body:
        raise DeliveryError("ServiceNow answered with something that is not its own.", unknown=True)
    return body["result"]


def _read(answer: httpx.Response) -> Any:
    if answer.extensions.get("truncated"):
        raise DeliveryError("ServiceNow's answer was too long to read.", unknown=True)
    try:
        return answer.json()
    except (ValueError, RecursionError) as error:
        words = (
            "ServiceNow's answer could not be read. A sleeping instance answers with a web page."
        )
        raise DeliveryError(words, unknown=True) from error


def _said(answer: httpx.Response) -> str:
    """ServiceNow's own words, short and on one line."""
    try:
        error = answer.json()["error"]
        words = error["message"] if isinstance(error, dict) else error
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    printable = "".join(char if char.isprintable() else " " for char in str(words)[:200])
    return f": {printable.rstrip('. ')}"


def _life(named: object) -> float:
    seconds = float(named) if isinstance(named, int) and not isinstance(named, bool) else USUAL_LIFE
    return min(max(seconds - TOKEN_MARGIN, SHORTEST_LIFE), LONGEST_LIFE)


def _named(retry_after: str) -> timedelta:
    """The wait a Retry-After header names, as seconds or as a date; a minute if it names none."""
    if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 9:
        return min(timedelta(seconds=int(retry_after)), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return WAIT
    wait = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.now(UTC)
    return min(max(wait, timedelta(0)), LONGEST_WAIT)
