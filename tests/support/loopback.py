"""Close the test process to the outside: a test that speaks to the world proves nothing twice."""

import ipaddress
import sys
from typing import Any

LOCAL_NAMES = {"", "localhost", "localhost.localdomain"}
CONNECTING = {"socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"}


class OutsideWorld(RuntimeError):
    """A test tried to leave this machine. Give it a server of its own, on loopback."""


def close_the_outside() -> None:
    """Refuse, from here to the end of the process, every socket to anything but loopback."""
    sys.addaudithook(_refuse_the_outside)


def is_local(host: str | bytes | None) -> bool:
    name = host.decode(errors="replace") if isinstance(host, bytes) else host or ""
    if name in LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse_the_outside(event: str, details: tuple[Any, ...]) -> None:
    if event not in CONNECTING:
        return
    host = _host_of(event, details)
    if host is not None and not is_local(host):
        raise OutsideWorld(f"{event} to {host!r}: tests may only speak to this machine.")


def _host_of(event: str, details: tuple[Any, ...]) -> str | bytes | None:
    """Where it goes; None for what has no host, such as a Unix socket."""
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        return details[0] or ""
    address = details[1]
    return address[0] if isinstance(address, tuple) else None
