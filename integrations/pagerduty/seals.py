"""Name a request at PagerDuty so that nobody else can open an incident under its name.

Whoever may create incidents could otherwise put a harmless title over our request and have a
colleague press Approve on it. The tag cannot be guessed, so the oldest incident with it is ours.
"""

from __future__ import annotations

import re

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

SALT = "pagerduty-incident"
TAG_LENGTH = 32
SEALED = re.compile(
    r"approval/(?P<request>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/(?P<tag>[0-9a-f]{32})"
)


def dedup_key(request: str, *, address: str) -> str:
    """The key under which this request is paged at this address; the same every time."""
    return f"approval/{request}/{_tag(request, address, key=settings.SECRET_KEY)}"


def request_of(key: str) -> str | None:
    """The public id of the request a key names; None when the key is not of our form."""
    sealed = SEALED.fullmatch(key)
    return sealed["request"] if sealed else None


def is_genuine(key: str, *, address: str) -> bool:
    """Say whether this service made the key for this address, under its present or an old secret."""
    sealed = SEALED.fullmatch(key)
    if sealed is None:
        return False
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    expected = [_tag(sealed["request"], address, key=each) for each in keys]
    return any([constant_time_compare(tag, sealed["tag"]) for tag in expected])


def _tag(request: str, address: str, *, key: str | bytes) -> str:
    words = "\0".join((request, address))
    return salted_hmac(SALT, words, secret=key, algorithm="sha256").hexdigest()[:TAG_LENGTH]
