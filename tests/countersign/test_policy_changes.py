"""Changing the policy by the operators' commands: test, diff, simulate and apply."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from approvals.models import ApprovalRequest, AuditEvent, PolicyVersion
from approvals.services import policies
from tests.countersign.commands import Captured, run, told
from tests.services.test_replay import SMALL
from tests.support import cast
from tests.support.service import ROOT

needs_data = pytest.mark.django_db(transaction=True)
DEFAULT = (ROOT / "policies" / "default.yaml").read_text()
WEAK = ("{name: drop_database, approval: forbidden", "{name: drop_database, risk: critical")
STRICT = ("{name: scale_up, risk: medium", "{name: scale_up, approval: forbidden")


def draft(directory: Path, *changes: tuple[str, str]) -> str:
    """A directory with the default policy, changed."""
    text = DEFAULT
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    (directory / "default.yaml").write_text(text)
    return str(directory)


# --- test: needs no database, so these have none ----------------------------------------------


def test_the_shipped_examples_are_judged_as_they_say(capsys: Captured) -> None:
    result = told(capsys, "policy", "test", "policies")
    assert (result["failed"], result["passed"] >= 15) == (0, True)
    run("policy", "test", "policies/default.test.yaml")
    assert "ok      Viewing logs is approved by policy" in capsys.readouterr().out


def test_what_came_instead_is_told_by_the_line_that_expected_it(
    capsys: Captured, tmp_path: Path
) -> None:
    draft(tmp_path, WEAK)
    (tmp_path / "default.test.yaml").write_text((ROOT / "policies/default.test.yaml").read_text())
    run("policy", "test", str(tmp_path), code=1)
    said = capsys.readouterr().out
    assert "FAILED  No agent drops a database, whatever it claims" in said
    line = next(line for line in said.splitlines() if "verdict is required, not forbidden" in line)
    number = int(line.split("default.test.yaml:")[1].split(":")[0])
    written = (tmp_path / "default.test.yaml").read_text().splitlines()[number - 1]
    assert "status: denied" in written
    [failed] = [
        each
        for each in told(capsys, "policy", "test", str(tmp_path), code=1)["examples"]
        if not each["ok"]
    ]
    assert failed["misses"][0] | {"line": 0} == {
        "file": "default.test.yaml",
        "line": 0,
        "what": "verdict",
        "expected": "forbidden",
        "came": "required",
    }


def test_a_policy_or_an_example_that_cannot_be_read_is_a_no(
    capsys: Captured, tmp_path: Path
) -> None:
    draft(tmp_path)
    (tmp_path / "a.test.yaml").write_text("- {name: x, request: {actoin: a}, expect: {risk: low}}")
    problems = told(capsys, "policy", "test", str(tmp_path), code=1)["problems"]
    assert (problems[0]["file"], problems[0]["line"]) == ("a.test.yaml", 1)
    (tmp_path / "a.test.yaml").write_text("[]")
    draft(tmp_path, ("quorum: 2", "quorom: 2"))
    run("policy", "test", str(tmp_path), code=1)
    assert "Nothing was tested" in capsys.readouterr().out


def test_nothing_to_test_is_wrong_usage(tmp_path: Path) -> None:
    run("policy", "test", str(tmp_path), code=2)
    run("policy", "test", str(tmp_path / "nowhere"), code=2)
    run("policy", "test", draft(tmp_path), code=2)
    run("policy", "test", str(tmp_path / "default.yaml"), code=2)


# --- diff -------------------------------------------------------------------------------------


@needs_data
def test_a_difference_says_first_what_is_lost_and_gained(capsys: Captured, tmp_path: Path) -> None:
    cast.policy()
    run("policy", "diff", draft(tmp_path, WEAK, STRICT), code=1)
    said = capsys.readouterr().out
    weaker, stricter = said.index("Weaker (somebody else"), said.index("Stricter:")
    assert weaker < stricter < said.index("--- in force/default.yaml")
    assert "was drop_database (forbidden), is drop_database (of risk critical)" in said
    assert "scale_up is always forbidden" in said
    answer = told(capsys, "policy", "diff", str(tmp_path), code=1)
    assert (len(answer["weakens"]), len(answer["strengthens"]), answer["in_force"]) == (1, 1, 1)


@needs_data
def test_a_first_policy_and_one_with_other_words_are_told_as_such(
    capsys: Captured, tmp_path: Path
) -> None:
    run("policy", "diff", draft(tmp_path), code=1)
    assert "would be the first" in capsys.readouterr().out
    cast.policy()
    run("policy", "diff", str(tmp_path))
    run("policy", "diff", draft(tmp_path, ("costs money", "costs")), code=1)
    assert "Neither weaker nor stricter" in capsys.readouterr().out


# --- apply ------------------------------------------------------------------------------------


@needs_data
def test_what_is_weaker_is_proposed_and_what_is_stricter_applied(
    capsys: Captured, tmp_path: Path
) -> None:
    cast.policy()
    run("policy", "apply", draft(tmp_path, STRICT))
    assert "Policy version 2 is in force" in capsys.readouterr().out
    weak = draft(tmp_path, STRICT, WEAK)
    run("policy", "apply", weak, "--commit", "abc", "--reason", "A migration.", code=3)
    [row] = ApprovalRequest.objects.all()
    said = capsys.readouterr().out
    assert f"waits for approval {row.ref}; version 2 stays in force" in said
    assert "drop_database (forbidden)" in said
    assert "nobody is kept from approving it" in said
    answer = told(capsys, "policy", "apply", weak, code=3)
    assert (answer["status"], answer["request"], answer["changed"]) == ("proposed", row.ref, False)
    assert ApprovalRequest.objects.count() == 1
    assert policies.current().version == 2


@needs_data
def test_a_person_who_is_named_as_author_asked_for_it(tmp_path: Path, capsys: Captured) -> None:
    ada = cast.person("ada")
    run("policy", "apply", draft(tmp_path, WEAK), "--author", "Ada@example.com", code=3)
    assert ApprovalRequest.objects.get().owner_at_submission == ada
    assert "Ada proposed it and cannot approve it." in capsys.readouterr().out


@needs_data
@pytest.mark.parametrize("author", ["adda@example.com", "ada", ""])
@pytest.mark.parametrize("change", [WEAK, STRICT])
def test_an_author_whom_nobody_knows_is_refused(
    tmp_path: Path, capsys: Captured, author: str, change: tuple[str, str]
) -> None:
    cast.person("ada")
    cast.policy()
    run("policy", "apply", draft(tmp_path, change), "--author", author, code=2)
    assert "Nothing was applied or proposed" in capsys.readouterr().err
    assert (ApprovalRequest.objects.count(), policies.current().version) == (0, 1)


@needs_data
def test_breaking_the_glass_needs_a_reason_and_is_told(capsys: Captured, tmp_path: Path) -> None:
    cast.policy()
    weak = draft(tmp_path, WEAK)
    run("policy", "apply", weak, "--break-glass", code=1)
    assert "takes a reason" in capsys.readouterr().err
    run("policy", "apply", weak, "--break-glass", "--reason", "Nobody is there.")
    assert "The glass was broken" in capsys.readouterr().out
    event = AuditEvent.objects.filter(type="policy.applied").order_by("-pk").first()
    assert event is not None
    assert event.entry["detail"]["break_glass"] is True
    assert PolicyVersion.objects.count() == 2


@needs_data
def test_warnings_are_told_and_keep_nothing_back(capsys: Captured, tmp_path: Path) -> None:
    answer = told(capsys, "policy", "apply", draft(tmp_path))
    assert answer["status"] == "applied"
    assert isinstance(answer["warnings"], list)


# --- simulate ---------------------------------------------------------------------------------


@needs_data
def test_a_simulation_lists_first_what_would_stop_being_asked(
    capsys: Captured, tmp_path: Path
) -> None:
    row = cast.request(action="scale_up", **SMALL)
    cast.request(action="create_ticket", **SMALL)
    looser = draft(
        tmp_path,
        ("{name: scale_up, risk: medium,", "{name: scale_up, risk: medium, approval: auto,"),
        ("{name: create_ticket, approval: auto, risk: low", "{name: create_ticket, risk: high"),
    )
    run("policy", "simulate", looser)
    said = capsys.readouterr().out
    assert "Last 30 days, 2 requests: 0 same, 1 would now ask, 1 would stop asking." in said
    assert said.index("Would stop asking (1):") < said.index("Would now ask (1):")
    assert f"{row.ref}  robo: scale_up on production-api" in said
    assert "Not replayed: rates and cooldowns" in said
    answer = told(capsys, "policy", "simulate", looser, "--days", "1")
    assert answer["changes"][0]["request"] == row.ref
    assert answer["changes"][0]["effect"] == "stops_asking"


@needs_data
def test_a_simulation_without_a_policy_in_force_says_what_to_do(
    capsys: Captured, tmp_path: Path
) -> None:
    run("policy", "simulate", draft(tmp_path), code=1)
    assert "countersign policy apply" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run("policy", "simulate", str(tmp_path), "--days", "0")


# --- the page about GitOps ----------------------------------------------------------------------

PAGE = (ROOT / "docs" / "gitops.md").read_text()
BLOCKS = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]


def test_the_examples_on_the_page_are_judged_as_they_say(tmp_path: Path) -> None:
    draft(tmp_path)
    (tmp_path / "page.test.yaml").write_text(yaml.safe_dump(BLOCKS[0]))
    run("policy", "test", str(tmp_path))


@needs_data
def test_the_hooks_run_commands_that_exist(capsys: Captured) -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert {hook["id"] for hook in hooks} == {
        hook["id"] for repo in BLOCKS[1]["repos"] for hook in repo["hooks"]
    }
    for hook in hooks:
        command, *words = hook["entry"].split()
        assert command == "countersign"
        run(*words, *hook["args"])


def test_the_workflow_pins_everything_by_hash() -> None:
    steps = [step for job in BLOCKS[2]["jobs"].values() for step in job["steps"]]
    used = [step["uses"] for step in steps if "uses" in step]
    assert len(used) == 4
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", name) for name in used)
    assert all(
        "--require-hashes" in line or "--no-deps" in line
        for step in steps
        for line in step.get("run", "").splitlines()
        if "pip install" in line
    )
