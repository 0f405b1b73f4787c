"""Two hundred requests at once against a limit of five: five pass, whoever asks from wherever.

And the proof of the proof: without the agent's lock the same requests pass too often.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from itertools import cycle

import httpx
import pytest
from django.db import connections, transaction

from approvals.domain.policy.evaluate import evaluate
from approvals.domain.policy.subject import subject_of
from approvals.models import Agent, ApprovalRequest, AuditEvent, BreakerTrip, Person
from approvals.services import asking, breakers, circumstances, clock, policies
from tests.services.conftest import broken_chains
from tests.services.limits import ask, everybody, in_force, report, run, use
from tests.stories.world import World
from tests.support import cast
from tests.support.databases import new_database
from tests.support.plugin import engine
from tests.support.service import StartService

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
LIMIT = 5
ASKERS = 20 if engine() == "postgres" else 6
EACH = 10
LIMITS = f"rate_limits: {{deployments: {{max_per_hour: {LIMIT}}}}}"
ERRORS = "circuit_breakers: {error_rate: {threshold: 10%, window: 5m, minimum: 5}}"
BODY = {"action": "deploy_service", "target": "shop", "parameters": {}}
SEED = f"from tests.services.limits import in_force; in_force({LIMITS!r})"
Submit = Callable[[Agent], ApprovalRequest]


@pytest.fixture
def robo(transactional_db: None) -> Iterator[Agent]:
    yield everybody()
    assert broken_chains() == []


def with_lock(robo: Agent) -> ApprovalRequest:
    return ask(robo, at=clock.now())


def without_lock(robo: Agent) -> ApprovalRequest:
    """`asking.submit` as it must never be: counted and written with nothing held meanwhile."""
    at, body = clock.now(), cast.submission(**BODY)
    with transaction.atomic():
        policy = policies.current()
        subject = subject_of(robo.name, body)
        known = circumstances.gather(robo, subject, policy, at=at)
        evaluation = evaluate(policy, subject, known)
        columns = {"owner_at_submission": robo.owner, "body_sha256": ""}
        row = asking._row(robo, body, evaluation, columns, at=at)
        return asking._written(row, subject, evaluation, policy, at=at)


def at_once(work: Callable[[int], object], count: int) -> list[object]:
    """So many threads do it at the same moment; what each brought, an error included."""
    together, heard = threading.Barrier(count), list[object]()

    def one(number: int) -> None:
        try:
            together.wait(60)
            heard.append(work(number))
        except Exception as error:
            heard.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    return heard


def stampede(robo: Agent, submit: Submit) -> Counter[str]:
    """Every asker asks again and again; how often each answer came."""

    def asks(_: int) -> list[ApprovalRequest]:
        return [submit(robo) for _ in range(EACH)]

    answers: Counter[str] = Counter()
    for heard in at_once(asks, ASKERS):
        assert isinstance(heard, list), heard
        answers.update(row.reason_code for row in heard)
    return answers


def test_from_many_threads_as_many_pass_as_the_limit_says(robo: Agent) -> None:
    in_force(LIMITS)
    answers = stampede(robo, with_lock)

    total = ASKERS * EACH
    assert answers["rate_limited"] == total - LIMIT
    passed = ApprovalRequest.objects.filter(status="approved")
    assert (passed.count(), ApprovalRequest.objects.count()) == (LIMIT, total)
    print(f"{total} parallel requests, limit {LIMIT}: {LIMIT} passed, {total - LIMIT} were denied")


@pytest.mark.postgres
def test_without_the_lock_the_same_requests_pass_too_often(robo: Agent) -> None:
    in_force(LIMITS)
    stampede(robo, without_lock)

    passed = ApprovalRequest.objects.filter(status="approved").count()
    assert passed > LIMIT, "no request met another: the race proves nothing"
    print(f"without the lock: {passed} of {ASKERS * EACH} passed a limit of {LIMIT}")


def test_slots_given_back_are_taken_once_each(robo: Agent) -> None:
    in_force(LIMITS)
    held = [with_lock(robo) for _ in range(LIMIT)]
    ApprovalRequest.objects.filter(pk__in=[row.pk for row in held[:2]]).update(status="revoked")
    stampede(robo, with_lock)

    assert ApprovalRequest.objects.filter(status="approved").count() == LIMIT


def test_reports_at_once_open_a_breaker_once(robo: Agent) -> None:
    in_force(ERRORS)
    rows = [use(ask(robo, at=clock.now()), at=clock.now()) for _ in range(ASKERS)]
    heard = at_once(lambda n: report(rows[n], "failure", at=clock.now()), ASKERS)

    assert all(isinstance(row, ApprovalRequest) for row in heard), heard
    assert BreakerTrip.objects.filter(closed_at=None).count() == 1
    # The fifth that was written opened it, having seen the four before.
    assert BreakerTrip.objects.get().values["outcomes"] == 5
    assert AuditEvent.objects.filter(type="breaker.opened").count() == 1


def test_one_of_many_at_once_is_the_trial(robo: Agent) -> None:
    in_force(ERRORS)
    for _ in range(5):
        run(robo, "failure", at=clock.now())
    BreakerTrip.objects.update(half_open_at=clock.now() - timedelta(seconds=1))
    answers = stampede(robo, with_lock)

    assert answers["breaker_open"] == ASKERS * EACH - 1
    [trip] = BreakerTrip.objects.all()
    assert trip.trial is not None
    assert trip.trial.status == "approved"
    assert AuditEvent.objects.filter(type="breaker.half_open").count() == 1


def test_asking_reporting_and_closing_at_once_block_nobody_for_good(robo: Agent) -> None:
    """Requests, outcomes that open breakers, a manager who closes them: no lock waits in a ring."""
    ada = Person.objects.get(email="ada@example.com")
    in_force(ERRORS.replace("5m", "5m, rest: 1s"))
    ends = cycle(["failure", "success", "rolled_back"])

    def live(number: int) -> None:
        for _ in range(EACH):
            row = with_lock(robo)
            if row.status == "approved":
                report(row, next(ends), at=clock.now())
            elif number % 3 == 0:
                for trip in BreakerTrip.objects.filter(closed_at=None):
                    with suppress(breakers.BreakerClosed):
                        breakers.reset(
                            number=str(trip.pk), person=ada, reason="On.", at=clock.now()
                        )

    assert at_once(live, ASKERS) == [None] * ASKERS
    assert BreakerTrip.objects.exists()


@pytest.mark.postgres
def test_over_http_through_two_services_as_many_pass(start_service: StartService) -> None:
    with new_database(os.environ["DATABASE_URL"]) as url:
        services = [start_service(DATABASE_URL=url, SECRET_KEY="k" * 50) for _ in range(2)]
        world = World(services[0])
        seeded = services[0].run("shell", "-v", "0", "-c", SEED)
        assert seeded.returncode == 0, seeded.stderr
        answers = _over_http(world, [service.url for service in services])
        for service in services:
            service.stop()

    assert answers == {(201, "approved"): LIMIT, (201, "rate_limited"): 200 - LIMIT}


def _over_http(world: World, urls: list[str]) -> Counter[tuple[int, str]]:
    headers = {"Authorization": f"Bearer {world.robo}"}

    def post(number: int) -> tuple[int, str]:
        with httpx.Client(trust_env=False, timeout=60) as client:
            answer = client.post(
                f"{urls[number % len(urls)]}/api/v1/requests", json=BODY, headers=headers
            )
        body = answer.json()
        denied = body.get("status") == "denied"
        return answer.status_code, body.get("reason_code" if denied else "status") or answer.text

    with ThreadPoolExecutor(40) as pool:
        return Counter(pool.map(post, range(200)))
