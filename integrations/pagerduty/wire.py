"""Call PagerDuty, and say of each failure what it means for a delivery.

Its client by default waits without end while it is told to slow down, and twenty seconds over a
broken connection. Here it tries once and never sleeps: the outbox does the waiting.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import httpx2
from pagerduty import ApiClient, Error, EventsApiV2Client, RestApiV2Client

from approvals.ports import DeliveryError
from integrations.pagerduty.configuration import Configuration
from integrations.pagerduty.transport import GuardedTransport, NotSent, https

DELIVERY_SECONDS = 8.0
WAIT, LONGEST_WAIT = timedelta(seconds=30), 3_600
SECONDS = re.compile(r"[0-9]{1,9}")
RETRIED_BY_THE_CLIENT = (429, 500, 502, 503, 504)
# An answer these stand in will be the same at the next attempt.
FINAL = frozenset({400, 401, 402, 403, 404, 405, 413, 422})
Client = TypeVar("Client", bound=ApiClient)
Found = TypeVar("Found")
BROKEN = (Error, httpx2.HTTPError, httpx2.InvalidURL, ValueError, TypeError)


def events(configuration: Configuration, routing_key: str) -> EventsApiV2Client:
    """The Events API for one integration key."""
    url = configuration.events_url
    made = EventsApiV2Client(
        routing_key,
        base_url=https(url),
        transport=GuardedTransport(url, seconds=DELIVERY_SECONDS),
        trust_env=False,
    )
    return _once(made, DELIVERY_SECONDS)


def rest(configuration: Configuration, *, seconds: float) -> RestApiV2Client:
    """The REST API, on behalf of the user the operator named."""
    url = configuration.api_url
    made = RestApiV2Client(
        configuration.api_token,
        default_from=configuration.sender or None,
        base_url=https(url),
        transport=GuardedTransport(url, seconds=seconds),
        trust_env=False,
    )
    return _once(made, seconds)


def _once(client: Client, seconds: float) -> Client:
    """Take every repetition and every sleep away from a client."""
    client.timeout = seconds  # type: ignore[assignment]  # it says int and means seconds
    client.max_network_attempts = 0
    # Its rule for a status is "n times more, unless there were more than this many in all".
    client.max_http_attempts = -1
    client.retry.update(dict.fromkeys(RETRIED_BY_THE_CLIENT, 1))
    return client


def attempt(call: Callable[[], Found]) -> Found:
    """Make one call. Raises DeliveryError saying what its failure means."""
    try:
        return call()
    except BROKEN as error:
        raise failure(error) from error


def answer(response: httpx2.Response) -> dict[str, Any]:
    """The object PagerDuty answered with. Raises DeliveryError for every other answer."""
    if not response.is_success:
        raise said_no(response)
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise DeliveryError(
            "PagerDuty answered with something else than it documents.", unknown=True
        )
    return body


def failure(error: Exception) -> DeliveryError:
    """What an error of a call means for the delivery it was made for."""
    response = getattr(error, "response", None)
    if isinstance(response, httpx2.Response) and not response.is_success:
        return said_no(response)
    if isinstance(error.__cause__, NotSent):
        return DeliveryError("PagerDuty could not be reached.")
    name = type(error.__cause__ or error).__name__
    return DeliveryError(
        f"PagerDuty gave no answer that could be understood: {name}.", unknown=True
    )


def said_no(response: httpx2.Response) -> DeliveryError:
    """What a refusal means."""
    status = response.status_code
    if status == 429:
        return DeliveryError("PagerDuty asks us to wait.", retry_after=_wait(response))
    if status >= 500:
        return DeliveryError(f"PagerDuty failed with {status}.", unknown=True)
    words = f"PagerDuty said {status}{_reason(response)}."
    return DeliveryError(words + _FIXES.get(status, ""), permanent=status in FINAL)


_FIXES = {
    401: " Check PAGERDUTY_API_TOKEN and PAGERDUTY_REGION.",
    403: " The token may not do this: give it read and write access.",
}


def _reason(response: httpx2.Response) -> str:
    """PagerDuty's own words, shortened; they may repeat what was sent, so never more than a line."""
    try:
        body = response.json()
    except ValueError:
        return ""
    said = body if isinstance(body, dict) else {}
    error = said.get("error")
    inner = error if isinstance(error, dict) else said
    words = inner.get("errors") or inner.get("message")
    text = "; ".join(map(str, words)) if isinstance(words, list) else str(words or "")
    return f": {' '.join(text.split())[:160]}" if text else ""


def _wait(response: httpx2.Response) -> timedelta:
    for name in ("retry-after", "ratelimit-reset"):
        value = response.headers.get(name, "")
        if SECONDS.fullmatch(value):
            return timedelta(seconds=min(int(value), LONGEST_WAIT))
    return WAIT
