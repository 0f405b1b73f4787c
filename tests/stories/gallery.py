"""A service that looks lived in: a month of history, a few who wait, and something odd, for the eye.

It runs inside the service's own shell, by its own services, at moments of the past.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from approvals.domain import errors
from approvals.domain.terms import Verdict
from approvals.models import Agent, AgentKey, ApprovalRequest, Person
from approvals.services import absence, asking, clock, exports, grants, lifecycle, outcomes
from tests.stories import gallery_trust
from tests.support import cast

DAYS, MINUTES = timedelta(days=1), timedelta(minutes=1)
AGENTS = ("deploy-bot", "billing-refunds", "infra-scaler", "crawler-2")
HOSTILE = "Routine clean-up \u202eevorppa\u202c <b>approved</b> *x* <!channel> p\u0430ypal.com"


@dataclass(frozen=True, slots=True)
class Kind:
    """Something an agent asks again and again, and who answers."""

    agent: str
    action: str
    target: str
    parameters: dict[str, Any]
    by: tuple[str, ...]
    reasoning: str
    is_easy: bool = False


KINDS = (
    Kind("infra-scaler", "scale_deployment", "production-api", {"from_replicas": 5, "to_replicas": 6},
         ("lin",), "CPU has been above 80 % for 15 minutes."),
    Kind("deploy-bot", "restart_service", "checkout", {"service": "checkout", "grace_s": 30},
         ("lin",), "Memory grows by 2 % an hour since the last release."),
    Kind("deploy-bot", "config_change", "checkout", {"key": "timeout_s", "from": 5, "to": 30},
         ("ada", "grace"), "Upstream answers slowly since 09:00; customers see errors."),
    Kind("billing-refunds", "new_integration", "stripe/live", {"name": "refunds-v2", "scopes": ["refunds"]},
         ("ada", "grace"), "The old integration ends in December."),
    Kind("deploy-bot", "database_migration", "orders", {"version": 42, "tables": ["orders", "lines"]},
         ("chen", "dana"), "Adds the column for the delivery window."),
)  # fmt: skip
# Approved every time, within seconds, and never went wrong.
EASY = Kind("infra-scaler", "restart_pod", "staging-api", {"pod": "api-1"}, ("lin",),
            "The pod has not answered for 5 minutes.", is_easy=True)  # fmt: skip
EVERY = 4


def fill(*, password: str, days: int = 29) -> None:
    """Everything at once, with this password for everybody. Needs an empty service."""
    chance = random.Random(7)  # the same pictures every time, no secret
    now = clock.now()
    programs = {name: cast.agent(name)[0] for name in AGENTS}
    staff = {name: cast.person(name, password=password) for name in cast.TEAMS}
    gallery_trust.rules(now)
    for number, moment in enumerate(_moments(now, chance, days)):
        kind = chance.choice(KINDS) if number % EVERY else EASY
        _past(kind, programs, staff, moment, chance)
    _refused(programs, now)
    gallery_trust.trouble(_ask, programs, staff, now)
    # Written now, since then: what went wrong would have lowered them by itself.
    gallery_trust.stages(programs, staff, now - DAYS * days)
    _waiting(programs, staff, now)
    gallery_trust.answers(programs, staff, _stands(), now)
    _besides(staff, now)


def _stands() -> str:
    """A medium request Lin approved, for a standing grant to be made from."""
    rows = ApprovalRequest.objects.filter(action="restart_service", status="approved")
    return "".join(f"REQ-{number}" for number in rows.values_list("number", flat=True)[:1])


def _moments(now: datetime, chance: random.Random, days: int) -> Iterator[datetime]:
    for day in range(days, 0, -1):
        minutes = sorted(chance.randint(0, 600) for _ in range(chance.randint(1, 5)))
        yield from (now - DAYS * day + MINUTES * minute for minute in minutes)


def _ask(agent: Agent, at: datetime, **changes: Any) -> ApprovalRequest:
    key = AgentKey.objects.filter(agent=agent).first()
    row, _ = asking.submit(
        agent=agent, key=key, submission=cast.submission(**changes), idempotency_key=None, at=at
    )
    return row


def _past(
    kind: Kind,
    programs: dict[str, Agent],
    staff: dict[str, Person],
    at: datetime,
    chance: random.Random,
) -> None:
    agent = programs[kind.agent]
    row = _ask(
        agent, at, action=kind.action, target=kind.target, reasoning=kind.reasoning,
        parameters={**kind.parameters, "ticket": f"OPS-{chance.randint(100, 999)}"},
    )  # fmt: skip
    is_denied = chance.random() < 0.15 and not kind.is_easy
    verdict = Verdict.DENY if is_denied else Verdict.APPROVE
    for name in kind.by:
        at += timedelta(seconds=3 if kind.is_easy else chance.choice((3, 20, 45, 90, 150, 240)))
        try:
            row = lifecycle.decide(
                ref=row.ref, person=staff[name], verdict=verdict, at=at, channel="web",
                comment="Not during the sale." if verdict is Verdict.DENY else "",
            )  # fmt: skip
        except errors.Refusal:
            return
        if verdict is Verdict.DENY:
            return
    if row.status == "approved":
        grants.consume(ref=row.ref, agent=agent, key="gallery", parameters=None, at=at + MINUTES)
        failed = chance.random() < 0.1 and not kind.is_easy
        told = {"status": "failure" if failed else "success", "detail": "Done."}
        outcomes.report(ref=row.ref, agent=agent, outcome=told, at=at + 2 * MINUTES)


def _refused(programs: dict[str, Agent], now: datetime) -> None:
    for hours, name, action in (
        (2, "crawler-2", "drop_database"),
        (3, "crawler-2", "access_production_secrets"),
        (30, "deploy-bot", "disable_monitoring"),
    ):
        _ask(programs[name], now - timedelta(hours=hours), action=action, target="orders")


def _waiting(programs: dict[str, Agent], staff: dict[str, Person], now: datetime) -> None:
    for kind in (*KINDS, KINDS[2]):
        _ask(
            programs[kind.agent], now - MINUTES, action=kind.action, target=kind.target,
            parameters=dict(kind.parameters), reasoning=kind.reasoning,
        )  # fmt: skip
    row = _ask(
        programs["billing-refunds"], now - 2 * MINUTES, action="delete_resource",
        target="customers/cus_Q9f2KX", reasoning="The customer asked to be forgotten.",
        parameters={"id": "cus_Q9f2KX", "amount": 124000, "live": True, "note": "", "by": None},
    )  # fmt: skip
    lifecycle.decide(
        ref=row.ref, person=staff["ada"], verdict=Verdict.INVESTIGATE, at=now - MINUTES,
        channel="web", comment="Is the open invoice settled?",
    )  # fmt: skip
    _ask(
        programs["crawler-2"], now - MINUTES, action="restart_service", target="search\u200bindex",
        reasoning=HOSTILE, parameters={"command": "ls" + "\n" * 60 + "rm -rf /", "host": "p\u0430ypal.com"},
    )  # fmt: skip


def _besides(staff: dict[str, Person], now: datetime) -> None:
    """What people arranged: Lin goes away in two days, Grace is away, Ada wants everything in a file."""
    absence.begin(
        staff["lin"], starts_at=now + 2 * DAYS, ends_at=now + 6 * DAYS, stand_in=staff["sam"],
        by=staff["lin"], at=now, note="Back on Monday.",
    )  # fmt: skip
    absence.begin(
        staff["grace"], starts_at=now, ends_at=now + DAYS, stand_in=None, by=staff["grace"], at=now
    )
    exports.ask(person=staff["ada"], form="csv", text="", at=now)
