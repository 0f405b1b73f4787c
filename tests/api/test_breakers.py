"""Breakers over the API and the command line: everybody may look, a manager may close one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from approvals.models import AuditEvent, BreakerTrip
from approvals.services import clock
from tests.api.conftest import Caller
from tests.countersign import commands as command
from tests.countersign.commands import told
from tests.services.limits import in_force

ERRORS = "circuit_breakers: {error_rate: {threshold: 10%, window: 5m, minimum: 2}}"
REASON = {"reason": "The node was replaced."}


def run(robo: Caller, status: str = "success", action: str = "deploy_service") -> None:
    """Ask, use and report, as an agent does."""
    row = robo.post("/requests", {"action": action, "target": "shop", "parameters": {}}).json()
    assert row["status"] == "approved", row
    assert robo.post(f"/requests/{row['ref']}/consume").status_code == 200
    assert robo.post(f"/requests/{row['ref']}/outcome", {"status": status}).status_code == 200


@pytest.fixture
def opened(robo: Caller, lin: Caller, ada: Caller, grace: Caller, other: Caller) -> BreakerTrip:
    """Everybody is made before the policy of the test is in force."""
    in_force(ERRORS)
    run(robo)
    run(robo, "failure")
    return BreakerTrip.objects.get()


def test_people_see_which_breakers_are_open_and_why(opened: BreakerTrip, lin: Caller) -> None:
    answer = lin.get("/breakers", agent="robo", phase="open,half_open")

    assert answer.status_code == 200
    [found] = answer.json()["items"]
    assert found["words"] == opened.words
    assert found["values"] == {
        "failures": 1, "outcomes": 2, "percent": 50, "threshold_percent": 10, "window_s": 300,
        "rest_s": 300,
    }  # fmt: skip
    assert (found["id"], found["agent"], found["phase"], found["trial"]) == (
        opened.pk, "robo", "open", None,
    )  # fmt: skip
    assert lin.get("/breakers", phase="closed").json()["items"] == []
    assert lin.get("/breakers", agent="digger").json()["items"] == []


def test_a_breaker_whose_rest_is_over_is_seen_half_open(opened: BreakerTrip, lin: Caller) -> None:
    BreakerTrip.objects.update(half_open_at=clock.now() - timedelta(seconds=1))

    [found] = lin.get("/breakers", phase="half_open").json()["items"]
    assert found["phase"] == "half_open"
    assert lin.get("/breakers", phase="open").json()["items"] == []


def test_a_denied_agent_reads_why_and_what_next(opened: BreakerTrip, robo: Caller) -> None:
    body = {"action": "restart_pod", "target": "shop", "parameters": {}}
    for answer in (robo.post("/requests", body), robo.post("/evaluate", body)):
        text = answer.content.decode()
        assert "the agent is paused since" in text
        assert "One request may be tried from" in text


def test_a_manager_resets_it_with_a_reason(opened: BreakerTrip, ada: Caller, robo: Caller) -> None:
    answer = ada.post(f"/breakers/{opened.pk}/reset", REASON)

    assert answer.status_code == 200
    assert (answer.json()["phase"], answer.json()["close_reason"]) == ("closed", REASON["reason"])
    again = ada.post(f"/breakers/{opened.pk}/reset", REASON)
    assert (again.status_code, again.json()["code"]) == (409, "already_closed")
    assert AuditEvent.objects.filter(type="breaker.closed").count() == 1
    run(robo)


@pytest.mark.parametrize("who", ["lin", "grace", "robo", "nobody"])
def test_nobody_else_resets_it(
    opened: BreakerTrip, who: str, request: pytest.FixtureRequest
) -> None:
    caller: Caller = request.getfixturevalue(who)
    answer = caller.post(f"/breakers/{opened.pk}/reset", REASON)

    assert answer.status_code == (401 if who == "nobody" else 403)
    assert BreakerTrip.objects.get().closed_at is None


def test_agents_do_not_see_one_anothers_breakers(opened: BreakerTrip, other: Caller) -> None:
    assert other.get("/breakers").status_code == 403


@pytest.mark.parametrize("number", ["0", "99", "-1", "one", "9" * 40, "%F0%9D%9F%8F"])
def test_an_unknown_number_is_not_found(opened: BreakerTrip, ada: Caller, number: str) -> None:
    answer = ada.post(f"/breakers/{number}/reset", REASON)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": " "}, {"reason": 1}, {"reason": "x" * 2001},
             {"reason": "Now.", "force": True}],
)  # fmt: skip
def test_a_reset_without_a_reason_changes_nothing(
    opened: BreakerTrip, ada: Caller, body: dict[str, Any]
) -> None:
    assert ada.post(f"/breakers/{opened.pk}/reset", body).status_code == 422
    assert BreakerTrip.objects.get().closed_at is None


@pytest.mark.parametrize("query", [{"phase": "ajar"}, {"agents": "robo"}, {"cursor": "x"}])
def test_a_filter_nobody_knows_is_refused(lin: Caller, query: dict[str, str]) -> None:
    assert lin.get("/breakers", **query).status_code == 422


def test_the_list_goes_page_by_page(opened: BreakerTrip, lin: Caller) -> None:
    for kind in ("rollback_count", "cost_spike"):
        opened.pk, opened.kind = None, kind
        opened.save(force_insert=True)

    first = lin.get("/breakers", limit=2).json()
    second = lin.get(f"/breakers?{first['next'].partition('?')[2]}").json()
    seen = [each["kind"] for each in first["items"] + second["items"]]
    assert seen == ["cost_spike", "rollback_count", "error_rate"]
    assert second["next"] is None


def test_an_operator_lists_and_resets_from_the_command_line(
    opened: BreakerTrip, capsys: pytest.CaptureFixture[str]
) -> None:
    [found] = told(capsys, "breaker", "list")
    assert (found["id"], found["phase"]) == (opened.pk, "open")
    command.run("breaker", "list")
    assert "pause_and_alert" in capsys.readouterr().out
    reset = ("breaker", "reset", str(opened.pk), "--reason", "The node was replaced.")
    closed = told(capsys, *reset)
    assert (closed["phase"], closed["closed_by"].partition(":")[0]) == ("closed", "operator")
    command.run(*reset, code=1)
    assert "Nothing was changed" in capsys.readouterr().err
    command.run("breaker", "list")
    assert capsys.readouterr().out == "No circuit breaker is open.\n"
    assert [each["phase"] for each in told(capsys, "breaker", "list", "--all")] == ["closed"]
