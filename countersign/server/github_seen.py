"""GitHub, as the doctor sees it: one bounded call that changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
from django.conf import settings
from django.db import DatabaseError

from approvals.models import Agent
from countersign.server.findings import Finding, fail, unknown, warn, well

SECONDS = 5.0
FIX = "Change it on the app's page, and accept it where the app is installed"
PERMISSIONS = {"deployments": "write", "actions": "read"}
EVENTS = ("deployment_protection_rule",)
POLICY_PERMISSIONS = {"checks": "write", "pull_requests": "read"}
POLICY_EVENTS = ("pull_request", "pull_request_review")


def findings() -> Iterator[Finding]:
    """What GitHub says of the app, and whether the agent it asks as is there."""
    if not (
        settings.GITHUB_APP_ID or settings.GITHUB_PRIVATE_KEY or settings.GITHUB_WEBHOOK_SECRET
    ):
        yield well("github", "not used")
        return
    yield from _app()
    yield _agent()
    if not settings.GITHUB_INSTALLATIONS:
        yield warn(
            "github installations",
            "every installation of the app may ask",
            "Set GITHUB_INSTALLATIONS, unless the app is private",
        )


def _app() -> Iterator[Finding]:
    url = f"{settings.GITHUB_API_URL.rstrip('/')}/app"
    now = int(time.time())
    claims = {"iat": now - 60, "exp": now + 300, "iss": settings.GITHUB_APP_ID}
    try:
        key = settings.GITHUB_PRIVATE_KEY.replace("\\n", "\n")
        headers = {"Authorization": f"Bearer {jwt.encode(claims, key, algorithm='RS256')}"}
        headers["Accept"] = "application/vnd.github+json"
        response = httpx.get(url, headers=headers, timeout=SECONDS, follow_redirects=False)
        answer = response.json()
    except jwt.PyJWTError:
        return  # the checks of the settings have named the key
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        why = f"{url} gave no answer ({type(error).__name__})"
        yield unknown("github", why, "Check GITHUB_API_URL and the way to it")
        return
    if not response.is_success or not isinstance(answer, dict):
        words = f"it does not know the app ({response.status_code})"
        yield fail("github", words, "Check GITHUB_APP_ID, its private key and this machine's clock")
        return
    yield well("github", f"speaks as the app {answer.get('slug')}")
    yield from _rights(answer)


def _rights(app: dict[str, Any]) -> Iterator[Finding]:
    told = app.get("permissions"), app.get("events")
    if not isinstance(told[0], dict) or not isinstance(told[1], list):
        yield unknown("github rights", "GitHub did not name them", "Look at the app's page")
        return
    wanted, events = dict(PERMISSIONS), list(EVENTS)
    if settings.GITHUB_POLICY_REPOSITORY:
        wanted |= POLICY_PERMISSIONS
        events += POLICY_EVENTS
    lacking = [f"{n}: {how}" for n, how in wanted.items() if told[0].get(n) not in (how, "write")]
    lacking += [f"event {name}" for name in events if name not in told[1]]
    yield (
        fail("github rights", f"missing: {', '.join(lacking)}", FIX)
        if lacking
        else well("github rights", "all there")
    )


def _agent() -> Finding:
    name = settings.GITHUB_AGENT
    try:
        is_there = Agent.objects.filter(name=name, is_enabled=True).exists()
    except DatabaseError:
        return unknown("github agent", "the database does not answer", "See above")
    if is_there:
        return well("github agent", f"asks as {name}")
    fix = f"countersign agent add {name} --owner <email>, or mend GITHUB_AGENT"
    return fail("github agent", f"there is no enabled agent {name!r}; webhooks are put off", fix)
