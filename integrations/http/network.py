"""Open connections to checked addresses only, and let none outlast its deadline.

A name is resolved once, each of its addresses is checked, and the connection goes to one of those:
between check and connection nothing is left for a name server to change. TLS still verifies the
name, which the layers above keep.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from threading import Thread

import httpcore

from integrations.http.addresses import AddressRefused, refusal

Resolver = Callable[[str, int], Sequence[str]]

CONNECT_SECONDS = 5.0


def system_resolver(host: str, port: int) -> list[str]:
    """Return every address the operating system knows for a name. Raises OSError if none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def checked_addresses(
    host: str,
    port: int,
    *,
    resolver: Resolver,
    allow_private: bool,
    seconds: float = CONNECT_SECONDS,
) -> Sequence[str]:
    """Return all addresses of a host; one that is out of bounds refuses them all.

    Raises AddressRefused, and OSError if the name has no address or gives no answer in time.
    """
    literal = reads_as(IPv4Address, host) or reads_as(IPv6Address, host)
    addresses = [host] if literal else _resolved(host, port, resolver, seconds=seconds)
    if not addresses:
        raise OSError("The name has no address.")
    for address in addresses:
        if words := refusal(address, allow_private=allow_private):
            raise AddressRefused(f"The host leads to {words}.")
    return addresses


def reads_as(kind: type[IPv4Address] | type[IPv6Address], host: str) -> bool:
    """Say whether a host is an address of this kind, written in full."""
    try:
        kind(host)
    except AddressValueError:
        return False
    return True


class CheckedNetwork(httpcore.NetworkBackend):
    """The network as one exchange may use it: checked addresses, until the deadline.

    `deadline` is a moment of `time.monotonic()`.
    """

    def __init__(self, *, resolver: Resolver, allow_private: bool, deadline: float) -> None:
        self._resolver = resolver
        self._allow_private = allow_private
        self._deadline = deadline

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *_: object, **__: object
    ) -> httpcore.NetworkStream:
        """Resolve, check, connect. Raises AddressRefused and httpcore's connection errors."""
        seconds = CONNECT_SECONDS if timeout is None else timeout
        give_up = min(self._deadline, time.monotonic() + seconds)
        with _errors_of_httpcore(httpcore.ConnectTimeout, httpcore.ConnectError):
            addresses = checked_addresses(
                host,
                port,
                resolver=self._resolver,
                allow_private=self._allow_private,
                seconds=give_up - time.monotonic(),
            )
            return _Stream(_connect(addresses, port, give_up=give_up), deadline=self._deadline)


class _Stream(httpcore.NetworkStream):
    """A socket that stops at the deadline, however slowly the other side drips or drinks."""

    def __init__(self, sock: socket.socket, *, deadline: float) -> None:
        self._socket = sock
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _errors_of_httpcore(httpcore.ReadTimeout, httpcore.ReadError):
            self._set_timeout(timeout)
            return self._socket.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        rest = memoryview(buffer)
        with _errors_of_httpcore(httpcore.WriteTimeout, httpcore.WriteError):
            while rest:
                self._set_timeout(timeout)
                rest = rest[self._socket.send(rest) :]

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        with _errors_of_httpcore(httpcore.ConnectTimeout, httpcore.ConnectError):
            try:
                self._set_timeout(timeout)
                secure = ssl_context.wrap_socket(self._socket, server_hostname=server_hostname)
            except OSError:
                self.close()
                raise
        return _Stream(secure, deadline=self._deadline)

    def close(self) -> None:
        self._socket.close()

    def _set_timeout(self, timeout: float | None) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("The time for the whole exchange is up.")
        self._socket.settimeout(left if timeout is None else min(left, timeout))


def _resolved(host: str, port: int, resolver: Resolver, *, seconds: float) -> Sequence[str]:
    # getaddrinfo takes no timeout, and the name server of a stranger may never answer. The thread
    # is a daemon, so that no process waits for it in order to stop.
    answer: Future[Sequence[str]] = Future()

    def ask() -> None:
        try:
            answer.set_result(resolver(host, port))
        except Exception as error:
            # Whatever it is belongs to the caller, who waits on another thread.
            answer.set_exception(error)

    Thread(target=ask, name="resolver", daemon=True).start()
    return answer.result(timeout=max(seconds, 0))


def _connect(addresses: Sequence[str], port: int, *, give_up: float) -> socket.socket:
    """Connect to the first address that answers, giving each its share of the time left."""
    failure: OSError = TimeoutError("No time was left to connect.")
    for position, address in enumerate(addresses):
        left = give_up - time.monotonic()
        if left <= 0:
            break
        try:
            sock = socket.create_connection((address, port), left / (len(addresses) - position))
        except OSError as error:
            failure = error
            continue
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock
    raise failure


@contextmanager
def _errors_of_httpcore(timeout: type[Exception], failure: type[Exception]) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise timeout(str(error)) from error
    except OSError as error:
        raise failure(str(error)) from error
