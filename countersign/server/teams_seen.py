"""Teams, as the doctor sees it: one bounded call that changes nothing, and what is known already."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
from django.conf import settings
from django.db import DatabaseError

from approvals.services import places
from countersign.server.findings import Finding, fail, unknown, warn, well

SECONDS = 5.0
ADAPTER = "teams"
SCOPE = "https://api.botframework.com/.default"


def findings() -> Iterator[Finding]:
    """Whether the bot gets its token, and whether its default conversation is known."""
    if settings.TEAMS_WORKFLOW_URL:
        yield well("teams workflow", "set; it tells, and brings no decisions")
    if not (settings.TEAMS_APP_ID or settings.TEAMS_APP_PASSWORD or settings.TEAMS_TENANT_ID):
        yield well("teams", "not used")
        return
    if settings.TEAMS_APP_ID and settings.TEAMS_APP_PASSWORD and settings.TEAMS_TENANT_ID:
        yield _token()
        yield _channel()


def _token() -> Finding:
    home = settings.TEAMS_TENANT_ID.split(",")[0].strip()
    usual = f"https://login.microsoftonline.com/{home}/oauth2/v2.0/token"
    form = {
        "grant_type": "client_credentials",
        "client_id": settings.TEAMS_APP_ID,
        "client_secret": settings.TEAMS_APP_PASSWORD,
        "scope": SCOPE,
    }
    try:
        url = settings.TEAMS_TOKEN_URL or usual
        answer = httpx.post(url, data=form, timeout=SECONDS, follow_redirects=False).json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        name = type(error).__name__
        return unknown(
            "teams",
            f"Microsoft gave no answer ({name})",
            "Check TEAMS_TOKEN_URL and the way to it",
        )
    if not isinstance(answer, dict) or not answer.get("access_token"):
        fix = "Check TEAMS_APP_ID, TEAMS_TENANT_ID, and that TEAMS_APP_PASSWORD has not run out"
        return fail("teams", f"Microsoft gives the bot no token: {_word(answer)}", fix)
    return well("teams", "the bot gets its token")


def _channel() -> Finding:
    name = settings.TEAMS_CHANNEL.removeprefix("teams:")
    try:
        known = [place for place in places.of(adapter=ADAPTER) if place.left_at is None]
        called = places.called(adapter=ADAPTER, name=name) if name else []
    except DatabaseError:
        return unknown("teams channel", "the database does not answer", "Mend it first")
    if not known:
        fix = "Install the app in a team or chat; the bot must be let in before it can write"
        return warn("teams channel", "the bot was let in nowhere yet", fix)
    if not name:
        fix = "Set TEAMS_CHANNEL, or name channels teams:… in policies"
        return warn("teams channel", "none by default; only policies' own channels are told", fix)
    if len(called) == 1:
        return well("teams channel", str(called[0].name or called[0].external_id))
    fix = f"Set TEAMS_CHANNEL to one of: {', '.join(place.external_id for place in known[:5])}"
    return fail("teams channel", f"{len(called)} conversations are called {name!r}", fix)


def _word(answer: Any) -> str:
    word = answer.get("error") if isinstance(answer, dict) else None
    return str(word or "no reason given")[:80]
