"""Seal what a card's actions carry, so that a click can be tied to the very card it was made on.

Microsoft's token proves that a click came from Teams and who clicked, not what stood beside the
button: whoever steals the bot's password can post a lookalike with our request behind it. The seal
binds request, version, what was shown and the conversation, and only this service can make one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

SALT, UNDO_SALT = "teams-action", "teams-undo"
SHOWN_LENGTH = 16
TAG_LENGTH = 32
SEALED = re.compile(
    r"(?P<request>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    r":v(?P<version>[1-9][0-9]{0,8})"
    r":(?P<shown>[0-9a-f]{16})"
    r"(?::u(?P<newest>[1-9][0-9]{0,17}))?"
    r":(?P<tag>[0-9a-f]{32})"
)


@dataclass(frozen=True, slots=True)
class Carried:
    """What an action said: which request, at which version, showing which action.

    `newest` is that of Undo alone: the number of the last decision its card showed as held.
    """

    request: str
    version: int
    shown: str
    tag: str
    newest: int | None = None


def seal(
    *, request: str, version: int, shown_sha256: str, conversation: str, newest: int | None = None
) -> str:
    """What an action carries: `<request>:v<version>:<digest>:<tag>`, and `u<newest>` before the tag of
    an Undo, which can do nothing else, as nothing else can undo."""
    shown = shown_sha256[:SHOWN_LENGTH]
    carried = Carried(request, version, shown, "", newest)
    tag = _tag(carried, conversation, key=settings.SECRET_KEY)
    undoes = "" if newest is None else f":u{newest}"
    return f"{request}:v{version}:{shown}{undoes}:{tag}"


def read(value: str) -> Carried | None:
    """Read it back, believing nothing yet; None when it is none of ours."""
    sealed = SEALED.fullmatch(value)
    if sealed is None:
        return None
    newest = int(sealed["newest"]) if sealed["newest"] else None
    version = int(sealed["version"])
    return Carried(sealed["request"], version, sealed["shown"], sealed["tag"], newest)


def is_genuine(carried: Carried, *, conversation: str) -> bool:
    """Say whether this service sealed it for a card in this conversation."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    expected = [_tag(carried, conversation, key=key) for key in keys]
    return any([constant_time_compare(tag, carried.tag) for tag in expected])


def _tag(carried: Carried, conversation: str, *, key: str | bytes) -> str:
    parts = [carried.request, str(carried.version), carried.shown, conversation]
    salt = SALT
    if carried.newest is not None:
        salt, parts = UNDO_SALT, [str(carried.newest), *parts]
    words = "\0".join(parts)
    return salted_hmac(salt, words, secret=key, algorithm="sha256").hexdigest()[:TAG_LENGTH]
