"""Find what GitHub's webhooks did not bring: failed deliveries, new commits, reviews read anew."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx

from approvals.ports import DeliveryError
from integrations.github import pulls, wire
from integrations.github.configuration import Configuration
from integrations.github.wire import GitHub

logger = logging.getLogger(__name__)

OURS = frozenset({"deployment_protection_rule", "check_run", "pull_request", "pull_request_review"})
# GitHub delivers again for three days.
OLDEST, LEAST = timedelta(days=3), timedelta(hours=1)
MOST_PAGES, MOST_AGAIN = 10, 20
LONGEST_PAUSE = timedelta(minutes=30)
SECONDS = 45.0
CURSOR = re.compile(r'[?&]cursor=([^&>"]{1,300})[^>]*>;\s*rel="next"')
TOO_BUSY = 429


def look(github: GitHub, settings: Configuration, *, at: datetime, since: datetime | None) -> None:
    """Look at both, even when one fails. Raises DeliveryError unless everything could be looked at."""
    ends = time.monotonic() + SECONDS
    failures: list[DeliveryError] = []
    looks: list[Callable[[], object]] = [lambda: ask_again(github, at=at, since=since, ends=ends)]
    if settings.policy_repository:
        looks.append(lambda: pulls.look(github, settings, at=at, ends=ends))
    for each in looks:
        try:
            each()
        except DeliveryError as error:
            failures.append(error)
    if failures:
        raise failures[0]


def ask_again(github: GitHub, *, at: datetime, since: datetime | None, ends: float) -> int:
    """Have GitHub deliver again what failed and was not delivered since; how many were asked for."""
    start = max(at - OLDEST, min(since - LEAST if since else at - OLDEST, at - LEAST))
    tries: dict[str, list[tuple[datetime, Mapping[str, Any]]]] = {}
    for each in _deliveries(github, start=start, ends=ends):
        moment, guid = _moment(each.get("delivered_at")), each.get("guid")
        if isinstance(guid, str) and moment is not None and each.get("event") in OURS:
            tries.setdefault(guid, []).append((moment, each))
    asked = 0
    for guid, attempts in tries.items():
        if asked >= MOST_AGAIN or time.monotonic() > ends:
            raise DeliveryError("More webhooks failed than could be asked for in one look.")
        failed = _to_repeat(attempts, at=at)
        if failed is not None:
            github.as_app("POST", f"/app/hook/deliveries/{failed}/attempts")
            logger.warning("github webhook asked for again", extra={"delivery": guid})
            asked += 1
    return asked


def _to_repeat(attempts: list[tuple[datetime, Mapping[str, Any]]], *, at: datetime) -> int | None:
    """The delivery to repeat: none of its attempts got through, and the last one is a while ago."""
    if not all(_has_failed(each) for _, each in attempts):
        return None
    last, newest = max(attempts, key=lambda each: each[0])
    pause = min(timedelta(minutes=2 ** min(len(attempts) - 1, 10)), LONGEST_PAUSE)
    found = newest.get("id")
    is_number = isinstance(found, int) and not isinstance(found, bool)
    return found if is_number and isinstance(found, int) and last + pause <= at else None


def _has_failed(delivery: Mapping[str, Any]) -> bool:
    """Not got through, or put off by us. What we refused we would refuse again."""
    code = delivery.get("status_code")
    if not isinstance(code, int) or code <= 0:
        return True
    return code >= 500 or code == TOO_BUSY


def _deliveries(github: GitHub, *, start: datetime, ends: float) -> Iterator[Mapping[str, Any]]:
    """The deliveries of the app, newest first, back to `start`. Raises DeliveryError."""
    query: dict[str, Any] = {"per_page": 100}
    for _ in range(MOST_PAGES):
        answer = github.as_app("GET", "/app/hook/deliveries", query=query)
        found = wire.rows(answer)
        yield from found
        oldest = min(
            (m for each in found if (m := _moment(each.get("delivered_at")))), default=None
        )
        cursor = _next(answer)
        if cursor is None or oldest is None or oldest < start:
            return
        if time.monotonic() > ends:
            raise DeliveryError("GitHub's list of deliveries was too long for one look.")
        query = {"per_page": 100, "cursor": cursor}


def _next(answer: httpx.Response) -> str | None:
    found = CURSOR.search(answer.headers.get("link", ""))
    return found[1] if found else None


def _moment(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None
