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

from django.core.management import call_command  # noqa: E402  # apps must be ready first
from django.db import transaction  # noqa: E402  # likewise

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


def expire(first: str, last: str) -> list[float]:
    """Let these requests pass their deadline one after the other; when each was done, in seconds."""
    later = clock.now() + timedelta(days=30)
    started = time.perf_counter()
    done = []
    for number in range(int(first), int(last) + 1):
        ledger.let_time_pass(number, at=later)
        done.append(time.perf_counter() - started)
    return done


VERBS = {"prepare": prepare, "submit": submit, "expire": expire}

if __name__ == "__main__":
    verb, *words = sys.argv[1:]
    print(json.dumps(VERBS[verb](*words)))  # type: ignore[operator]  # each verb has words of its own
