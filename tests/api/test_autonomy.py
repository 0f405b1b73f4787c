"""Stages, evidence and marks over the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from approvals.domain.terms import Stage
from approvals.models import Agent, AgentStage, ApprovalRequest
from approvals.services import clock
from tests.api.conftest import Caller
from tests.support import cast

SCALING = "scaling_events"


def wish(stage: str, **changes: Any) -> dict[str, Any]:
    return {"class": SCALING, "stage": stage, "reason": "To be careful."} | changes


def at_stage(agent: Agent, stage: Stage) -> None:
    AgentStage.objects.create(
        agent=agent, action_class=SCALING, stage=stage, since=clock.now(), changed_by="tests"
    )


def test_a_lower_stage_holds_at_once(agent: Agent, ada: Caller, robo: Caller) -> None:
    answer = ada.post("/agents/robo/stages", wish("shadow"))

    assert answer.status_code == 200
    [held] = answer.json()["stages"]
    assert (held["class"], held["stage"], held["changed_by"]) == (SCALING, "shadow", "Ada")
    denied = robo.post("/requests", cast.submission()).json()
    assert (denied["status"], denied["reason_code"]) == ("denied", "shadow_mode")
    assert robo.get("/agents/robo/stages").json() == answer.json()


def test_a_higher_stage_waits_for_others(
    agent: Agent, calls: Callable[..., Caller], ada: Caller, grace: Caller
) -> None:
    at_stage(agent, Stage.SUPERVISED)

    answer = calls("sam").post("/agents/robo/stages", wish("autonomous"))

    assert answer.status_code == 202
    asked = answer.json()
    assert (asked["status"], asked["risk"]["effective"]) == ("pending", "high")
    for caller in (ada, grace):
        path = f"/requests/{asked['ref']}/decisions"
        assert caller.post(path, {"verdict": "approve"}).status_code == 200
    told = ada.get("/agents/robo/stages").json()
    assert [row["stage"] for row in told["stages"]] == ["autonomous"]
    assert [row["stage"] for row in told["past"]] == ["supervised"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (wish("shadow", **{"class": "scale_up"}), None),
        (wish("boss"), "stage"),
        (wish("shadow", reason=""), "reason"),
        ({"stage": "shadow", "reason": "So."}, "class"),
        (wish("shadow", until="never"), "until"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_field(
    agent: Agent, ada: Caller, body: dict[str, Any], field: str | None
) -> None:
    answer = ada.post("/agents/robo/stages", body)

    assert answer.status_code == 422
    if field:
        assert [fault["field"] for fault in answer.json()["errors"]] == [field]
    assert AgentStage.objects.count() == 0


def test_strangers_and_agents_change_no_stage(
    agent: Agent, mallory: Caller, lin: Caller, robo: Caller, nobody: Caller
) -> None:
    for caller, status in ((mallory, 403), (lin, 403), (robo, 403), (nobody, 401)):
        assert caller.post("/agents/robo/stages", wish("shadow")).status_code == status
    assert AgentStage.objects.count() == 0


def test_an_agent_sees_no_others_record(agent: Agent, other: Caller, ada: Caller) -> None:
    for path in ("/agents/robo/stages", "/agents/robo/evidence"):
        assert other.get(path).status_code == 404
        assert ada.get(path).status_code == 200
    assert ada.get("/agents/nobody/stages").status_code == 404


def test_the_evidence_tells_nothing_from_nought(agent: Agent, ada: Caller) -> None:
    cast.approved(agent)

    found = ada.get("/agents/robo/evidence", **{"class": SCALING}).json()

    assert (found["class"], found["stage"], found["requests"]) == (SCALING, None, 1)
    assert (found["agreement"], found["escalation_rate"]) == (1.0, 0.0)
    assert (found["success_rate"], found["false_positives"]) == (None, None)
    assert "weak evidence" in found["warnings"][0]
    assert ada.get("/agents/robo/evidence", **{"class": "No!"}).status_code == 422
    assert ada.get("/agents/robo/evidence", kind="x").status_code == 422


def test_a_suggestion_is_marked(agent: Agent, lin: Caller, ada: Caller, robo: Caller) -> None:
    at_stage(agent, Stage.SHADOW)
    ref = cast.request(agent).ref

    assert lin.post(f"/requests/{ref}/mark", {"right": True}).json()["right"] is True
    assert ada.post(f"/requests/{ref}/mark", {"right": False}).status_code == 422
    assert robo.post(f"/requests/{ref}/mark", {"right": True}).status_code == 403
    assert lin.post(f"/requests/{ref}/mark", {"right": "yes"}).status_code == 422
    assert lin.post("/requests/REQ-999999/mark", {"right": True}).status_code == 404


def test_dates_are_asked_for_and_shown(agent: Agent, ada: Caller) -> None:
    at_stage(agent, Stage.SHADOW)
    starts = clock.now() + timedelta(days=1)
    asked = wish(
        "supervised", starts=starts.isoformat(), ends=(starts + timedelta(days=1)).isoformat()
    )
    for odd in (
        {"starts": "soon"},
        {"starts": "2020-01-01T00:00:00Z"},
        {"ends": "2020-01-01T00:00:00Z"},
    ):
        assert ada.post("/agents/robo/stages", wish("supervised", **odd)).status_code == 422

    answer = ada.post("/agents/robo/stages", asked)

    assert answer.status_code == 202
    assert answer.json()["parameters"]["then"] == "shadow"
    row = ApprovalRequest.objects.get(effect="change_stage")
    cast.decide(row, cast.person("mia", teams=["managers"]))
    cast.decide(row, cast.person("grace"))
    shown = ada.get("/agents/robo/stages").json()
    [planned] = shown["planned"]
    assert (planned["class"], planned["stage"], planned["request"]) == (
        SCALING,
        "supervised",
        row.ref,
    )
    assert (shown["stages"][0]["ends_at"], shown["stages"][0]["falls_to"]) == (None, None)
