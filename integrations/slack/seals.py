"""Seal what a button carries, so that a click can be tied to the very message it was made on.

Slack signs every click, but not what stood beside the button: whoever steals the bot's token can
post a lookalike with our request behind it, or edit a message of ours. The seal binds request,
version, what was shown, the address the message was sent to and the words that stand in it, and
only this service can make one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from integrations.slack import likeness

SALT = "slack-button"
SHOWN_LENGTH = 16
TAG_LENGTH = 32
# A click takes a moment to arrive, and an edit or two of its message may be quicker.
MOST_LIKENESSES = 4
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


def bind(blocks: Sequence[Mapping[str, Any]], *, words: bool = True) -> list[dict[str, Any]]:
    """The blocks of a finished message, with each seal in them tied to what its button does, and to
    the `words` around it."""
    drawn = likeness.digest(list(blocks)) if words else ""
    return [_bound(block, drawn) for block in blocks]


def lately(drawn: str, before: object) -> list[str]:
    """The likenesses of what was sent last as one message, the newest first, to be kept with its receipt."""
    known = [each for each in before if isinstance(each, str)] if isinstance(before, list) else []
    return list(dict.fromkeys([drawn, *known]))[:MOST_LIKENESSES]


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


def is_genuine(carried: Carried, *, address: str, drawn: str = "", action: str = "") -> bool:
    """Say whether this service sealed it for a message sent to this address.

    `drawn` is the likeness of the message it came back on, and `action` what the button said it
    does. A seal that was never bound to them proves request, version and address alone.
    """
    if not carried.tag or carried.version is None:
        return False
    known = [
        tag
        for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        for tag in _tags(carried, address, (drawn, action), key)
    ]
    return any([constant_time_compare(tag, carried.tag) for tag in known])


def _tags(
    carried: Carried, address: str, beside: tuple[str, str], key: str | bytes
) -> tuple[str, str]:
    plain = _tag(carried.ref, carried.version or 0, carried.shown, address, key=key)
    return plain, _tied(plain, *beside, key=key)


def _bound(block: Mapping[str, Any], drawn: str) -> dict[str, Any]:
    if block.get("type") != "actions":
        return dict(block)
    return {**block, "elements": [_rebound(each, drawn) for each in block["elements"]]}


def _rebound(element: Mapping[str, Any], drawn: str) -> dict[str, Any]:
    sealed = SEALED.fullmatch(str(element.get("value") or ""))
    if sealed is None:
        return dict(element)
    tag = _tied(sealed["tag"], drawn, str(element.get("action_id") or ""), key=settings.SECRET_KEY)
    return {**element, "value": f"{sealed[0].removesuffix(sealed['tag'])}{tag}"}


def _tag(request: str, version: int, shown: str, address: str, *, key: str | bytes) -> str:
    return _mac((request, str(version), shown, address), key=key)


def _tied(tag: str, drawn: str, action: str, *, key: str | bytes) -> str:
    """A tag that holds only beside these words; the plain one cannot be had from it."""
    return _mac(("words", tag, drawn, action), key=key)


def _mac(parts: Sequence[str], *, key: str | bytes) -> str:
    words = "\0".join(parts)
    return salted_hmac(SALT, words, secret=key, algorithm="sha256").hexdigest()[:TAG_LENGTH]
