"""Who is behind a browser's session, asked again and again while a connection stays open."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest, parse_cookie

from approvals.models import Person


def session_key(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The session's key in the cookies of a handshake, or nothing."""
    cookies = next((value for name, value in headers if name == b"cookie"), b"")
    return parse_cookie(cookies.decode("latin-1")).get(settings.SESSION_COOKIE_NAME, "")


@database_sync_to_async
def person_of(key: str) -> Person | None:
    """The signed-in, active person of this session now; None once signed out or disabled."""
    if not key:
        return None
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    someone = get_user(request)
    return someone if isinstance(someone, Person) and someone.is_active else None
