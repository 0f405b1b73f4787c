"""Operators' commands, against the service's own data."""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from approvals import queries
from approvals.domain.terms import Verdict
from approvals.models import Agent, AgentKey, ApprovalRequest, AuditEvent, ChainHead, Person
from approvals.services import agents, clock, people
from countersign import arguments, cli
from tests.support import cast
from tests.support.management.commands.flush import without_triggers
from tests.support.service import ROOT

Captured = pytest.CaptureFixture[str]
pytestmark = pytest.mark.django_db


@contextmanager
def typed(text: str) -> Iterator[None]:
    """Standard input with this on it."""
    kept, sys.stdin = sys.stdin, io.StringIO(text)
    try:
        yield
    finally:
        sys.stdin = kept


def run(*command: str, code: int = 0) -> None:
    assert cli.main(command) == code


def told(capsys: Captured, *command: str, code: int = 0) -> Any:
    """What a command answers in JSON."""
    capsys.readouterr()
    run(*command, "--json", code=code)
    return json.loads(capsys.readouterr().out)


# --- agents


def test_a_new_agents_key_opens_the_api(capsys: Captured) -> None:
    cast.person("sam")
    made = told(capsys, "agent", "add", "robo", "--owner", "SAM@example.com")
    assert set(made) == {"id", "name", "key", "webhook_secret"}
    key = agents.authenticate(made["key"], at=clock.now())
    assert (str(key.agent.pk), key.agent.owner.email if key.agent.owner else None) == (
        made["id"],
        "sam@example.com",
    )


def test_adding_an_agent_again_is_the_same_agent_with_another_key(capsys: Captured) -> None:
    first = told(capsys, "agent", "add", "robo")
    again = told(capsys, "agent", "add", "robo")
    assert again["id"] == first["id"]
    assert again["key"] != first["key"]
    for made in (first, again):
        agents.authenticate(made["key"], at=clock.now())
    assert Agent.objects.count() == 1


def test_an_agent_does_not_change_its_owner_by_being_added_again(capsys: Captured) -> None:
    cast.person("sam")
    cast.person("mallory")
    run("agent", "add", "robo", "--owner", "sam@example.com")
    run("agent", "add", "robo", "--owner", "mallory@example.com", code=1)
    assert "belongs to sam@example.com" in capsys.readouterr().err
    assert AgentKey.objects.count() == 1


def test_an_agent_that_looks_like_another_is_refused(capsys: Captured) -> None:
    run("agent", "add", "robo")
    run("agent", "add", "ROBO", code=1)
    run("agent", "add", "rоbo", code=1)  # a Cyrillic o
    assert Agent.objects.count() == 1


def test_a_stopped_agents_key_opens_nothing_until_it_is_started(capsys: Captured) -> None:
    made = told(capsys, "agent", "add", "robo")
    run("agent", "stop", "robo")
    with pytest.raises(agents.KeyRefused):
        agents.authenticate(made["key"], at=clock.now())
    run("agent", "start", "robo")
    assert agents.authenticate(made["key"], at=clock.now()).agent.name == "robo"


def test_a_key_for_an_unknown_agent_is_refused(capsys: Captured) -> None:
    run("agent", "key", "nobody", code=1)
    assert "There is no agent 'nobody'" in capsys.readouterr().err


def test_the_list_of_agents_shows_no_secret(capsys: Captured) -> None:
    made = told(capsys, "agent", "add", "robo")
    run("agent", "list")
    run("agent", "list", "--json")
    shown = capsys.readouterr().out
    assert "robo" in shown
    assert made["key"] not in shown
    assert made["webhook_secret"] not in shown


# --- people


def test_adding_a_person_twice_changes_nothing(capsys: Captured) -> None:
    cast.policy()
    add = (
        "user",
        "add",
        "Lin@Example.com",
        "--name",
        "Lin",
        "--team",
        "team-leads",
        "--role",
        "manager",
    )
    first = told(capsys, *add)
    events = AuditEvent.objects.count()
    assert told(capsys, *add) == first == {"id": first["id"], "email": "lin@example.com"}
    assert AuditEvent.objects.count() == events
    person = Person.objects.get()
    assert (person.role, [team.name for team in person.teams.all()]) == ("manager", ["team-leads"])


def test_a_persons_manager_must_be_known(capsys: Captured) -> None:
    run("user", "add", "lin@example.com", "--manager", "ada@example.com", code=1)
    assert "Nobody here has the address" in capsys.readouterr().err
    assert Person.objects.count() == 0


@pytest.mark.parametrize("bad", ["nope", ""])
def test_what_is_no_address_is_refused(capsys: Captured, bad: str) -> None:
    run("user", "add", bad, code=1)
    assert "not an e-mail address" in capsys.readouterr().err


def test_an_unknown_team_names_the_known_ones_and_adds_nobody(capsys: Captured) -> None:
    cast.policy()
    run("user", "add", "lin@example.com", "--team", "leads", code=1)
    assert "team-leads" in capsys.readouterr().err
    assert Person.objects.count() == 0


def test_a_password_comes_from_standard_input_and_a_weak_one_is_refused(capsys: Captured) -> None:
    with typed("password\n"):
        run("user", "add", "lin@example.com", "--password-stdin", code=1)
    assert "too common" in capsys.readouterr().err
    assert Person.objects.count() == 0
    with typed("correct-horse-battery\n"):
        run("user", "add", "lin@example.com", "--password-stdin")
    assert Person.objects.get().check_password("correct-horse-battery")


