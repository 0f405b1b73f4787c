"""Tell an agent what became of its request, at the address it named, signed so it can believe it.

Standard Webhooks 1.0: `webhook-id` stays the same over all attempts, any answer but 2xx is a
failure, a redirect too, and 410 ends it for the whole address. The body is theirs, or a CloudEvent
where the settings say so.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from django.conf import settings

from approvals.ports import GONE, DeliveryError, Message, MessageKind, Notice
from integrations.http import AddressRefused, check_url, client
from integrations.signing import read_signing_key, standard_webhook_headers
from integrations.webhook import bodies

LONGEST_WAIT = timedelta(days=1)
SECONDS = re.compile(r"[0-9]{1,9}")
ENDPOINT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")

# Nothing had been sent yet; after every other failure the message may have arrived.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout)


def check_callback_url(url: str) -> None:
    """Raise AddressRefused, a ValueError in words, unless the service would call this address."""
    check_url(url, allow_private=settings.WEBHOOK_ALLOW_PRIVATE)


class WebhookAdapter:
    """Carry events to the callback address of the agent that asked."""

    name = "webhook"

    def __init__(self, http: httpx.Client | None = None) -> None:
        self._http = http or client(allow_private=settings.WEBHOOK_ALLOW_PRIVATE)
        self._keys = [read_signing_key(text) for text in settings.WEBHOOK_SIGNING_KEY]
        self._cloud_events = frozenset(host.lower() for host in settings.WEBHOOK_CLOUDEVENTS)

    def addresses(self, notice: Notice) -> Sequence[tuple[MessageKind, str]]:
        """Name the callback address, if the agent gave one."""
        return [(MessageKind.EVENT, notice.callback_url)] if notice.callback_url else []

    def endpoint(self, address: str) -> str:
        """The scheme, host and port: what fails together when a receiver is down."""
        found = ENDPOINT.match(address)
        return found[0] if found else address

    def deliver(self, message: Message) -> Mapping[str, Any]:
        """Send one event; the receipt says how it was answered. Raises DeliveryError."""
        if not message.secrets:
            raise DeliveryError(
                "The agent has no secret to sign its webhooks with.", permanent=True
            )
        body = bodies.drawn(message, cloud_events=self._cloud_events, source=settings.PUBLIC_URL)
        headers = standard_webhook_headers(
            secrets=message.secrets,
            keys=self._keys,
            message_id=message.id,
            at=message.at,
            body=body.raw,
        )
        headers["content-type"] = body.content_type
        answer = self._post(message.address, body=body.raw, headers=headers)
        if answer.is_success:
            return {"status": answer.status_code}
        if answer.status_code == httpx.codes.GONE:
            raise DeliveryError(GONE, permanent=True)
        raise DeliveryError(
            f"The receiver answered {answer.status_code}.",
            retry_after=wait_named(answer.headers.get("retry-after", ""), at=message.at),
        )

    def _post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        try:
            return self._http.post(url, content=body, headers=headers)
        except AddressRefused as refusal:
            raise DeliveryError(refusal.reason, permanent=True) from refusal
        except httpx.InvalidURL as error:
            raise DeliveryError("The address cannot be read.", permanent=True) from error
        except httpx.TransportError as error:
            late = isinstance(error, httpx.TimeoutException)
            words = "The receiver took too long." if late else f"The connection failed: {error}"
            raise DeliveryError(words, unknown=not isinstance(error, NOT_SENT)) from error


def wait_named(retry_after: str, *, at: datetime) -> timedelta | None:
    """Read a Retry-After header (RFC 9110 section 10.2.3), at most a day; None if it names no time.

    Never raises, whatever the receiver wrote.
    """
    if SECONDS.fullmatch(retry_after):
        wait = timedelta(seconds=int(retry_after))
    else:
        try:
            moment = parsedate_to_datetime(retry_after)
        except (ValueError, OverflowError):
            return None
        # A date without a zone is in GMT, as all dates of HTTP are.
        wait = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - at
    return min(max(wait, timedelta(0)), LONGEST_WAIT)
