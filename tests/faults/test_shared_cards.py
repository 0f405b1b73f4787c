"""Everybody at once on one card: no circle of waiting, no decision lost, doubled or beyond what was shown."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

import pytest
from django.db import DatabaseError, OperationalError, connections, transaction

from approvals import queries
from approvals.domain.errors import Refusal
from approvals.domain.terms import Verdict
from approvals.models import Agent, ApprovalRequest, AuditEvent, Decision, Person, Timer
from approvals.services import clock, lifecycle, policies, timers
from approvals.services.attention import AttentionBudgetExceeded
from tests.faults.test_races import CLICKERS, SCALE, leads
from tests.services.conftest import broken_chains
from tests.support import cast

pytestmark = [pytest.mark.faults, pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
CARDS = max(3, round(30 * SCALE))
JOINERS = 4
Task = Callable[[], object]


def shared_cards(robo: Agent, count: int = CARDS) -> list[list[ApprovalRequest]]:
    """Cards of a leader and four joiners each."""
    return [
        [cast.request(robo, target=f"service-{card}") for _ in range(1 + JOINERS)]
        for card in range(count)
    ]


def at_once(*tasks: Task) -> list[object]:
    """Each task in a thread of its own, all started together; what each gave or refused.

    Anything but a refusal is a fault: a deadlock or a broken constraint fails the test.
    """
    heard: list[object] = []
    faults: list[BaseException] = []
    together = threading.Barrier(len(tasks))

    def run(task: Task) -> None:
        try:
            together.wait(60)
            heard.append(task())
        except Refusal as refusal:
            heard.append(refusal)
        except (DatabaseError, threading.BrokenBarrierError) as error:
            faults.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    assert faults == []
    return heard


def click(row: ApprovalRequest, person: Person, verdict: Verdict, version: int) -> Task:
    return lambda: lifecycle.decide(
        ref=row.ref,
        person=person,
        verdict=verdict,
        comment="as told",
        version=version,
        at=clock.now(),
    )


def check_one_ending_each(rows: list[ApprovalRequest]) -> None:
    """Whatever closed, closed once, as its row, its decision and its history say alike."""
    final = ["approved", "denied", "expired", "cancelled"]
    endings = AuditEvent.objects.filter(type__in=[f"request.{status}" for status in final])
    by_chain = Counter(event.chain for event in endings)
    for row in rows:
        now = queries.request(row.ref)
        deciding = now.decisions.filter(is_final=True)
        assert by_chain[row.ref] == (now.status in final)
        assert deciding.count() == (now.status in {"approved", "denied"})
        assert all(str(one.person) in now.closed_by for one in deciding)
    assert broken_chains() == []


def check_cards_stand(robo: Agent) -> None:
    """Every open joiner has an open leader that is older and leads itself."""
    for row in ApprovalRequest.objects.filter(agent=robo, status="pending").select_related(
        "joined"
    ):
        leader = row.joined or row
        assert leader.closed_at is None
        assert leader.joined_id is None
        assert leader.pk <= row.pk
        if row.joined is None:
            assert row.questions.exists()


@pytest.mark.timeout(300)
def test_twenty_people_on_a_card_of_five_make_one_decision_for_each() -> None:
    people, robo = leads(), cast.agent()[0]
    cards = shared_cards(robo)
    for rows in cards:
        assert {row.joined_id for row in rows[1:]} == {rows[0].pk}
        verdicts = [Verdict.DENY if n % 2 else Verdict.APPROVE for n in range(CLICKERS)]
        heard = at_once(
            *(
                click(rows[0], person, verdict, 1 + JOINERS)
                for person, verdict in zip(people, verdicts, strict=True)
            )
        )
        assert sum(isinstance(one, ApprovalRequest) for one in heard) == 1
        ended = {(queries.request(r.ref).status, queries.request(r.ref).closed_by) for r in rows}
        assert len(ended) == 1
        check_one_ending_each(rows)
    assert Decision.objects.count() == len(cards) * (1 + JOINERS)


@pytest.mark.timeout(300)
def test_clicks_on_leader_and_joiners_withdrawals_and_new_ones_meet_without_a_fault() -> None:
    """Every order of locks there is, again and again: leader, joiner, timers and a joining request."""
    people, robo = leads(), cast.agent()[0]
    dice = Random(7)
    for rows in shared_cards(robo):
        tasks: list[Task] = []
        for number, person in enumerate(people):
            row = rows[0] if number % 2 else dice.choice(rows)
            seen = dice.randint(1, 1 + JOINERS) if row is rows[0] else 1
            tasks.append(click(row, person, dice.choice(list(Verdict)), seen))
        for row in dice.sample(rows, 2):
            tasks.append(_withdrawing(row, robo))
        tasks += [_joining(rows[0], robo), _joining(rows[0], robo), _answering(rows[1], robo)]
        at_once(*tasks)
        check_one_ending_each(rows)
        check_cards_stand(robo)


@pytest.mark.timeout(300)
def test_time_and_people_meet_on_a_card_without_a_fault() -> None:
    people, robo = leads(), cast.agent()[0]
    dice = Random(11)
    for rows in shared_cards(robo):
        later = max(row.decide_by for row in rows) - timedelta(milliseconds=5)
        clicks = [
            click(dice.choice(rows), person, dice.choice(list(Verdict)), 1)
            for person in people[:10]
        ]
        at_once(*clicks, *(_time(later) for _ in range(6)))
        check_one_ending_each(rows)
        check_cards_stand(robo)
        timers.fire_due(at=later + timedelta(days=1))
        timers.fire_due(at=later + timedelta(days=2))
        assert all(queries.request(row.ref).status not in {"pending"} for row in rows)
        check_one_ending_each(rows)


def test_thirty_identical_submissions_at_once_make_full_cards() -> None:
    robo = cast.agent()[0]
    heard = at_once(*(_joining(None, robo) for _ in range(30)))
    assert len(heard) == 30
    sizes = Counter(row.joined_id or row.pk for row in ApprovalRequest.objects.filter(agent=robo))
    assert sorted(sizes.values()) == [10, 20]
    for number in sizes:
        leader = queries.whole_request(number)
        assert leader.version == sizes[number]
        assert len(queries.beside(leader)) == sizes[number] - 1


def _withdrawing(row: ApprovalRequest, robo: Agent) -> Task:
    return lambda: lifecycle.cancel(ref=row.ref, agent=robo, at=clock.now())


def _answering(row: ApprovalRequest, robo: Agent) -> Task:
    return lambda: lifecycle.add_message(ref=row.ref, text="Yes.", agent=robo, at=clock.now())


def _joining(row: ApprovalRequest | None, robo: Agent) -> Task:
    target = row.target if row else "production-api"
    return lambda: cast.request(robo, target=target)


def _time(at: datetime) -> Task:
    return lambda: timers.fire_due(at=at)


def test_a_writer_that_dies_among_the_joiners_leaves_all_as_it_was() -> None:
    """Held up after the leader and three joiners are written, its connection is cut."""
    robo, lin = cast.agent()[0], cast.person("lin")
    (rows,) = shared_cards(robo, 1)
    heard: list[object] = []
    with transaction.atomic():
        list(Timer.objects.select_for_update().filter(request=rows[-1]))
        deciding = click(rows[0], lin, Verdict.APPROVE, 1 + JOINERS)
        writer = threading.Thread(target=_until_it_dies, args=(deciding, heard))
        writer.start()
        assert _cut_off_whoever_waits() == 1
        writer.join(30)
    assert [type(one) for one in heard] == [OperationalError]
    assert {queries.request(row.ref).status for row in rows} == {"pending"}
    assert not Decision.objects.exists()
    deciding()
    check_one_ending_each(rows)
    assert Decision.objects.count() == 1 + JOINERS


def _until_it_dies(task: Task, heard: list[object]) -> None:
    try:
        heard.append(task())
    except DatabaseError as error:
        heard.append(error)
    finally:
        connections.close_all()


def _cut_off_whoever_waits() -> int:
    """Cut every connection of this database that waits for a lock; how many there were."""
    waiting = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(waiting)
            if found := int(cursor.fetchone()[0]):
                return found
        time.sleep(0.02)
    return 0


def test_a_flood_of_one_question_asks_people_once_and_then_meets_its_budget() -> None:
    robo = cast.agent()[0]
    cast.person("lin")
    files = policies.read_directory(cast.POLICIES)
    files["calm.yaml"] = "attention: {questions_per_hour: 20}"
    policies.apply(files=files, author="tests", actor=cast.OPERATOR, at=clock.now())
    heard = at_once(*(_asking(robo) for _ in range(40)))
    assert sum(isinstance(one, AttentionBudgetExceeded) for one in heard) == 20
    (leader,) = queries.waiting()
    assert len(queries.beside(leader)) == 19
    assert queries.card(leader).headline.endswith("×20")
    assert AuditEvent.objects.filter(type="agent.question_refused").count() == 1


def _asking(robo: Agent) -> Task:
    return lambda: cast.request(robo)
