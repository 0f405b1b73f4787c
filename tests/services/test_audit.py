"""History: only ever added to, chained, and every tampering found at its place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, connection, transaction

from approvals import queries
from approvals.models import ApprovalRequest, AuditEvent, ChainHead
from approvals.services import audit
from tests.domain.scene import NOON, minutes
from tests.services.conftest import broken_chains
from tests.support import cast
from tests.support.management.commands.flush import without_triggers

EVENTS = "approvals_auditevent"


def run(statement: str, *values: str | int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def a_history() -> ApprovalRequest:
    """Submitted, half approved, approved: three events."""
    row = cast.request(at=NOON, **cast.HIGH)
    cast.decide(row, cast.person("ada"), at=minutes(1))
    cast.decide(row, cast.person("grace"), at=minutes(2))
    check_what_waits()
    return queries.request(row.ref)


def check_what_waits() -> None:
    """PostgreSQL alters no table whose foreign keys are still to be checked."""
    if connection.vendor == "postgresql":
        run("SET CONSTRAINTS ALL IMMEDIATE")


@contextmanager
def an_administrator() -> Iterator[None]:
    """Somebody who owns the database can stand the triggers aside; only the chain tells then."""
    with transaction.atomic(), without_triggers(connection):
        yield
        check_what_waits()


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE {EVENTS} SET actor = 'person:mallory@example.com'",
        f"UPDATE {EVENTS} SET hash = hash",
        f"DELETE FROM {EVENTS}",
        pytest.param(f"TRUNCATE {EVENTS} CASCADE", marks=pytest.mark.postgres),
    ],
)
def test_the_database_itself_refuses_to_change_history(statement: str) -> None:
    a_history()
    before = AuditEvent.objects.count()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        run(statement)
    assert AuditEvent.objects.count() == before


@pytest.mark.postgres
def test_not_even_a_replica_session_passes_the_triggers() -> None:
    a_history()
    with transaction.atomic():
        run("SET LOCAL session_replication_role = 'replica'")
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            run(f"DELETE FROM {EVENTS}")


def test_every_event_continues_the_one_before_it() -> None:
    row = a_history()
    events = list(queries.events_of(row))
    assert [event.seq for event in events] == [0, 1, 2]
    assert [event.entry["prev"] for event in events] == ["0" * 64, events[0].hash, events[1].hash]
    assert (row.position, row.chain_head) == (3, events[2].hash)


def test_the_first_event_holds_the_whole_question_and_later_ones_its_digest() -> None:
    first, second, _ = queries.events_of(a_history())
    assert first.entry["submission"]["action"] == "config_change"
    assert first.entry["plan"]["risk"] == "high"
    assert "submission" not in second.entry
    assert second.entry["parameters_sha256"] == first.entry["parameters_sha256"]


@pytest.mark.usefixtures("tampering")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seq", [0, 1, 2])
def test_an_edited_event_is_found_at_its_place(seq: int) -> None:
    row = a_history()
    event = AuditEvent.objects.get(request=row, seq=seq)
    event.entry["actor"] = "person:mallory@example.com"
    with an_administrator():
        event.save()
    [found] = broken_chains()
    assert (found.chain, found.seq) == (row.ref, seq)


@pytest.mark.usefixtures("tampering")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("seq", "place"), [(0, 0), (1, 1), (2, 2)])
def test_a_removed_event_is_found_at_its_place(seq: int, place: int) -> None:
    row = a_history()
    with an_administrator():
        run(f"DELETE FROM {EVENTS} WHERE chain = %s AND seq = %s", row.ref, seq)
    [found] = broken_chains()
    assert (found.chain, found.seq) == (row.ref, place)


@pytest.mark.usefixtures("tampering")
@pytest.mark.django_db(transaction=True)
def test_a_chain_without_its_events_is_found() -> None:
    row = a_history()
    with an_administrator():
        run(f"DELETE FROM {EVENTS} WHERE chain = %s", row.ref)
    assert [(found.chain, found.seq) for found in broken_chains()] == [(row.ref, 0)]


def test_what_belongs_to_no_request_has_a_chain_of_its_own() -> None:
    cast.person("ada")
    head = ChainHead.objects.get(chain=audit.SERVICE_CHAIN)
    events = AuditEvent.objects.filter(chain=audit.SERVICE_CHAIN)
    assert head.position == events.count() > 0
    assert all(event.request is None for event in events)


def test_whoever_takes_history_out_is_part_of_it() -> None:
    audit.exported(actor=cast.OPERATOR, at=NOON, filters={"agent": "robo"}, form="csv")
    event = AuditEvent.objects.get(type="audit.exported")
    assert event.entry["detail"] == {"filters": {"agent": "robo"}, "format": "csv"}


def test_history_answers_who_did_what_when() -> None:
    row = a_history()
    other = cast.request(at=minutes(30))
    found = queries.events
    assert [e.seq for e in found({"request": row.ref})] == [2, 1, 0]
    assert [e.request for e in found({"actor": "person:grace@example.com"})] == [row]
    assert found({"target": "production-api", "type": "request.submitted"}).count() == 2
    assert found({"agent": "robo", "action": "scale_deployment"}).get().request == other
    assert found({"session": "sess_abc123", "after": minutes(20)}).get().request == other
    assert found({"agent": "robo", "before": minutes(1)}).count() == 1


def test_an_event_is_told_with_all_that_auditors_ask_for() -> None:
    row = a_history()
    last = queries.events_of(row).last()
    assert last is not None
    told = queries.told(last)
    assert told["approval"] == {"type": "approved", "policy": "approved_by_person", "by": "Grace"}
    assert told["parameters"] == {"timeout": 30}
    assert told["state_before"] == {"replicas": 5}
    assert told["hash"] == last.hash
    first = queries.events_of(row).first()
    assert first is not None
    assert queries.told(first)["approval"] is None
    service = AuditEvent.objects.filter(request=None).first()
    assert service is not None
    assert queries.told(service)["ref"] is None


def test_policy_and_silence_are_told_as_what_they_are() -> None:
    low = queries.events_of(cast.request(at=NOON, **cast.LOW)).last()
    no = queries.events_of(cast.request(at=NOON, **cast.FORBIDDEN)).last()
    assert low is not None
    assert no is not None
    assert queries.told(low)["approval"]["type"] == "auto_approved"
    assert queries.told(no)["approval"]["type"] == "denied"


@pytest.mark.parametrize("number", [1e15, 0.1, 5e-324, -0.0, 1.0, 9007199254740991, 123456.789e-7])
def test_numbers_survive_the_database_so_that_chains_still_verify(number: float) -> None:
    cast.request(at=NOON, parameters={"n": number}, context={"n": [number]})
    assert broken_chains() == []
