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
from django.db import connection, transaction  # noqa: E402  # likewise
from django.test import Client  # noqa: E402  # likewise
from django.test.utils import CaptureQueriesContext  # noqa: E402  # likewise

from approvals.domain.terms import Verdict  # noqa: E402  # likewise
from approvals.models import ApprovalRequest  # noqa: E402  # likewise
from approvals.models.people import Role  # noqa: E402  # likewise
from approvals.services import clock, grants, ledger, outcomes  # noqa: E402  # likewise
from tests.support import cast  # noqa: E402  # likewise
from tests.support.processes import HOST  # noqa: E402  # likewise

HIGH: dict[str, Any] = {**cast.HIGH}


def prepare() -> dict[str, str]:
    """Tables, the default policies, an agent and approvers; the keys of all."""
    call_command("migrate", verbosity=0)
    _, agent = cast.agent()
    names = {"approver": "lin", "first": "ada", "second": "grace"}
    tokens = {who: cast.token(cast.person(name)) for who, name in names.items()}
    return {"agent": agent} | tokens


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


def mixed(decisions: str) -> tuple[list[int], list[int]]:
    """Requests that take so many decisions until tomorrow, every fourth of them two; the numbers of all,
    and of those."""
    agent, _ = cast.agent()
    numbers: list[int] = []
    twice: list[int] = []
    with transaction.atomic():
        while len(numbers) + len(twice) < int(decisions):
            body: dict[str, Any] = {"action": "restart_service"}
            body = HIGH if len(numbers) % 4 == 3 else body
            row = cast.request(agent, **body | {"target": f"service-{len(numbers)}"})
            numbers.append(row.number)
            twice += [row.number] if body is HIGH else []
        rows = ApprovalRequest.objects.filter(pk__in=numbers)
        later = clock.now() + timedelta(days=1)
        rows.update(decide_by=later, expires_at=later)
    return numbers, twice


def closed() -> int:
    """The number of a request that people decided."""
    agent, _ = cast.agent()
    return cast.approved(agent).number


def kinds(agents: str, people: str, amount: str, ago: str) -> dict[str, list[Any]]:
    """One request of each ending so many seconds ago, a hundred numbers by how often each happens; agents
    and people to spread them over, of each one more who had little to do."""
    at = clock.now() - timedelta(seconds=int(ago))
    robo, _ = cast.agent()
    lin, ada = cast.person("lin"), cast.person("ada")
    body: dict[str, Any] = {"parameters": {"amount": int(amount), "currency": "EUR"}}
    low = cast.request(robo, at=at, **cast.LOW | body)
    used, failed, unused, expired = (
        cast.request(robo, at=at, target=f"api-{number}", **body) for number in range(4)
    )
    for row in (used, failed, unused):
        cast.decide(row, lin, at=at)
    for row, status in ((low, "success"), (used, "success"), (failed, "failure")):
        grants.consume(ref=row.ref, agent=robo, key="k", parameters=None, at=at)
        outcomes.report(ref=row.ref, agent=robo, outcome={"status": status}, at=at)
    denied = cast.decide(
        cast.request(robo, at=at, **body), lin, Verdict.DENY, "Not tonight.", at=at
    )
    high = cast.decide(
        cast.request(robo, at=at, **HIGH | body), ada, Verdict.DENY, "Too much.", at=at
    )
    blocked = cast.request(robo, at=at, **cast.FORBIDDEN | body)
    ledger.let_time_pass(expired.number, at=expired.expires_at + timedelta(seconds=1))
    ledger.let_time_pass(unused.number, at=at + timedelta(days=2))
    shares = ((low, 50), (used, 20), (failed, 1), (unused, 5), (expired, 4), (denied, 6), (high, 4),
              (blocked, 10))  # fmt: skip
    names = [*(f"agent-{number}" for number in range(int(agents))), "agent-rare"]
    makers = [cast.agent(name)[0] for name in names]
    deciders = [cast.person(name) for name in ("dana", *names[2 : int(people) + 1], "zoe")]
    return {
        "kinds": [row.number for row, share in shares for _ in range(share)],
        "agents": [(str(agent.pk), agent.name) for agent in makers],
        "people": [person.pk for person in deciders],
    }


def count(*paths: str) -> list[int]:
    """How many statements each of these pages takes of a manager."""
    browser = Client(HTTP_HOST=HOST)
    browser.force_login(cast.person("reader0", teams=("managers",), role=Role.MANAGER))
    counts = []
    for path in paths:
        browser.get(path)
        with CaptureQueriesContext(connection) as seen:
            browser.get(path)
        counts.append(len(seen))
    return counts


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
    "mixed": mixed,
    "browse": browse,
    "kinds": kinds,
    "count": count,
}

if __name__ == "__main__":
    verb, *words = sys.argv[1:]
    print(json.dumps(VERBS[verb](*words)))  # type: ignore[operator]  # each verb has words of its own
