"""Twenty people click at once, from threads and from processes: one decides, the others are told who.

And the proof of the proof: the same clicks through a writer that takes no lock go wrong.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connections, transaction

from approvals.domain.errors import AlreadyDecided, Refusal
from approvals.domain.state import Click
from approvals.domain.terms import Verdict
from approvals.domain.workflow import decide
from approvals.models import ApprovalRequest, AuditEvent, Decision, Person, states
from approvals.models.requests import lookup
from approvals.services import actors, clock, lifecycle, people, writing
from tests.services.conftest import broken_chains
from tests.support import cast

pytestmark = [pytest.mark.faults, pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
ROOT = Path(__file__).resolve().parents[2]
SCALE = float(os.environ.get("COUNTERSIGN_CHAOS_SCALE", "0.1"))
REQUESTS = max(10, round(200 * SCALE))
CLICKERS = 20
PROCESSES = 4
SAFEGUARDS = [
    "CREATE UNIQUE INDEX decision_one_final_per_request ON approvals_decision (request_id) WHERE is_final",
    "CREATE UNIQUE INDEX decision_one_seat_per_person ON approvals_decision (request_id, person_id)"
    " WHERE verdict = 'approve'",
    "ALTER TABLE approvals_auditevent ADD CONSTRAINT audit_chain_position_once UNIQUE (chain, seq)",
    "CREATE UNIQUE INDEX timer_one_open_per_kind ON approvals_timer (request_id, kind)"
    " WHERE dropped_at IS NULL AND fired_at IS NULL",
]
Act = Callable[[str, Person, Verdict, datetime], object]


def leads() -> list[Person]:
    cast.policy()
    return [
        people.add(
            email=f"lead{n}@example.com",
            name=f"Lead {n}",
            teams=["team-leads"],
            actor=cast.OPERATOR,
            at=clock.now(),
        )
        for n in range(CLICKERS)
    ]


def waiting_requests(count: int) -> list[str]:
    agent, _ = cast.agent()
    return [cast.request(agent, target=f"service-{number}").ref for number in range(count)]


def verdict_of(number: int) -> Verdict:
    return Verdict.DENY if number % 2 else Verdict.APPROVE


def with_lock(ref: str, person: Person, verdict: Verdict, at: datetime) -> object:
    return lifecycle.decide(
        ref=ref, person=person, verdict=verdict, comment="as told", channel="race", at=at
    )


def without_lock(ref: str, person: Person, verdict: Verdict, at: datetime) -> object:
    """`ledger.transition` as it must never be: read, decide, write, and no row held meanwhile."""
    with transaction.atomic(durable=True):
        row = ApprovalRequest.objects.select_related("agent", "agent_key").get(**lookup(ref))
        state = states.of(row)
        change = decide(
            state, Click(states.approver(person), verdict, "as told", channel="race"), at=at
        )
        writing.write(row, change, actor=actors.person(person), at=at)
    return row


def race(refs: list[str], act: Act) -> list[tuple[str, object]]:
    """Everybody clicks each request at the same moment; what each heard: a row, a refusal, an error."""
    heard: list[tuple[str, object]] = []
    together = threading.Barrier(CLICKERS)

    def clicks(person: Person, verdict: Verdict) -> None:
        try:
            for ref in refs:
                together.wait(60)
                try:
                    heard.append((ref, act(ref, person, verdict, clock.now())))
                except (Refusal, DatabaseError) as error:
                    heard.append((ref, error))
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=clicks, args=(person, verdict_of(number)))
        for number, person in enumerate(leads())
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    return heard


def check_one_decision_each(refs: list[str]) -> None:
    deciding = AuditEvent.objects.filter(type__in=["request.approved", "request.denied"])
    assert Counter(event.chain for event in deciding) == Counter(refs)
    assert Counter(f"REQ-{d.request_id}" for d in Decision.objects.all()) == Counter(refs)
    assert Decision.objects.filter(is_final=True).count() == len(refs)
    refused = AuditEvent.objects.filter(type="decision.refused").count()
    assert refused == len(refs) * (CLICKERS - 1)
    assert broken_chains() == []


@pytest.mark.timeout(300)
def test_twenty_threads_on_each_request_make_one_decision_each() -> None:
    refs = waiting_requests(REQUESTS)
    heard = race(refs, with_lock)
    assert len(heard) == REQUESTS * CLICKERS
    losers = [(ref, error) for ref, error in heard if isinstance(error, Refusal)]
    assert len(losers) == REQUESTS * (CLICKERS - 1)
    winners = {row.ref: row.closed_by for _, row in heard if isinstance(row, ApprovalRequest)}
    for ref, refusal in losers:
        assert isinstance(refusal, AlreadyDecided)
        assert refusal.facts["by"] == winners[ref]
    check_one_decision_each(refs)
    print(f"{REQUESTS} requests, {len(heard)} clicks, {len(losers)} losers told who won, 0 doubled")


@pytest.mark.timeout(300)
def test_four_processes_of_five_threads_make_one_decision_each() -> None:
    refs = waiting_requests(REQUESTS)
    people_ = [(person.email, verdict_of(n).value) for n, person in enumerate(leads())]
    heard = _in_processes(refs, people_)
    assert len(heard) == REQUESTS * CLICKERS
    assert Counter(click["ref"] for click in heard if click["won"]) == Counter(refs)
    losers = [click for click in heard if not click["won"]]
    assert {click["code"] for click in losers} == {"already_decided"}
    assert all(click["by"].startswith("Lead ") for click in losers)
    check_one_decision_each(refs)


def _in_processes(refs: list[str], clickers: list[tuple[str, str]]) -> list[dict[str, Any]]:
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    env = os.environ | {
        "DATABASE_URL": f"{server}/{connections['default'].settings_dict['NAME']}",
        "DATABASE_POOL": "6",
        "SECRET_KEY": "x" * 50,
    }
    start = time.time() + 8
    share = CLICKERS // PROCESSES
    running = []
    for number in range(PROCESSES):
        part = clickers[number * share : (number + 1) * share]
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.clicker"], cwd=ROOT, env=env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        told = json.dumps({"refs": refs, "people": part, "start": start, "gap": 0.15})
        running.append((child, threading.Thread(target=_feed, args=(child, told))))
        running[-1][1].start()
    heard: list[dict[str, Any]] = []
    for child, feeding in running:
        feeding.join(200)
        assert child.stdout is not None
        assert child.stderr is not None
        said = child.stdout.read()
        assert child.wait(30) == 0, child.stderr.read()[-2000:]
        heard += json.loads(said)
        child.stdout.close()
        child.stderr.close()
    return heard


def _feed(child: subprocess.Popen[str], told: str) -> None:
    assert child.stdin is not None
    child.stdin.write(told)
    child.stdin.close()


def test_without_the_lock_the_same_clicks_go_wrong() -> None:
    """Doubled decisions would be written; the constraints of the tables are what still stops them."""
    refs = waiting_requests(10)
    heard = race(refs, without_lock)
    stopped = [error for _, error in heard if isinstance(error, DatabaseError)]
    told = [error for _, error in heard if isinstance(error, Refusal)]
    assert stopped, "no click met another: the race proves nothing"
    assert len(told) < len(refs) * (CLICKERS - 1)
    print(f"without the lock: {len(stopped)} of {len(heard)} clicks broke on a constraint")


def test_without_lock_and_constraints_decisions_are_doubled() -> None:
    """Take the tables' own safeguards away as well, and people decide twice."""
    refs = waiting_requests(10)
    with connections["default"].schema_editor() as editor:
        for index in ("decision_one_final_per_request", "decision_one_seat_per_person"):
            editor.execute(f"DROP INDEX {index}")
        editor.execute("ALTER TABLE approvals_auditevent DROP CONSTRAINT audit_chain_position_once")
        editor.execute("DROP INDEX timer_one_open_per_kind")
    try:
        race(refs, without_lock)
        finals = Counter(
            Decision.objects.filter(is_final=True).values_list("request_id", flat=True)
        )
        doubled = sum(count > 1 for count in finals.values())
        assert doubled, "even without lock and constraints nothing went wrong: the race is no race"
        print(
            f"without lock and constraints: {doubled} of {len(refs)} requests decided more than once"
        )
    finally:
        _restore(SAFEGUARDS)


def _restore(statements: list[str]) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("ALTER TABLE approvals_auditevent DISABLE TRIGGER USER")
        cursor.execute("TRUNCATE approvals_decision, approvals_timer, approvals_auditevent CASCADE")
        cursor.execute(
            "ALTER TABLE approvals_auditevent ENABLE ALWAYS TRIGGER approvals_auditevent_rows"
        )
        cursor.execute(
            "ALTER TABLE approvals_auditevent ENABLE ALWAYS TRIGGER approvals_auditevent_table"
        )
        for statement in statements:
            cursor.execute(statement)
