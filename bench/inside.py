"""What the benchmarks ask of the service from within: run as `python -m bench.inside VERB …`."""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import timedelta
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "approvals.project.settings")
django.setup()

from django.conf import settings  # noqa: E402  # apps must be ready first
from django.core.management import call_command  # noqa: E402  # apps must be ready first
from django.db import transaction  # noqa: E402  # likewise
from django.test import Client  # noqa: E402  # likewise

from approvals.models import ApprovalRequest  # noqa: E402  # likewise
from approvals.models.people import Role  # noqa: E402  # likewise
from approvals.services import clock, ledger  # noqa: E402  # likewise
from tests.support import cast  # noqa: E402  # likewise

HIGH: dict[str, Any] = {**cast.HIGH}


def prepare() -> dict[str, str]:
    """Tables, the default policies, an agent and an approver; the keys of both."""
    call_command("migrate", verbosity=0)
    _, agent = cast.agent()
    return {"agent": agent, "approver": cast.token(cast.person("lin"))}


def submit(how_many: str) -> list[int]:
    """So many requests that wait for people; the first and last of their numbers."""
    agent, _ = cast.agent()
    with transaction.atomic():  # making them is not what is measured
        numbers = [
            cast.request(agent, **HIGH | {"target": f"service-{number}"}).number
            for number in range(int(how_many))
        ]
    return [numbers[0], numbers[-1]]


def wait(how_many: str, large: str) -> list[int]:
    """So many that wait for people, and of them the first with long texts; the first and last number."""
    agent, _ = cast.agent()
    numbers = []
    with transaction.atomic():
        for number in range(int(how_many)):
            text = "Raise the timeout. " * (2_000 if number < int(large) else 5)
            body = HIGH | {"target": f"service-{number}", "parameters": {"text": text}}
            numbers.append(cast.request(agent, **body).number)
    return [numbers[0], numbers[-1]]


def medium(how_many: str) -> list[int]:
    """So many that wait for a team lead until tomorrow; the first and last of their numbers."""
    agent, _ = cast.agent()
    numbers = []
    with transaction.atomic():
        for number in range(int(how_many)):
            body: dict[str, Any] = {"action": "restart_service", "target": f"service-{number}"}
            numbers.append(cast.request(agent, **body).number)
        rows = ApprovalRequest.objects.filter(pk__in=numbers)
        later = clock.now() + timedelta(days=1)
        rows.update(decide_by=later, expires_at=later)
    return [numbers[0], numbers[-1]]


def closed() -> int:
    """The number of a request that people decided."""
    agent, _ = cast.agent()
    return cast.approved(agent).number


def browse(how_many: str) -> list[str]:
    """The session cookies of so many people who manage."""
    cookies = []
    for number in range(int(how_many)):
        browser = Client()
        browser.force_login(cast.person(f"reader{number}", teams=("managers",), role=Role.MANAGER))
        cookies.append(browser.cookies[settings.SESSION_COOKIE_NAME].value)
    return cookies


def expire(first: str, last: str) -> list[float]:
    """Let these requests pass their deadline one after the other; when each was done, in seconds."""
    later = clock.now() + timedelta(days=30)
    started = time.perf_counter()
    done = []
    for number in range(int(first), int(last) + 1):
        ledger.let_time_pass(number, at=later)
        done.append(time.perf_counter() - started)
    return done


VERBS = {
    "prepare": prepare,
    "submit": submit,
    "expire": expire,
    "wait": wait,
    "closed": closed,
    "medium": medium,
    "browse": browse,
}

if __name__ == "__main__":
    verb, *words = sys.argv[1:]
    print(json.dumps(VERBS[verb](*words)))  # type: ignore[operator]  # each verb has words of its own