def test_a_token_has_the_scopes_it_was_given(capsys: Captured) -> None:
    cast.person("lin")
    made = told(capsys, "user", "token", "lin@example.com", "--scope", "requests:read")
    assert people.authenticate_token(made["token"], at=clock.now()).scopes == ["requests:read"]
    run("user", "token", "lin@example.com", "--scope", "everything", code=1)
    assert "requests:decide" in capsys.readouterr().err


def test_an_account_belongs_to_one_person(capsys: Captured) -> None:
    cast.person("lin")
    cast.person("mallory")
    run("user", "link", "lin@example.com", "slack", "U1")
    run("user", "link", "lin@example.com", "slack", "U1")
    run("user", "link", "mallory@example.com", "slack", "U1", code=1)
    found = people.by_identity(kind="slack", external_id="U1")
    assert (found.email if found else None) == "lin@example.com"
    assert AuditEvent.objects.get(type="person.linked").actor.startswith("operator:")


def test_people_are_listed_with_their_teams(capsys: Captured) -> None:
    cast.person("grace")
    assert told(capsys, "user", "list")[0]["teams"] == ["security"]
    run("user", "list")
    assert "grace@example.com" in capsys.readouterr().out


# --- policy


def test_the_shipped_policy_is_valid_and_applied_twice_changes_nothing(capsys: Captured) -> None:
    run("policy", "validate")
    assert told(capsys, "policy", "apply", "policies")["changed"] is True
    assert told(capsys, "policy", "apply", "policies")["changed"] is False
    run("policy", "apply", "policies")
    assert "Nothing changed" in capsys.readouterr().out
    run("policy", "diff", "policies")


def test_a_bad_policy_names_its_place_and_leaves_the_good_one(
    capsys: Captured, tmp_path: Path
) -> None:
    cast.policy()
    good = (ROOT / "policies" / "default.yaml").read_text()
    (tmp_path / "bad.yaml").write_text(good.replace("quorum: 2", "quorom: 2"))
    problems = told(capsys, "policy", "validate", str(tmp_path), code=1)["problems"]
    assert problems[0]["file"] == "bad.yaml"
    assert problems[0]["line"] > 1
    run("policy", "apply", str(tmp_path), code=1)
    assert re.search(r"bad\.yaml:\d+:\d+: .*stays", capsys.readouterr().err, re.DOTALL)


def test_a_difference_is_shown_and_ends_with_one(capsys: Captured, tmp_path: Path) -> None:
    cast.policy()
    (tmp_path / "default.yaml").write_text(
        (ROOT / "policies" / "default.yaml").read_text().replace("timeout: 5m", "timeout: 6m")
    )
    run("policy", "diff", str(tmp_path), code=1)
    assert "+    timeout: 6m" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["validate", "diff", "apply"])
def test_a_path_without_policies_is_wrong_usage(tmp_path: Path, verb: str) -> None:
    run("policy", verb, str(tmp_path), code=2)
    run("policy", verb, str(tmp_path / "nowhere"), code=2)
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9")
    run("policy", verb, str(tmp_path), code=2)


# --- requests


def test_what_waits_is_listed_and_what_was_decided_only_when_asked_for(capsys: Captured) -> None:
    waiting, done = cast.request(), cast.approved()
    assert [row["ref"] for row in told(capsys, "list")] == [waiting.ref]
    assert [row["ref"] for row in told(capsys, "list", "--all")] == [done.ref, waiting.ref]
    assert [row["ref"] for row in told(capsys, "list", "--status", "approved")] == [done.ref]
    assert told(capsys, "list", "--agent", "nobody") == []
    run("list")
    assert "scale_deployment" in capsys.readouterr().out


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


# --- audit


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


# --- the command itself


@pytest.mark.parametrize(
    "command", [(), ("agent",), ("agent", "add"), ("frobnicate",), ("list", "--limit", "0")]
)
def test_wrong_usage_is_two(command: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(command)
    assert ended.value.code == 2


def test_every_command_is_documented() -> None:
    page = (ROOT / "docs" / "cli.md").read_text()
    missing = [name for name in _commands() if f"### `countersign {name}`" not in page]
    assert missing == []
    undone = set(re.findall(r"### `countersign (.+?)`", page)) - set(_commands())
    assert undone == set()


def test_settings_that_cannot_be_read_are_told_and_not_guessed(tmp_path: Path) -> None:
    ended = alone("list", PORT="abc", DATA_DIR=str(tmp_path))
    assert (ended.returncode, "PORT is 'abc'" in ended.stderr) == (3, True)
    doctor = alone("doctor", "--json", PORT="abc", DATA_DIR=str(tmp_path))
    assert doctor.returncode == 1
    assert json.loads(doctor.stdout)["findings"][0]["level"] == "FAIL"


def test_a_database_that_is_away_is_could_not_tell(tmp_path: Path) -> None:
    ended = alone("list", DATABASE_URL="postgres://a:b@127.0.0.1:1/c", DATA_DIR=str(tmp_path))
    assert ended.returncode == 3
    assert "The database could not be asked" in ended.stderr


def test_the_client_alone_loads_neither_django_nor_the_service() -> None:
    program = (
        "import sys, countersign, countersign.cli as c\n"
        "c.arguments.parser()\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('django', 'approvals')])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "[]"


def alone(*command: str, **env: str) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "countersign", *command],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def _commands() -> list[str]:
    return sorted(_below(arguments.parser(), ""))


def _below(parser: argparse.ArgumentParser, path: str) -> list[str]:
    groups = [
        each.choices for each in parser._actions if isinstance(each, argparse._SubParsersAction)
    ]
    if not groups:
        return [path]
    return [
        name
        for word, below in groups[0].items()
        for name in _below(below, f"{path} {word}".strip())
    ]
