"""`countersign policy validate` and `schema`, as a shell in a repository of policies runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from approvals.services import clock, policies
from tests.countersign.commands import Captured, run, told
from tests.support import cast

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = (ROOT / "policies" / "default.yaml").read_text()
BAD = "agent: bot\nactions:\n  alowed: [look]\nscoop: {}\n"
TWICE = "actions: [{name: scale, risk: low}, {name: scale, risk: low}]\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "default.yaml").write_text(DEFAULT)
    return tmp_path


def lonely(*command: str, data: Path) -> subprocess.CompletedProcess[str]:
    """A machine that has never seen the service: no database, and no settings but where it may write."""
    return subprocess.run(
        [sys.executable, "-m", "countersign", *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(data)},
    )


def test_without_any_service_files_are_valid_or_not(files: Path) -> None:
    data = files / "none"
    good = lonely("policy", "validate", str(files), data=data)
    assert good.returncode == 0, good.stderr
    assert good.stdout == (
        "Valid: 1 file, 28 action rules, 4 teams, 0 warnings. "
        "No service's data was found, so warnings that need it are left out.\n"
    )
    (files / "bad.yaml").write_text(BAD)
    bad = lonely("policy", "validate", str(files), data=data)
    assert (bad.returncode, bad.stderr) == (1, "")
    assert bad.stdout.splitlines() == [
        "bad.yaml:3:3: actions.alowed: 'alowed' is not known here; did you mean 'allowed'?",
        "bad.yaml:4:1: scoop: 'scoop' is not known here; did you mean 'scope'?",
        "Not valid: 2 problems in 1 file. Nothing was applied; mend them and validate again.",
    ]
    assert not list(data.glob("*.sqlite3"))


@pytest.mark.django_db
def test_problems_are_given_to_programs_with_their_key_and_the_word_meant(
    files: Path, capsys: Captured
) -> None:
    (files / "bad.yaml").write_text(BAD)
    answer = told(capsys, "policy", "validate", str(files), code=1)
    assert (answer["valid"], answer["warnings"]) == (False, [])
    assert answer["problems"][0] == {
        "file": "bad.yaml",
        "line": 3,
        "column": 3,
        "key": "actions.alowed",
        "words": "'alowed' is not known here; did you mean 'allowed'?",
        "suggestion": "allowed",
    }


@pytest.mark.django_db
def test_warnings_are_a_yes_unless_they_shall_be_a_no(files: Path, capsys: Captured) -> None:
    for name in cast.TEAMS:
        cast.person(name)
    (files / "twice.yaml").write_text(TWICE)
    answer = told(capsys, "policy", "validate", str(files))
    assert answer["valid"]
    [warning] = [each for each in answer["warnings"] if each["file"] == "twice.yaml"][-1:]
    assert (warning["code"], warning["line"], warning["column"]) == ("shadowed", 1, 37)
    run("policy", "validate", str(files), "--strict", code=1)
    shown = capsys.readouterr().out
    assert "twice.yaml:1:37: warning: twice.scale changes nothing" in shown
    assert shown.splitlines()[-1].startswith("Valid: 2 files, 30 action rules, 4 teams, ")


@pytest.mark.django_db
def test_what_the_service_knows_is_told(files: Path, capsys: Captured) -> None:
    robo, _ = cast.agent()
    (files / "unused.yaml").write_text("actions: [{name: levitate, risk: low}]\n")
    cast.policy()
    policies.apply(
        files=policies.read_directory(files), author="t", actor=cast.OPERATOR, at=clock.now()
    )
    cast.request(robo, at=clock.now() - timedelta(days=1))
    early = told(capsys, "policy", "validate", str(files))
    assert "matches_nothing" not in {each["code"] for each in early["warnings"]}
    cast.request(robo, at=clock.now() - timedelta(days=91))
    answer = told(capsys, "policy", "validate", str(files))
    assert answer["service_data_known"]
    found = {(each["file"], each["code"]) for each in answer["warnings"]}
    assert ("unused.yaml", "matches_nothing") in found
    assert not any("scale_deployment matched" in each["words"] for each in answer["warnings"])


@pytest.mark.django_db
def test_teams_nobody_is_in_are_told_where_a_service_is(files: Path, capsys: Captured) -> None:
    answer = told(capsys, "policy", "validate", str(files))
    empty = [each for each in answer["warnings"] if each["code"] == "team_without_members"]
    assert len(empty) == 4


def test_a_part_of_a_policy_is_valid_and_said_to_be_one(tmp_path: Path) -> None:
    answer = lonely("policy", "validate", "examples/policies", "--json", data=tmp_path)
    found = json.loads(answer.stdout)
    assert found["valid"]
    assert "no_risk_matrix" in {each["code"] for each in found["warnings"]}
    plain = lonely("policy", "validate", "examples/policies", data=tmp_path).stdout
    assert "they cannot be applied alone. Copy policies/default.yaml beside them" in plain


@pytest.mark.parametrize("extra", [(), ("--json",)])
def test_the_schema_is_printed_for_editors(capsys: Captured, extra: tuple[str, ...]) -> None:
    run("policy", "schema", *extra)
    found = json.loads(capsys.readouterr().out)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "circuit_breakers" in found["$defs"]["policy"]["properties"]
