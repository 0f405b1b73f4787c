"""Every address of the web room, with what no form sends in every field it reads: never a fault."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.cache import cache as kept
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver

from approvals.models import Agent
from approvals.models.people import Role
from approvals.services import clock, views
from approvals.web import urls
from tests.support import cast
from tests.web.alerting import an_alert
from tests.web.test_guardrails import a_trip

HOSTILE = {"nul": "a\x00b", "many digits": "9" * 5_000}
ROOT = Path(urls.__file__).parent
ROOM = "approvals.web."
READ = re.compile(r"""(?:GET|POST|sent)\.get(?:list)?\(\s*"(\w+)\"""")
NAMED = re.compile(r"""\bname="(\w+)\"""")
LITERAL = re.compile(r""""(\w+)\"""")
IMPORTED = re.compile(r"^from approvals\.web import (.+)$", re.MULTILINE)
# What the rest of a form says, so that the one field is reached.
SOUND = {
    "action": "restart_service", "target": "production-api", "hours": "2", "reason": "Because.",
    "name": "mine", "query": "tab=all", "days": "7", "ref": "REQ-1", "agent": "robo", "text": "Why?",
    "seen": f"REQ-1~1~{'0' * 64}", "begins": "22:00", "ends": "07:00", "zone": "UTC", "comment": "No.",
    "verdict": "deny", "why": "other", "scopes": "requests:read", "form": "csv", "do": "check",
    "ends_at": "2030-01-01", "person": "lin@example.com", "team": "team-leads", "password": cast.PASSWORD,
}  # fmt: skip


@cache
def fields() -> frozenset[str]:
    """Every name a form carries, or a view of the web room looks up."""
    pages = ROOT.parents[1] / "templates"
    sent = {name for page in pages.rglob("*.html") for name in NAMED.findall(page.read_text())}
    read = {name for file in ROOT.glob("*.py") for name in READ.findall(file.read_text())}
    return frozenset(sent | read)


def read_by(module: str) -> list[str]:
    """The fields a module of the web room may read: those it names itself, or whom it asks."""
    text = Path(str(sys.modules[module].__file__)).read_text()
    beside = {name for line in IMPORTED.findall(text) for name in re.findall(r"\w+", line)}
    files = [ROOT / f"{name}.py" for name in beside]
    found = {name for file in files if file.exists() for name in READ.findall(file.read_text())}
    return sorted(found | (set(LITERAL.findall(text)) & fields()))


def addresses(patterns: Sequence[object]) -> Iterator[tuple[str, str]]:
    """Each address with the module whose view answers there."""
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from addresses(one.url_patterns)
        elif isinstance(one, URLPattern):
            yield str(one.pattern), one.callback.__module__


def filled(route: str, ids: dict[str, str]) -> str:
    """The address of something that is there."""
    for start, value in ids.items():
        if route.startswith(start):
            route = re.sub(r"<\w+:\w+>", value, route, count=1)
    return "/" + re.sub(r"<\w+:\w+>", "1", route)


@pytest.mark.slow
def test_odd_text_and_huge_numbers_are_answered_everywhere(robo: Agent) -> None:
    reader = cast.person("rita", teams=("team-leads",), role=Role.OPERATOR, password=cast.PASSWORD)
    cast.request(robo)
    blocked = cast.request(robo, **cast.FORBIDDEN)
    view = views.save(person=reader, page="queue", name="mine", query="tab=all", at=clock.now())
    ids = {
        "r/": "REQ-1", "agents/": robo.name, "guardrails/alerts/": str(an_alert().pk),
        "guardrails/breakers/": str(a_trip().pk), "guardrails/blocks/": blocked.ref,
        "views/<int": str(view.pk), "views/<slug": "queue", "history/exports/": str(uuid4()),
        "settings/channels/": "slack", "link/": "slack",
    }  # fmt: skip
    client = Client(raise_request_exception=False)
    client.force_login(reader)
    faults, tried = [], 0
    for route, module in addresses(urls.urlpatterns):
        assert module.startswith(ROOM), module
        names = read_by(module)
        sound = {name: SOUND[name] for name in names if name in SOUND}
        for method in ("get", "post"):
            if answered(client, method, filled(route, ids), sound) == 405:
                continue
            for name in names:
                for kind, odd in HOSTILE.items():
                    status = answered(client, method, filled(route, ids), sound | {name: odd})
                    tried += status != 404
                    if status >= 500:
                        faults.append(f"{method} /{route}: {kind} in {name}: {status}")
    assert not faults, "\n".join(faults)
    assert tried > 1_000


def answered(client: Client, method: str, address: str, sent: dict[str, str]) -> int:
    """The status; whatever was written is taken back, and no limit of attempts is reached."""
    kept.clear()
    cookies = dict(client.cookies)
    before = transaction.savepoint()
    status: int = getattr(client, method)(address, sent).status_code
    transaction.set_rollback(False)
    transaction.savepoint_rollback(before)
    client.cookies.clear()
    client.cookies.update(cookies)
    return status
