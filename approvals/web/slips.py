"""A slip: a small sealed note that stays with one browser for some minutes, and counts once.

It holds what a sign-in of several steps must not forget, and what nobody else may bring: the state
of single sign-on, the challenge of a passkey, who gave the right password. Nothing is stored for it
before it is spent, so nobody can fill the database by beginning to sign in.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from approvals.services import replays, sealing

LIFE = timedelta(minutes=10)
PURPOSE = "sign-in-slip"
PROVIDER = "sign-in-slip"


def give(response: HttpResponse, kind: str, facts: dict[str, Any], *, at: datetime) -> None:
    """Put a slip into the browser; one of the same kind it had is gone."""
    whole = {"facts": facts, "id": secrets.token_urlsafe(16), "at": at.isoformat()}
    response.set_cookie(
        _cookie(kind),
        sealing.seal(json.dumps(whole), purpose=PURPOSE, place=kind),
        max_age=LIFE,
        secure=settings.SECURE,
        httponly=True,
        samesite="Lax",  # the way back from the identity provider begins there
    )


def read(request: HttpRequest, kind: str, *, at: datetime) -> dict[str, Any] | None:
    """What the slip says; None without one, or when it is too old, spent or not ours."""
    whole = _whole(request, kind, at=at)
    if whole is None or replays.is_known(provider=PROVIDER, key=_key(whole)):
        return None
    facts: dict[str, Any] = whole["facts"] | {"given_at": whole["at"]}
    return facts


def spend(request: HttpRequest, kind: str, *, at: datetime) -> dict[str, Any] | None:
    """The same, for the first who asks only."""
    facts, whole = read(request, kind, at=at), _whole(request, kind, at=at)
    if facts is None or whole is None:
        return None
    return facts if replays.first_time(provider=PROVIDER, key=_key(whole), at=at) else None


def take_back(response: HttpResponse, kind: str) -> None:
    response.delete_cookie(_cookie(kind), samesite="Lax")


def _whole(request: HttpRequest, kind: str, *, at: datetime) -> dict[str, Any] | None:
    try:
        sealed = request.COOKIES.get(_cookie(kind), "")
        whole: dict[str, Any] = json.loads(sealing.unseal(sealed, purpose=PURPOSE, place=kind))
    except sealing.Unopenable:
        return None
    return whole if at - datetime.fromisoformat(whole["at"]) <= LIFE else None


def _cookie(kind: str) -> str:
    return f"{'__Host-' if settings.SECURE else ''}{kind}"


def _key(whole: dict[str, Any]) -> str:
    return hashlib.sha256(str(whole["id"]).encode()).hexdigest()
