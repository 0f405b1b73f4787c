"""Agents, people and policy, by the operators' commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from approvals.models import Agent, AgentKey, AuditEvent, Person
from approvals.services import agents, clock, people
from tests.countersign.commands import Captured, run, told, typed
from tests.support import cast
from tests.support.service import ROOT

pytestmark = pytest.mark.django_db


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


@pytest.mark.parametrize("verb", ["validate", "diff", "apply"])
def test_a_file_that_is_no_text_is_refused_by_its_place(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, verb: str
) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: b\nname: caf\xe9")
    run("policy", verb, str(tmp_path), code=1)
    shown = capfd.readouterr()
    assert "latin.yaml:2:10: not UTF-8" in shown.out + shown.err
