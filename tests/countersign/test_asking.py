"""Asking and deciding from a shell, over HTTP."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from typing import Any

import pytest

from approvals import queries
from approvals.models import AgentStage, SuggestionMark
from approvals.services import clock
from countersign import cli
from tests.support import cast
from tests.support.service import ROOT

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def shell(live: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of somebody who is both Robo and Lin, for brevity."""
    monkeypatch.setenv("COUNTERSIGN_URL", live)
    monkeypatch.setenv("COUNTERSIGN_KEY", cast.agent()[1])
    monkeypatch.setenv("COUNTERSIGN_TOKEN", cast.token(cast.person("lin")))


RESTART = ("request", "restart_service", "checkout", "--param", "replicas=2")


@pytest.mark.usefixtures("shell")
class TestRequest:
    def test_an_approved_request_is_zero(self, capsys: Captured) -> None:
        assert cli.main(["request", "view_logs", "checkout", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["basis"] == "policy"

    def test_a_forbidden_one_is_one(self) -> None:
        assert cli.main(["request", "drop_database", "orders"]) == 1

    def test_one_that_policy_refused_says_which_check_did(self, capsys: Captured) -> None:
        assert cli.main(["request", "drop_database", "orders"]) == 1
        refused = [
            check["words"]
            for check in queries.requests().get().evaluation
            if check.get("leads_to") == "forbidden"
        ]
        said = capsys.readouterr().out
        assert refused
        assert all(words in said for words in refused)

    def test_what_an_action_touches_and_reaches_is_sent(self) -> None:
        cli.main(
            [
                *RESTART,
                *("--resource-namespace", "production", "--resource-type", "service"),
                *("--recipient", "a@example.com", "--recipient", "b@example.com", "--aggregated"),
                *("--data-class", "confidential", "--impact", "pods=4", "--impact", "users=12.5"),
            ]
        )
        submission = queries.requests().get().submission
        assert submission["resource"] == {"namespace": "production", "type": "service"}
        assert submission["recipients"] == ["a@example.com", "b@example.com"]
        assert (submission["data_classification"], submission["aggregated"]) == (
            "confidential",
            True,
        )
        assert submission["impact"] == {"pods": 4, "users": 12.5}

    def test_an_impact_is_not_guessed(self, capsys: Captured) -> None:
        assert cli.main([*RESTART, "--impact", "pods=many"]) == 2
        assert "--impact pods" in capsys.readouterr().err

    def test_one_that_waits_is_three_and_says_where(self, capsys: Captured) -> None:
        assert cli.main([*RESTART, "--reason", "memory"]) == 3
        assert "/r/REQ-" in capsys.readouterr().out
        assert cli.main([*RESTART, "--wait", "1"]) == 3

    def test_the_same_key_asks_once(self) -> None:
        for _ in range(2):
            cli.main([*RESTART, "--idempotency-key", "once"])
        assert queries.requests().count() == 1

    @pytest.mark.parametrize(
        "param", ["replicas", "=2", "name=bob", "a=1,", "a=NaN", 'a={"b":1,"b":2}']
    )
    def test_a_parameter_is_not_guessed(self, capsys: Captured, param: str) -> None:
        assert cli.main(["request", "restart_service", "checkout", "--param", param]) == 2
        assert "Nothing was asked" in capsys.readouterr().err
        assert queries.requests().count() == 0

    def test_a_refused_request_is_one_and_says_why(self, capsys: Captured) -> None:
        assert cli.main(["request", "Restart Service", "checkout"]) == 1
        assert "snake_case" in capsys.readouterr().err


@pytest.mark.usefixtures("shell")
class TestDecide:
    def test_a_denial_counts(self, capsys: Captured) -> None:
        row = cast.request()
        assert cli.main(["deny", row.ref, "--reason", "Not now"]) == 0
        assert queries.request(row.ref).status == "denied"
        assert "denied by Lin" in capsys.readouterr().out

    def test_yes_approves_what_is_not_critical(self) -> None:
        row = cast.request()
        assert cli.main(["approve", row.ref, "--yes", "--comment", "Seen"]) == 0
        decision = queries.request(row.ref).decisions.get()
        assert (decision.comment, decision.shown_sha256) == ("Seen", row.action_sha256)

    def test_yes_never_approves_what_is_critical(
        self, capsys: Captured, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COUNTERSIGN_TOKEN", cast.token(cast.person("chen")))
        row = cast.request(**cast.CRITICAL)
        assert cli.main(["approve", row.ref, "--yes"]) == 2
        assert "is critical" in capsys.readouterr().err
        assert queries.request(row.ref).decisions.count() == 0

    def test_a_pipe_cannot_say_yes(self) -> None:
        row = cast.request()
        ended = subprocess.run(
            f"yes | {sys.executable} -m countersign approve {row.ref}",
            shell=True,
            cwd=ROOT,
            env=dict(os.environ),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ended.returncode == 2
        assert "nobody at a terminal" in ended.stderr
        assert queries.request(row.ref).decisions.count() == 0

    def test_a_person_at_a_terminal_reads_everything_and_confirms(self) -> None:
        row = cast.request(
            parameters={"to_replicas": 8, "note": "a\nparameter to_replicas = 1\x1b[2J"}
        )
        code, seen = at_terminal(["approve", row.ref], "yes")
        assert (code, queries.request(row.ref).status) == (0, "approved")
        lines = seen.splitlines()
        assert 'parameter "to_replicas" = 8' in seen
        assert "action: scale_deployment" in seen
        assert "target: production-api" in seen
        assert "\x1b[2J" not in seen
        assert not any(re.fullmatch(r"\s*parameter to_replicas = 1.*", line) for line in lines)

    def test_identical_requests_are_named_before_and_after(self) -> None:
        row, same = cast.request(), cast.request()
        code, seen = at_terminal(["approve", row.ref], "yes")
        assert (code, queries.request(same.ref).status) == (0, "approved")
        assert f"This also approves {same.ref}, identical." in seen
        assert f"It counts for the identical {same.ref} as well." in seen

    def test_a_denial_names_the_identical_requests_before(self, capsys: Captured) -> None:
        row, same = cast.request(), cast.request()
        assert cli.main(["deny", row.ref, "--reason", "No"]) == 0
        assert f"This also denies {same.ref}, identical." in capsys.readouterr().err
        assert queries.request(same.ref).status == "denied"

    def test_one_that_joined_a_card_decides_itself_alone(self, capsys: Captured) -> None:
        row, same = cast.request(), cast.request()
        assert cli.main(["approve", same.ref, "--yes"]) == 0
        assert "This also" not in capsys.readouterr().err
        assert queries.request(row.ref).status == "pending"

    def test_recipients_and_the_agents_reason_are_read_before(self) -> None:
        row = cast.request(recipients=["eve@example.com", "bob\x1b[2J"], reasoning="Load\nis high")
        code, seen = at_terminal(["approve", row.ref], "yes")
        assert code == 0
        assert "recipients (2):" in seen
        assert "    eve@example.com" in seen
        assert "\x1b[2J" not in seen
        assert re.search(r"the agent says \(not checked\): Load\S+is high", seen)

    def test_anything_but_the_word_is_no(self) -> None:
        row = cast.request()
        code, _ = at_terminal(["approve", row.ref], "y")
        assert (code, queries.request(row.ref).status) == (1, "pending")

    def test_what_is_critical_is_confirmed_by_its_name(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COUNTERSIGN_TOKEN", cast.token(cast.person("chen")))
        row = cast.request(**cast.CRITICAL)
        assert at_terminal(["approve", row.ref], "yes")[0] == 1
        code, seen = at_terminal(["approve", row.ref], row.ref)
        assert (code, "still waits" in seen) == (0, True)
        assert queries.request(row.ref).decisions.count() == 1

    def test_what_is_decided_cannot_be_approved_again(self, capsys: Captured) -> None:
        assert cli.main(["approve", cast.approved().ref, "--yes"]) == 1
        assert "Nothing is left to decide" in capsys.readouterr().err

    def test_who_is_no_approver_is_told_so(
        self, capsys: Captured, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COUNTERSIGN_TOKEN", cast.token(cast.person("mallory")))
        assert cli.main(["approve", cast.request().ref, "--yes"]) == 1
        assert "you are not one of them" in capsys.readouterr().err

    def test_an_agents_key_decides_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COUNTERSIGN_TOKEN", cast.agent()[1])
        row = cast.request()
        assert cli.main(["approve", row.ref, "--yes"]) == 1
        assert queries.request(row.ref).status == "pending"


@pytest.mark.usefixtures("shell")
def test_a_suggestion_is_marked_once(capsys: Captured) -> None:
    row = cast.request()
    assert cli.main(["mark", row.ref, "right"]) == 1
    assert "is no suggestion" in capsys.readouterr().err
    AgentStage.objects.create(
        agent=row.agent, action_class="*", stage="shadow", since=clock.now(), changed_by="tests"
    )
    suggestion = cast.request(target="other")
    assert cli.main(["mark", suggestion.ref, "wrong"]) == 1
    assert "Say what is wrong" in capsys.readouterr().err
    assert cli.main(["mark", suggestion.ref, "wrong", "--comment", "Wrong cluster"]) == 0
    assert f"Marked {suggestion.ref} wrong." in capsys.readouterr().out
    assert SuggestionMark.objects.get().comment == "Wrong cluster"


def test_without_an_address_nothing_is_done(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COUNTERSIGN_URL", raising=False)
    assert cli.main(["request", "view_logs", "checkout"]) == 2
    assert "COUNTERSIGN_URL" in capsys.readouterr().err


def test_no_service_is_could_not_tell(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERSIGN_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("COUNTERSIGN_TOKEN", "cs_person_x_y")
    assert cli.main(["approve", "REQ-1", "--yes"]) == 3
    assert "could not be asked" in capsys.readouterr().err


def at_terminal(command: list[str], answer: str) -> tuple[int, str]:
    """The exit code, and all that a terminal showed, when a person types this answer."""
    ours, theirs = pty.openpty()
    process: Any = subprocess.Popen(
        [sys.executable, "-m", "countersign", *command],
        cwd=ROOT,
        env=dict(os.environ),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        close_fds=True,
    )
    os.close(theirs)
    shown, typed, give_up = b"", False, time.monotonic() + 60
    while time.monotonic() < give_up:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                shown += os.read(ours, 4096)
            except OSError:  # Linux's way to say that the other side has left
                break
        if not typed and b"to approve:" in shown:
            os.write(ours, f"{answer}\n".encode())
            typed = True
    os.close(ours)
    return process.wait(30), shown.decode()
