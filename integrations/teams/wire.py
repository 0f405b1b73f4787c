"""Speak to Teams as the bot, and say of each failure what it means for a delivery.

No call is repeated here but one that Teams refused for its token. Teams knows no idempotency key
and cannot be asked whether a message arrived.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from threading import Lock
from typing import Any
from urllib.parse import quote

import httpx

from approvals.ports import DeliveryError
from integrations.http import AddressRefused, client
from integrations.teams.configuration import Configuration

SCOPE = "https://api.botframework.com/.default"
DELIVERY_SECONDS = 8.0
# A token is given back this long before it ends, so that it does not end on the way.
MARGIN = 300.0
SHORTEST_LIFE = 30.0
WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
SECONDS = re.compile(r"[0-9]{1,9}")
# Microsoft asks for patience with these; of the last three it is not known what was done.
BUSY = frozenset({408, 412, 423})
FAILED = 500
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout)


class Missing(DeliveryError):
    """The conversation, or the message that was to be edited, is not there."""


class TokenRefused(DeliveryError):
    """Teams does not take the token we have."""


class Tokens:
    """The bot's own token, asked for once and kept until shortly before it ends."""

    def __init__(self, configuration: Configuration, http: httpx.Client) -> None:
        self._configuration, self._http = configuration, http
        self._token, self._until = "", 0.0
        self._lock = Lock()

    def current(self) -> str:
        """A token that is good for a while. Raises DeliveryError."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._token, life = self._asked()
                self._until = time.monotonic() + max(life - MARGIN, SHORTEST_LIFE)
            return self._token

    def forget(self, token: str) -> None:
        """It was refused; unless another thread has a new one already, ask for one."""
        with self._lock:
            if token == self._token:
                self._until = 0.0

    def _asked(self) -> tuple[str, float]:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._configuration.app_id,
            "client_secret": self._configuration.password,
            "scope": SCOPE,
        }
        answer = sent(lambda: self._http.post(self._configuration.token_url, data=form))
        body = json_object(answer)
        token, life = body.get("access_token"), body.get("expires_in")
        if answer.is_success and isinstance(token, str) and token.isascii() and token.isprintable():
            return token, float(life) if isinstance(life, int) else SHORTEST_LIFE
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.status_code >= FAILED:
            raise failure(answer)
        word = str(body.get("error") or answer.status_code)[:80]
        raise DeliveryError(
            f"Microsoft gives the bot no token: {word}. Check TEAMS_APP_ID, TEAMS_APP_PASSWORD and "
            "TEAMS_TENANT_ID."
        )


class Connector:
    """Where a bot's messages go; one for each process, safe in many threads."""

    def __init__(self, configuration: Configuration, *, seconds: float) -> None:
        self._http = client(allow_private=configuration.allow_private, total=seconds)
        self._tokens = Tokens(configuration, self._http)

    def post(self, service_url: str, conversation: str, activity: Mapping[str, Any]) -> str:
        """Write into a conversation; the id of the new message. Raises DeliveryError."""
        answer = self._call("POST", _address(service_url, conversation), activity)
        found = json_object(answer).get("id")
        if not isinstance(found, str) or not found:
            raise DeliveryError("Teams answered without naming the message.", unknown=True)
        return found

    def edit(
        self, service_url: str, conversation: str, message: str, activity: Mapping[str, Any]
    ) -> None:
        """Replace a message. Raises DeliveryError; Missing when it is gone."""
        url = f"{_address(service_url, conversation)}/{quote(message, safe='')}"
        self._call("PUT", url, {**activity, "id": message})

    def _call(self, method: str, url: str, body: Mapping[str, Any]) -> httpx.Response:
        try:
            return self._try(method, url, body)
        except TokenRefused:
            return self._try(method, url, body)

    def _try(self, method: str, url: str, body: Mapping[str, Any]) -> httpx.Response:
        token = self._tokens.current()
        headers = {"Authorization": f"Bearer {token}"}
        answer = sent(lambda: self._http.request(method, url, json=body, headers=headers))
        if answer.is_success:
            return answer
        error = failure(answer)
        if isinstance(error, TokenRefused):
            self._tokens.forget(token)
        raise error


@lru_cache(maxsize=8)
def connector(configuration: Configuration, *, seconds: float) -> Connector:
    """One for each configuration, so that its token is asked for once."""
    return Connector(configuration, seconds=seconds)


def sent(exchange: Callable[[], httpx.Response]) -> httpx.Response:
    """Carry out one exchange. Raises DeliveryError for all that can go wrong on the way."""
    try:
        return exchange()
    except AddressRefused as refusal:
        raise DeliveryError(f"Teams is not called: {refusal.reason}", permanent=True) from refusal
    except httpx.InvalidURL as error:
        raise DeliveryError("Teams' address cannot be read.", permanent=True) from error
    except httpx.TransportError as error:
        words = f"The connection to Teams broke: {type(error).__name__}."
        raise DeliveryError(words, unknown=not isinstance(error, NOT_SENT)) from error


def failure(answer: httpx.Response) -> DeliveryError:
    """What an answer that is no success means for the delivery it was made for."""
    code = answer.status_code
    if code == httpx.codes.TOO_MANY_REQUESTS or code in BUSY:
        return DeliveryError("Teams asks us to wait.", retry_after=_wait(answer))
    if code >= FAILED:
        return DeliveryError(f"Teams failed with {code}.", unknown=True)
    words = f"Teams answered {code} {_word(answer)}".strip() + "."
    if code == httpx.codes.UNAUTHORIZED:
        return TokenRefused(words)
    if code in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
        return Missing(words, permanent=True)
    return DeliveryError(words, permanent=True)


def json_object(answer: httpx.Response) -> Mapping[str, Any]:
    """The object in an answer; empty when there is none."""
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _word(answer: httpx.Response) -> str:
    """Teams' own word for what was wrong, such as BotNotInConversationRoster."""
    error = json_object(answer).get("error")
    word = error.get("code") if isinstance(error, dict) else ""
    return word[:80] if isinstance(word, str) and word.isalnum() else ""


def _wait(answer: httpx.Response) -> timedelta:
    named = answer.headers.get("retry-after", "")
    if SECONDS.fullmatch(named):
        return min(timedelta(seconds=int(named)), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(named)
    except (ValueError, OverflowError):
        return WAIT
    wait = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.now(UTC)
    return min(max(wait, timedelta(seconds=1)), LONGEST_WAIT)


def _address(service_url: str, conversation: str) -> str:
    return f"{service_url}/v3/conversations/{quote(conversation, safe='')}/activities"
