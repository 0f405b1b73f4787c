"""What the operator set for e-mail."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.utils import parseaddr

from django.conf import settings

# Plain ASCII without quoting: nothing of this kind can end a header or an SMTP command.
ADDRESS = re.compile(
    r"(?!.*\.\.)[A-Za-z0-9_+][A-Za-z0-9_.+=~-]{0,63}@[A-Za-z0-9][A-Za-z0-9-]*(\.[A-Za-z0-9-]+)*"
)
LONGEST_ADDRESS = 254


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings of one mail server; docs/settings.md explains each.

    `to` are addresses and names of teams, for requests whose rule names none.
    """

    sender: Address
    to: tuple[str, ...]
    console: bool
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    tls: str
    ca: str


def current() -> Configuration:
    """Read the settings as they are now. Raises ValueError for a sender that is no address."""
    server = settings.EMAIL_SERVER
    return Configuration(
        sender=sender(settings.EMAIL_FROM),
        to=tuple(settings.EMAIL_TO),
        console=bool(server.get("console")),
        host=str(server.get("host", "")),
        port=int(server.get("port", 0)),
        user=str(server.get("user", "")),
        password=str(server.get("password", "")),
        tls=str(server.get("tls", "")),
        ca=str(server.get("ca", "")),
    )


def sender(text: str) -> Address:
    """`Countersign <approvals@example.com>` or the address alone. Raises ValueError."""
    name, address = parseaddr(text)
    if not text.isprintable() or not is_address(address):
        raise ValueError(f"{text!r} is not an e-mail address.")
    return Address(display_name=name, addr_spec=address)


def is_address(text: str) -> bool:
    """Say whether mail can be sent there without any quoting."""
    return len(text) <= LONGEST_ADDRESS and ADDRESS.fullmatch(text) is not None
