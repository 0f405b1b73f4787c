"""Seal what a button carries, so that a click can be tied to the very message it was made on.

Slack signs every click, but not what stood beside the button: whoever steals the bot's token can
post a lookalike with our request behind it. The seal binds request, version, what was shown and
the address the message was sent to, and only this service can make one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

SALT = "slack-button"
SHOWN_LENGTH = 16
TAG_LENGTH = 32
SEALED = re.compile(
    r"(?P<request>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    r":v(?P<version>[1-9][0-9]{0,8})"
    r":(?P<shown>[0-9a-f]{16})"
    r":(?P<tag>[0-9a-f]{32})"
)
PLAIN = re.compile(
    r"(?P<ref>REQ-[0-9]{1,18}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?::v(?P<version>[1-9][0-9]{0,8}))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Carried:
    """What a button said: which request, at which version, showing which action.

    `shown` is the beginning of the action's digest. `tag` is empty for a plain value, which proves
    nothing about where it stood.
    """

    ref: str
    version: int | None
    shown: str
    tag: str


def seal(*, request: str, version: int, shown_sha256: str, address: str) -> str:
    """The value of a button: `<request>:v<version>:<digest>:<tag>`."""
    shown = shown_sha256[:SHOWN_LENGTH]
    tag = _tag(request, version, shown, address, key=settings.SECRET_KEY)
    return f"{request}:v{version}:{shown}:{tag}"


def read(value: str) -> Carried | None:
    """Read a button's value, sealed or plain; None when it is neither."""
    sealed = SEALED.fullmatch(value)
    if sealed:
        return Carried(sealed["request"], int(sealed["version"]), sealed["shown"], sealed["tag"])
    plain = PLAIN.fullmatch(value)
    if plain:
        version = int(plain["version"]) if plain["version"] else None
        return Carried(plain["ref"], version, "", "")
    return None


def is_genuine(carried: Carried, *, address: str) -> bool:
    """Say whether this service sealed it for a message sent to this address."""
    if not carried.tag or carried.version is None:
        return False
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    expected = [_tag(carried.ref, carried.version, carried.shown, address, key=key) for key in keys]
    return any([constant_time_compare(tag, carried.tag) for tag in expected])


def _tag(request: str, version: int, shown: str, address: str, *, key: str | bytes) -> str:
    words = "\0".join((request, str(version), shown, address))
    return salted_hmac(SALT, words, secret=key, algorithm="sha256").hexdigest()[:TAG_LENGTH]
