"""PagerDuty, as the doctor sees it: one bounded call that changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
from django.conf import settings

from countersign.server.findings import Finding, fail, unknown, warn, well

SECONDS = 5.0
REGIONS = {"us": "https://api.pagerduty.com", "eu": "https://api.eu.pagerduty.com"}
ACCEPT = "application/vnd.pagerduty+json;version=2"


def findings() -> Iterator[Finding]:
    """Whom it would page, and what PagerDuty says of the token; the keys' form, the checks judge.

    A routing key cannot be tried without paging somebody.
    """
    named = len([each for each in settings.PAGERDUTY_ROUTING_KEYS.split(",") if each.strip()])
    keys = named + bool(settings.PAGERDUTY_ROUTING_KEY)
    if not keys:
        yield well("pagerduty", "not used")
        return
    words = f"{keys} routing key{'s' if keys > 1 else ''}; whether it pages, only a page can tell"
    yield well("pagerduty", words)
    if settings.PAGERDUTY_API_TOKEN:
        yield from _token()
    else:
        yield warn(
            "pagerduty token",
            "none: incidents get no notes, and nothing can be decided from PagerDuty",
            "Set PAGERDUTY_API_TOKEN and PAGERDUTY_FROM",
        )


def _token() -> Iterator[Finding]:
    base = settings.PAGERDUTY_API_URL or REGIONS.get(settings.PAGERDUTY_REGION.lower(), "")
    url = f"{base.rstrip('/')}/users"
    headers = {"Authorization": f"Token token={settings.PAGERDUTY_API_TOKEN}", "Accept": ACCEPT}
    try:
        response = httpx.get(
            url,
            params={"query": settings.PAGERDUTY_FROM, "limit": "5"},
            headers=headers,
            timeout=SECONDS,
            follow_redirects=False,
        )
        body = response.json() if response.is_success else {}
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        yield unknown(
            "pagerduty token",
            f"{url} gave no answer ({type(error).__name__})",
            "Check PAGERDUTY_REGION and the way to it",
        )
        return
    yield _judged(response.status_code, body)


def _judged(status: int, body: Any) -> Finding:
    if status in (401, 403):
        fix = "Set PAGERDUTY_API_TOKEN to a REST API key of this account, and PAGERDUTY_REGION"
        return fail("pagerduty token", f"it is refused: {status}", fix)
    found = body.get("users") if isinstance(body, dict) else None
    if not isinstance(found, list):
        return unknown("pagerduty token", f"PagerDuty answered {status}", "Ask again later")
    mails = {str(each.get("email", "")).lower() for each in found if isinstance(each, dict)}
    if settings.PAGERDUTY_FROM.lower() not in mails:
        fix = "Set PAGERDUTY_FROM to the e-mail address of a user of this account"
        return fail("pagerduty token", "PAGERDUTY_FROM is no user, so no note is written", fix)
    return well("pagerduty token", f"works; notes are written by {settings.PAGERDUTY_FROM}")
