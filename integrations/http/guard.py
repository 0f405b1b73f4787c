"""Read a URL strictly, and carry requests to it over checked connections only.

After the OWASP page "Server-Side Request Forgery Prevention".
"""

import re
import ssl
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from ipaddress import IPv4Address, IPv6Address

import httpcore
import httpx

from integrations.http.addresses import AddressRefused
from integrations.http.network import (
    CONNECT_SECONDS,
    CheckedNetwork,
    Resolver,
    checked_addresses,
    reads_as,
    system_resolver,
)

PORTS = frozenset({443, 8443})
LONGEST_URL = 2000
TOTAL_SECONDS = 20.0
MOST_BODY = 64 * 1024

AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")

# These described the body on the wire, not the one handed on.
WIRE_HEADERS = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})

ERRORS: dict[type[Exception], type[httpx.TransportError]] = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
}


def check_url(
    url: str, *, resolver: Resolver = system_resolver, allow_private: bool = False
) -> None:
    """Raise AddressRefused unless the service may call this URL as names resolve now.

    People learn at once what would be refused at every attempt. `allow_private` opens plain HTTP,
    every port, and private and loopback addresses; nothing opens link-local addresses and the
    metadata services of clouds.
    """
    host, port = _host_and_port(url, allow_private=allow_private)
    try:
        checked_addresses(host, port, resolver=resolver, allow_private=allow_private)
    except OSError as error:
        raise AddressRefused("The host name does not resolve.") from error


def client(
    *,
    resolver: Resolver = system_resolver,
    allow_private: bool = False,
    trust: ssl.SSLContext | None = None,
    total: float = TOTAL_SECONDS,
    most_body: int = MOST_BODY,
) -> httpx.Client:
    """Return an httpx client that refuses what `check_url` refuses, at every exchange.

    Redirects are not followed, proxies and credentials of the environment are not used, cookies
    are not kept. An exchange takes `total` seconds at most, from the name to the last byte; of
    the answer `most_body` bytes are read, and `response.extensions["truncated"]` says whether
    there were more. `trust` replaces the public certificate authorities by an operator's own.
    """
    guarded = httpx.Client(
        transport=GuardedTransport(
            resolver=resolver,
            allow_private=allow_private,
            trust=trust or _public_authorities(),
            total=total,
            most_body=most_body,
        ),
        timeout=httpx.Timeout(total, connect=min(CONNECT_SECONDS, total)),
        headers={
            "User-Agent": "Countersign",
            # A compressed answer of 64 KiB can unpack to a thousand times as much.
            "Accept-Encoding": "identity",
            "Connection": "close",
        },
        follow_redirects=False,
        trust_env=False,
    )
    guarded.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return guarded


class GuardedTransport(httpx.BaseTransport):
    """Carry each exchange over a connection of its own, to an address checked for it."""

    def __init__(
        self,
        *,
        resolver: Resolver,
        allow_private: bool,
        trust: ssl.SSLContext,
        total: float,
        most_body: int,
    ) -> None:
        self._resolver = resolver
        self._allow_private = allow_private
        self._trust = trust
        self._total = total
        self._most_body = most_body

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send, and read the bounded answer. Raises AddressRefused and httpx.TransportError."""
        _host_and_port(str(request.url), allow_private=self._allow_private)
        exchange = httpcore.Request(
            method=request.method,
            url=_core_url(request.url),
            headers=request.headers.raw,
            content=request.stream,
            extensions={"timeout": request.extensions.get("timeout", {})},
        )
        connection = httpcore.HTTPConnection(
            origin=exchange.url.origin,
            ssl_context=self._trust,
            network_backend=CheckedNetwork(
                resolver=self._resolver,
                allow_private=self._allow_private,
                deadline=time.monotonic() + self._total,
            ),
        )
        with _errors_of_httpx(), closing(connection):
            answer = connection.handle_request(exchange)
            body, truncated = _read(answer, most=self._most_body)
        return httpx.Response(
            answer.status,
            headers=[pair for pair in answer.headers if pair[0].lower() not in WIRE_HEADERS],
            content=body,
            extensions={"truncated": truncated},
        )


def _host_and_port(url: str, *, allow_private: bool) -> tuple[str, int]:
    """Read where a URL leads, with the parser that will be used to call it."""
    authority = AUTHORITY.match(url)
    if len(url) > LONGEST_URL or authority is None:
        raise AddressRefused("This is not the address of a web service.")
    if "@" in authority[1] or "\\" in authority[1]:
        raise AddressRefused("A user name or password cannot be part of the address.")
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise AddressRefused("This is not the address of a web service.") from error
    if parsed.scheme not in ({"https", "http"} if allow_private else {"https"}):
        raise AddressRefused("Only https addresses are called.")
    port = parsed.port
    if port is None:
        port = 443 if parsed.scheme == "https" else 80
    if port not in (range(1, 65536) if allow_private else PORTS):
        raise AddressRefused("Only the ports 443 and 8443 are called.")
    host = parsed.raw_host.decode("ascii")
    _check_spelling(host, allow_private=allow_private)
    return host, port


def _check_spelling(host: str, *, allow_private: bool) -> None:
    """Refuse every spelling of a host that two readers could take for two things."""
    if ":" in host:
        if "%" in host or not reads_as(IPv6Address, host):
            raise AddressRefused("The host is not a plain IPv6 address.")
        return
    labels = host.split(".")
    if NUMERIC_LABEL.fullmatch(labels[-1]):
        # To the system's resolver 127.1, 2130706433, 0x7f.1 and 0177.0.0.1 are all loopback.
        if not reads_as(IPv4Address, host):
            raise AddressRefused("An IPv4 address is written as four decimal numbers.")
        return
    if len(host) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        raise AddressRefused("The host is not a plain name.")
    if len(labels) == 1 and not allow_private:
        raise AddressRefused("The host is not a full name on the internet.")


def _core_url(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )


def _read(answer: httpcore.Response, *, most: int) -> tuple[bytes, bool]:
    body = bytearray()
    for part in answer.iter_stream():
        body += part
        if len(body) > most:
            return bytes(body[:most]), True
    return bytes(body), False


@cache
def _public_authorities() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


@contextmanager
def _errors_of_httpx() -> Iterator[None]:
    try:
        yield
    except tuple(ERRORS) as error:
        raise ERRORS[type(error)](str(error)) from error
