"""The one writer: all of a change or none of it, under a lock, with its history."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction
from pytest_django import DjangoCaptureOnCommitCallbacks

from approvals import queries
from approvals.domain import errors
from approvals.domain.state import RequestState
from approvals.domain.terms import EventKind, Verdict
from approvals.models import ApprovalRequest, AuditEvent, Decision, Delivery, Timer, states
from approvals.services import actors, deliveries, grants, ledger, lifecycle, timers
from approvals.services.asking import InFlight
from tests.domain.scene import NOON, minutes
from tests.fakes.adapter import FakeAdapter
from tests.support import cast


@contextmanager
def an_audit_that_cannot_be_written() -> Iterator[None]:
    """A trigger of the test's own that refuses every new event, as a full disk would."""
    if connection.vendor == "postgresql":
        on = (
            "CREATE FUNCTION no_audit() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = 'disk_full'; END $$;"
            "CREATE TRIGGER no_audit BEFORE INSERT ON approvals_auditevent"
            " FOR EACH ROW EXECUTE FUNCTION no_audit()"
        )
        off = "DROP TRIGGER no_audit ON approvals_auditevent; DROP FUNCTION no_audit()"
    else:
        on = (
            "CREATE TRIGGER no_audit BEFORE INSERT ON approvals_auditevent"
            " BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
        off = "DROP TRIGGER no_audit"
    _run(on)
    try:
        yield
    finally:
        _run(off)


def _run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def everything() -> dict[str, list[dict[str, Any]]]:
    tables: tuple[Any, ...] = (ApprovalRequest, Decision, AuditEvent, Delivery, Timer)
    return {table.__name__: list(table.objects.order_by("pk").values()) for table in tables}


@pytest.mark.django_db(transaction=True)
def test_no_audit_record_no_decision(channel: FakeAdapter) -> None:
    waiting, approved = cast.request(at=NOON), cast.request(at=NOON)
    cast.decide(approved, cast.person("lin"), at=NOON)
    other, lin, ada = cast.request(at=NOON, **cast.HIGH), cast.person("lin"), cast.person("ada")
    before = everything()
    acts: list[Callable[[], object]] = [
        lambda: cast.decide(waiting, lin, at=minutes(1)),
        lambda: cast.decide(waiting, lin, Verdict.DENY, "No.", at=minutes(1)),
        lambda: cast.decide(waiting, lin, Verdict.INVESTIGATE, "Why?", at=minutes(1)),
        lambda: cast.decide(waiting, cast.person("mallory"), at=minutes(1)),
        lambda: cast.decide(other, ada, at=minutes(1)),
        lambda: cast.request(waiting.agent, at=minutes(1)),
        lambda: lifecycle.cancel(ref=waiting.ref, agent=waiting.agent, at=minutes(1)),
        lambda: lifecycle.revoke(ref=approved.ref, person=lin, at=minutes(1)),
        lambda: lifecycle.add_message(
            ref=waiting.ref, agent=waiting.agent, text="x", at=minutes(1)
        ),
        lambda: grants.consume(
            ref=approved.ref, agent=approved.agent, key="k", parameters=None, at=minutes(1)
        ),
    ]
    with an_audit_that_cannot_be_written():
        for act in acts:
            with pytest.raises(DatabaseError, match="disk full"):
                act()
        assert timers.fire_due(at=minutes(60)) == 0
        assert everything() == before
    assert cast.decide(waiting, lin, at=minutes(1)).status == "approved"


def test_a_change_writes_its_decision_event_deliveries_and_timers_together(
    channel: FakeAdapter,
) -> None:
    row = cast.request(at=NOON, callback_url="https://agent.example.com/cb")
    cast.decide(row, cast.person("lin"), at=minutes(1))
    row = queries.request(row.ref)
    assert (row.position, row.version) == (2, 1)
    assert row.chain_head == queries.events_of(row).last().hash  # type: ignore[union-attr]
    assert [d.kind for d in queries.deliveries_of(row)] == ["card", "event", "card", "event"]
    [open_timer] = row.timers.filter(fired_at=None, dropped_at=None)
    assert (open_timer.kind, open_timer.due_at) == ("grant_expiry", minutes(16))


def test_a_move_of_none_writes_nothing() -> None:
    row = cast.request(at=NOON)
    before = everything()
    ledger.transition(row.ref, lambda _: None, actor=actors.SYSTEM, at=minutes(1))
    assert everything() == before


def test_an_attempt_nobody_described_is_refused_without_history() -> None:
    row = cast.request(at=NOON)

    def refuse(_: RequestState) -> None:
        raise errors.Conflict("no")

    with pytest.raises(errors.Conflict):
        ledger.transition(row.ref, refuse, actor=actors.SYSTEM, at=minutes(1))
    assert queries.request(row.ref).position == 1


def test_listeners_are_woken_after_the_commit_and_not_before(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks() as waking:
        row = cast.request(at=NOON)
    assert len(waking) == 1
    with django_capture_on_commit_callbacks() as waking, pytest.raises(errors.NotAnApprover):
        cast.decide(row, cast.person("mallory"), at=minutes(1))
    assert waking == []


def test_state_survives_being_written_and_read() -> None:
    row = cast.request(at=NOON, **cast.HIGH)
    cast.decide(row, cast.person("ada"), at=minutes(1))
    cast.decide(row, cast.person("grace"), Verdict.INVESTIGATE, "Why?", at=minutes(2))
    row = queries.request(row.ref)
    state = states.of(row)
    states.write(row, state)
    row.save()
    assert states.of(queries.request(row.ref)) == state
    assert (state.status, state.investigator) == ("investigating", cast.person("grace").pk)


def test_notes_of_attention_carry_their_words(channel: FakeAdapter) -> None:
    row = cast.request(at=NOON)
    timers.fire_due(at=minutes(3))
    timers.fire_due(at=minutes(5))
    words = [d.words for d in queries.deliveries_of(row) if d.kind == "note"]
    assert words[0] == f"Still waiting: {row.ref} must be decided by 12:05:00 UTC on 2 Mar 2026."
    assert words[1].startswith(f"No decision in time: {row.ref} now also waits for managers")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_whoever_is_second_waits_passes_by_or_is_told() -> None:
    """While one transaction holds a request, timers pass by, and a repeated submission is told."""
    row = cast.request(at=NOON)
    agent = row.agent
    heard: dict[str, Any] = {}

    def others() -> None:
        try:
            heard["timer"] = ledger.let_time_pass(row.number, at=minutes(60))
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '200ms'")
            with pytest.raises(InFlight):
                cast.request(agent, idempotency_key="same", at=NOON)
            with pytest.raises(DatabaseError, match="lock timeout"):
                cast.decide(row, lin, at=minutes(1))
            heard["told"] = True
        finally:
            connections.close_all()

    lin = cast.person("lin")
    with transaction.atomic():
        ledger.locked(row.ref)
        cast.request(agent, idempotency_key="same", at=NOON)
        second = threading.Thread(target=others)
        second.start()
        second.join(20)
    assert heard == {"timer": False, "told": True}
    assert queries.request(row.ref).status == "pending"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_with_one_key_make_one_request() -> None:
    agent, _ = cast.agent()
    ids: list[int] = []
    start = threading.Barrier(20)

    def submit() -> None:
        try:
            start.wait(10)
            ids.append(cast.request(agent, idempotency_key="same", at=NOON).pk)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=submit) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(ids) == 20
    assert len(set(ids)) == ApprovalRequest.objects.count() == 1
    assert AuditEvent.objects.filter(type=EventKind.SUBMITTED).count() == 1


def test_the_database_repeats_the_rules() -> None:
    row = cast.request(at=NOON, **cast.HIGH)
    cast.decide(row, cast.person("ada"), at=minutes(1))
    given = Decision.objects.get()
    broken: list[dict[str, Any]] = [
        {"status": "approved"},
        {"status": "nonsense"},
        {"closed_at": NOON},
        {"consumed_at": NOON},
        {"status": "denied", "closed_at": NOON},
    ]
    for columns in broken:
        with pytest.raises(DatabaseError), transaction.atomic():
            ApprovalRequest.objects.filter(pk=row.pk).update(**columns)
    for changes in ({}, {"verdict": "deny", "comment": ""}):
        copy = Decision.objects.get(pk=given.pk)
        copy.pk = None
        for name, value in changes.items():
            setattr(copy, name, value)
        with pytest.raises(DatabaseError), transaction.atomic():
            copy.save(force_insert=True)
    assert deliveries.oldest_due(at=NOON) == 0.0
