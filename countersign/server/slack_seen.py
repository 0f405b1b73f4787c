"""Slack, as the doctor sees it: one bounded call that changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
from django.conf import settings

from countersign.server.findings import Finding, fail, unknown, warn, well

SECONDS = 5.0
NEEDED = {"chat:write": "cards cannot be posted"}
USEFUL = {
    "users:read.email": "people are not recognised by their e-mail address and must link their accounts",
    "channels:history": "a card whose answer was lost may be posted twice",
}


def findings() -> Iterator[Finding]:
    """What Slack says of the token, and what the token may do; what is set, the settings' checks say."""
    if not (settings.SLACK_BOT_TOKEN or settings.SLACK_SIGNING_SECRET or settings.SLACK_APP_TOKEN):
        yield well("slack", "not used")
        return
    if settings.SLACK_BOT_TOKEN:
        yield from _token()


def _token() -> Iterator[Finding]:
    url = f"{settings.SLACK_API_URL.rstrip('/')}/auth.test"
    headers = {"Authorization": f"Bearer {settings.SLACK_BOT_TOKEN}"}
    try:
        response = httpx.post(url, headers=headers, timeout=SECONDS, follow_redirects=False)
        answer = response.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        yield unknown(
            "slack",
            f"{url} gave no answer ({type(error).__name__})",
            "Check SLACK_API_URL and the way to it",
        )
        return
    if not isinstance(answer, dict) or answer.get("ok") is not True:
        yield fail(
            "slack",
            f"it refuses the token: {_word(answer)}",
            "Set SLACK_BOT_TOKEN to the app's bot token",
        )
        return
    yield well("slack", f"signed in as {answer.get('user')} in {answer.get('team')}")
    yield from _scopes(response)


def _scopes(response: httpx.Response) -> Iterator[Finding]:
    told = response.headers.get("x-oauth-scopes")
    if told is None:
        yield unknown("slack scopes", "Slack did not name them", "Look at the app's OAuth page")
        return
    scopes = {scope.strip() for scope in told.split(",")}
    fix = "Add it on the app's OAuth page and install the app again"
    lacking = [
        fail("slack scopes", f"{scope} is missing: {words}", fix)
        for scope, words in NEEDED.items()
        if scope not in scopes
    ]
    lacking += [
        warn("slack scopes", f"{scope} is missing: {words}", fix)
        for scope, words in USEFUL.items()
        if scope not in scopes
    ]
    yield from lacking or [well("slack scopes", "all there")]


def _word(answer: Any) -> str:
    return (
        str(answer.get("error", "no reason given"))[:80]
        if isinstance(answer, dict)
        else "no reason given"
    )
