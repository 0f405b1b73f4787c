"""Ask Slack one thing, in bounded time and changing nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from django.conf import settings

SECONDS = 5.0


class NoAnswer(Exception):
    """Slack could not be asked: `words` say where and how it failed."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


@dataclass(frozen=True, slots=True)
class Answer:
    """What Slack said: `scopes` is None where it did not name what the token may do."""

    body: Mapping[str, Any]
    scopes: frozenset[str] | None

    @property
    def is_yes(self) -> bool:
        return self.body.get("ok") is True

    @property
    def word(self) -> str:
        """Slack's word for what was wrong."""
        return str(self.body.get("error", "no reason given"))[:80]


def ask(method: str, token: str, **asked: str) -> Answer:
    """One call of the Web API. Raises NoAnswer."""
    url = f"{settings.SLACK_API_URL.rstrip('/')}/{method}"
    headers = {"Authorization": f"Bearer {token}"}
    try:
        response = httpx.post(
            url, headers=headers, data=asked, timeout=SECONDS, follow_redirects=False
        )
        body = response.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise NoAnswer(f"{url} gave no answer ({type(error).__name__})") from error
    told = response.headers.get("x-oauth-scopes")
    scopes = None if told is None else frozenset(s.strip() for s in told.split(",") if s.strip())
    return Answer(body if isinstance(body, dict) else {}, scopes)
