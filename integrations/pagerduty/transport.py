"""Carry what PagerDuty's client sends over the service's own guarded connections.

The client insists on https addresses, and its own transport has no limit for a whole exchange. Here
each has one, answers are bounded, and nothing is ever sent twice. A stand-in on this very machine is
reached by plain HTTP; no other address is.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import httpx2

from integrations.http import AddressRefused, client

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# These speak of the connection the client thought it had.
OF_THE_CONNECTION = frozenset({"host", "connection", "accept-encoding", "transfer-encoding"})
MOST_BODY = 1024 * 1024


class NotSent(httpx2.ConnectError):
    """No connection was made, so nothing can have arrived."""


class GuardedTransport(httpx2.BaseTransport):
    """One exchange, once. `seconds` bounds it from the name to the last byte."""

    def __init__(self, base_url: str, *, seconds: float) -> None:
        self._plain = is_loopback(base_url)
        self._http = client(allow_private=self._plain, total=seconds, most_body=MOST_BODY)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send, and return the whole answer. Raises httpx2.TransportError."""
        url = str(request.url)
        headers = [(k, v) for k, v in request.headers.items() if k not in OF_THE_CONNECTION]
        try:
            answer = self._http.request(
                request.method,
                url.replace("https://", "http://", 1) if self._plain else url,
                headers=headers,
                content=request.read(),
            )
        except (
            AddressRefused,
            httpx.InvalidURL,
            httpx.ConnectError,
            httpx.ConnectTimeout,
        ) as error:
            raise NotSent(str(error) or type(error).__name__, request=request) from error
        except httpx.TimeoutException as error:
            raise httpx2.ReadTimeout("The time was up.", request=request) from error
        except httpx.TransportError as error:
            raise httpx2.ReadError(str(error), request=request) from error
        return httpx2.Response(
            answer.status_code,
            headers=[(k, v) for k, v in answer.headers.items() if k != "content-encoding"],
            stream=httpx2.ByteStream(answer.content),
            request=request,
        )

    def close(self) -> None:
        self._http.close()


def is_loopback(url: str) -> bool:
    """Whether this is a plain HTTP address of this machine: a stand-in of tests and development."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in LOOPBACK


def https(url: str) -> str:
    """The address as the client will have it."""
    return f"https://{url.removeprefix('http://')}" if is_loopback(url) else url
