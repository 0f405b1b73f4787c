"""Replay past requests against a draft: what would stop asking stands first, and nothing is written."""

from __future__ import annotations

import tracemalloc
from copy import copy
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.domain.policy import documents
from approvals.domain.terms import Approval, Stage
from approvals.models import AgentStage, ApprovalRequest
from approvals.models.fields import uuid7
from approvals.services import clock, policies, replay
from approvals.services.replay import Effect, Replay
from tests.services.test_policies import DEFAULT, WEAKER, files, offered
from tests.support import cast

pytestmark = pytest.mark.django_db(transaction=True)


# Within every blast radius of the default policy.
SMALL: dict[str, Any] = {"parameters": {"from_replicas": 8, "to_replicas": 9}, "impact": None}


def replayed(wanted: dict[str, str], *, days: int = 30, most: int | None = None) -> Replay:
    return replay.simulate(
        before=policies.current(),
        after=documents.load(wanted),
        days=days,
        at=clock.now(),
        most=most,
    )


def asked(**counts: int) -> None:
    """So many requests of each action."""
    robo, _ = cast.agent()
    for action, count in counts.items():
        for number in range(count):
            cast.request(robo, action=action, target=f"target-{number}", **SMALL)


LOOSER = files(
    ("{name: scale_up, risk: medium,", "{name: scale_up, risk: medium, approval: auto,"),
    ("{name: drop_database, approval: forbidden", "{name: drop_database, risk: critical"),
    ("{name: create_ticket, approval: auto, risk: low", "{name: create_ticket, risk: high"),
    ("{name: restart_pod, risk: medium", "{name: restart_pod, approval: forbidden"),
)


def test_every_request_is_counted_once_and_the_dangerous_ones_come_first() -> None:
    asked(scale_up=2, drop_database=1, create_ticket=3, restart_pod=1, config_change=4)
    found = replayed(LOOSER)
    assert found.sentence == (
        "Last 30 days, 11 requests: 4 same, 3 would now ask, 1 would now be refused, "
        "1 would ask instead of being refused, 2 would stop asking."
    )
    assert next(iter(found.changes)) is Effect.STOPS_ASKING
    stops = found.changes[Effect.STOPS_ASKING]
    assert [(each.action, each.before, each.after) for each in stops] == [
        ("scale_up", Approval.REQUIRED, Approval.AUTO)
    ] * 2
    assert stops[0].because.startswith("No longer: ")
    [refused] = found.changes[Effect.NEWLY_REFUSES]
    assert "(default.yaml:" in refused.because


def test_the_same_files_change_nothing() -> None:
    asked(scale_up=2, drop_database=1)
    found = replayed(DEFAULT)
    assert (
        found.sentence == "Last 30 days, 3 requests: 3 same, 0 would now ask, 0 would stop asking."
    )
    assert not any(found.changes.values())


def test_other_people_are_a_change_too() -> None:
    asked(config_change=1)
    others = files(
        ("approvers: [{team: managers, quorum: 1}, {team: security, quorum: 1}]",
         "approvers: [{team: managers, quorum: 1}]"),
    )  # fmt: skip
    [change] = replayed(others).changes[Effect.ASKS_OTHERS]
    assert (change.before, change.after) == (Approval.REQUIRED, Approval.REQUIRED)


def test_only_what_agents_asked_lately_is_replayed() -> None:
    asked(scale_up=2)
    old = ApprovalRequest.objects.order_by("number").first()
    assert old is not None
    ApprovalRequest.objects.filter(pk=old.pk).update(created_at=clock.now() - timedelta(days=31))
    offered(WEAKER)  # the service's own question
    assert replayed(LOOSER).requests == 1
    assert replayed(LOOSER, days=40).requests == 2


def test_stages_are_as_they_were_when_it_was_asked() -> None:
    asked(view_logs=1)
    row = ApprovalRequest.objects.get()
    AgentStage.objects.create(
        agent=row.agent,
        action_class="*",
        stage=Stage.SHADOW.value,
        since=row.created_at - timedelta(hours=1),
        until=row.created_at + timedelta(hours=1),
        changed_by="a test",
    )
    asks = files(('{name: "view_*", approval: auto, risk: low', '{name: "view_*", risk: high'))
    assert replayed(asks).counts[Effect.SAME] == 1
    AgentStage.objects.update(since=row.created_at + timedelta(minutes=1))
    assert replayed(asks).counts[Effect.NEWLY_ASKS] == 1


def test_a_bound_cuts_off_the_oldest_and_says_so() -> None:
    asked(scale_up=3)
    newest = ApprovalRequest.objects.order_by("-number").first()
    found = replayed(LOOSER, most=1)
    assert (found.requests, found.cut_off) == (1, True)
    assert newest is not None
    assert found.changes[Effect.STOPS_ASKING][0].ref == newest.ref
    assert not replayed(LOOSER, most=3).cut_off


def test_nothing_is_written() -> None:
    asked(scale_up=2, drop_database=1)
    with CaptureQueriesContext(connection) as sent:
        replayed(LOOSER)
    verbs = {query["sql"].split()[0].upper() for query in sent}
    assert verbs <= {"SELECT", "BEGIN", "SET", "COMMIT", "SAVEPOINT", "RELEASE"}
    assert "SELECT" in verbs


@pytest.mark.postgres
def test_the_database_itself_refuses_to_be_written_to() -> None:
    asked(scale_up=1)
    with CaptureQueriesContext(connection) as sent:
        replayed(LOOSER)
    assert any("READ ONLY" in query["sql"] for query in sent)


def test_memory_does_not_grow_with_the_number_of_requests(tampering: None) -> None:
    asked(scale_up=1)
    row = ApprovalRequest.objects.get()
    few, many = (_peak(row, number) for number in (450, 1_000))
    assert many < few * 1.3


def _peak(row: ApprovalRequest, more: int) -> int:
    """Bytes at most, over so many more requests like this one, which only look alike."""
    copies = [copy(row) for _ in range(more)]
    for each in copies:
        each.pk, each.public_id = None, uuid7()
    ApprovalRequest.objects.bulk_create(copies)
    del copies
    tracemalloc.start()
    replayed(LOOSER)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak
