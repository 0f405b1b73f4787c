"""Requests and history, by the operators' commands: what is shown, proved and handed out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from approvals import queries
from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest, AuditEvent, ChainHead
from approvals.services import clock, grants, lifecycle
from tests.countersign.commands import Captured, run, told
from tests.support import cast
from tests.support.management.commands.flush import without_triggers

pytestmark = pytest.mark.django_db


def test_what_waits_is_listed_and_what_was_decided_only_when_asked_for(capsys: Captured) -> None:
    waiting, done = cast.request(), cast.approved()
    assert [row["ref"] for row in told(capsys, "list")] == [waiting.ref]
    assert [row["ref"] for row in told(capsys, "list", "--all")] == [done.ref, waiting.ref]
    assert [row["ref"] for row in told(capsys, "list", "--status", "approved")] == [done.ref]
    assert told(capsys, "list", "--agent", "nobody") == []
    run("list")
    assert "scale_deployment" in capsys.readouterr().out


def test_a_card_shared_by_identical_requests_says_how_many_and_which(capsys: Captured) -> None:
    row, same = cast.request(), cast.request()
    run("list")
    assert f"{row.target} ×2" in capsys.readouterr().out
    run("show", row.ref)
    assert f"A decision also decides {same.ref}, identical." in capsys.readouterr().out
    run("show", same.ref)
    assert "A decision also decides" not in capsys.readouterr().out


def test_a_request_is_shown_with_its_history_and_without_control_codes(capsys: Captured) -> None:
    row = cast.request(reasoning="fine\x1b[2J\x1b[1;1Happroved by Ada", target="api\u202e")
    run("show", row.ref)
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "⟦U+001B⟧" in shown
    assert "request.submitted" in shown
    assert "to_replicas = 8" in shown
    assert told(capsys, "show", row.ref)["submission"]["parameters"]["to_replicas"] == 8


def test_what_people_asked_and_the_agent_answered_is_shown(capsys: Captured) -> None:
    row = cast.request()
    cast.decide(row, cast.person("Lin"), Verdict.INVESTIGATE, comment="Why at noon?")
    lifecycle.add_message(ref=row.ref, agent=row.agent, text="CPU is at 85 %.", at=clock.now())
    run("show", row.ref)
    shown = capsys.readouterr().out
    assert "Why at noon?" in shown
    assert "the agent: CPU is at 85 %." in shown


@pytest.mark.parametrize("ref", ["REQ-99", "nonsense", "REQ-٣"])
def test_an_unknown_request_is_no(capsys: Captured, ref: str) -> None:
    run("show", ref, code=1)
    run("watch", ref, code=1)
    assert "There is no request" in capsys.readouterr().err


def test_watching_ends_with_the_decision(capsys: Captured) -> None:
    run("watch", cast.approved().ref)
    assert "request.approved" in capsys.readouterr().out
    denied = cast.decide(cast.request(), cast.person("lin"), Verdict.DENY, "No.")
    run("watch", denied.ref, "--json", code=1)
    assert [json.loads(line)["type"] for line in capsys.readouterr().out.splitlines()][
        -1
    ] == "request.denied"
    run("watch", cast.request().ref, "--wait", "0", code=3)


def test_whole_history_is_intact(capsys: Captured) -> None:
    row = cast.approved()
    facts = told(capsys, "audit", "verify")
    assert facts == {
        "intact": True,
        "chains": 2,
        "events": AuditEvent.objects.count(),
        "broken": None,
    }
    assert told(capsys, "audit", "verify", row.ref)["chains"] == 1


@contextmanager
def history_unguarded() -> Iterator[None]:
    """What somebody with the database's own rights can do."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # or it will not let go of its triggers
    with without_triggers(connection):
        yield


def tamper(event: AuditEvent, **columns: Any) -> None:
    with history_unguarded():
        AuditEvent.objects.filter(pk=event.pk).update(**columns)


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"entry": {"chain": "x"}}, "event 1 is missing"),
        ({"entry": []}, "event 1 is missing"),
        ({"hash": "0" * 64}, "changed after it was written"),
        ({"actor": "person:mallory@example.com"}, "column actor"),
        ({"type": "request.denied"}, "column type"),
    ],
    ids=str,
)
def test_a_changed_event_is_named(capsys: Captured, columns: dict[str, Any], why: str) -> None:
    row = cast.approved()
    tamper(queries.events_of(row)[1], **columns)
    broken = told(capsys, "audit", "verify", code=1)["broken"]
    assert (broken["chain"], broken["seq"]) == (row.ref, 1)
    assert why in broken["why"]
    run("audit", "verify", row.ref, code=1)
    assert f"BROKEN: {row.ref}, event 1" in capsys.readouterr().out


def test_another_content_under_the_old_hash_is_found(capsys: Captured) -> None:
    row = cast.approved()
    event = queries.events_of(row)[1]
    tamper(event, entry={**event.entry, "actor": "person:mallory@example.com"})
    assert "changed after" in told(capsys, "audit", "verify", code=1)["broken"]["why"]


def test_a_removed_event_is_found(capsys: Captured) -> None:
    row = cast.approved()
    with history_unguarded():
        AuditEvent.objects.filter(request=row, seq=0).delete()
    assert told(capsys, "audit", "verify", code=1)["broken"]["seq"] == 0


def test_a_cut_off_tail_is_found(capsys: Captured) -> None:
    row = cast.approved()
    with history_unguarded():
        queries.events_of(row).filter(seq=1).delete()
    assert "ends after 1" in told(capsys, "audit", "verify", code=1)["broken"]["why"]


def test_a_request_that_says_otherwise_than_its_history_is_found(capsys: Captured) -> None:
    row = cast.request()
    ApprovalRequest.objects.filter(pk=row.pk).update(
        status="approved", basis="person", closed_at=clock.now()
    )
    assert "its history pending" in told(capsys, "audit", "verify", code=1)["broken"]["why"]


def test_changed_parameters_are_found(capsys: Captured) -> None:
    row = cast.request()
    changed = {**row.submission, "parameters": {"to_replicas": 80}}
    ApprovalRequest.objects.filter(pk=row.pk).update(submission=changed)
    assert "not what was submitted" in told(capsys, "audit", "verify", code=1)["broken"]["why"]


def test_a_chain_whose_head_was_taken_away_is_found(capsys: Captured) -> None:
    cast.request()
    ChainHead.objects.all().delete()
    assert told(capsys, "audit", "verify", code=1)["broken"] == {
        "chain": "service",
        "seq": 0,
        "why": "its chain is missing",
    }


def test_history_is_exported_whole_and_the_export_is_history(capsys: Captured) -> None:
    cast.request(target="=HYPERLINK(1)")
    run("audit", "export")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == AuditEvent.objects.count()
    assert lines[-1]["type"] == "audit.exported"
    run("audit", "export", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == AuditEvent.objects.count()
    assert "'=HYPERLINK(1)" in {row["target"] for row in rows}
    run("audit", "export", "--format", "csv", "--json", code=2)


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        (lambda row: row.decisions.update(comment="I never said this."), "the decisions are not"),
        (lambda row: row.decisions.all().delete(), "the decisions are not"),
        (lambda _: ApprovalRequest.objects.update(closed_by="Mallory"), "closed by Mallory"),
        (lambda _: ApprovalRequest.objects.update(consumed_at=None), "approval was used"),
    ],
)
def test_rows_that_tell_another_story_than_history_are_found(
    capsys: Captured, tamper: Callable[[ApprovalRequest], object], words: str
) -> None:
    row = cast.approved()
    grants.consume(ref=row.ref, agent=row.agent, key="once", parameters=None, at=clock.now())
    run("audit", "verify")
    tamper(row)
    run("audit", "verify", code=1)
    assert words in capsys.readouterr().out
