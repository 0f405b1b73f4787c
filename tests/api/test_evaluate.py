"""Ask beforehand, without any effect."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from approvals.domain.terms import Verdict
from approvals.models import Agent, ApprovalRequest, AuditEvent
from approvals.services import clock, policies
from tests.api.conftest import Caller
from tests.support import cast


@pytest.mark.parametrize(
    ("changes", "verdict", "teams"),
    [
        (cast.LOW, "auto", []),
        ({}, "required", ["team-leads"]),
        (cast.HIGH, "required", ["managers", "security"]),
        (cast.CRITICAL, "required", ["change-board"]),
        (cast.FORBIDDEN, "forbidden", []),
    ],
)
def test_it_says_what_would_become_of_a_submission(
    robo: Caller, changes: dict[str, Any], verdict: str, teams: list[str]
) -> None:
    body = robo.post("/evaluate", cast.submission(**changes)).json()

    assert body["verdict"] == verdict
    assert [asked["team"] for asked in body["asked"]] == teams
    assert body["evaluation"][0]["check"] == "agent"
    assert (body["plan"] is None) == (verdict == "forbidden")


def test_it_writes_nothing(robo: Caller) -> None:
    before = AuditEvent.objects.count()

    robo.post("/evaluate", cast.submission())

    assert not ApprovalRequest.objects.exists()
    assert AuditEvent.objects.count() == before


def test_it_counts_who_could_decide_now_without_the_owner(robo: Caller) -> None:
    for name in ("lin", "sam"):
        cast.person(name)

    asked = robo.post("/evaluate", cast.submission()).json()["asked"]

    assert asked == [
        {"stage": 0, "team": "team-leads", "title": "Team leads", "quorum": 1, "available": 1}
    ]


def test_it_expects_the_wait_of_what_the_same_team_decided_lately(
    robo: Caller, agent: Agent
) -> None:
    now = clock.now()
    assert robo.post("/evaluate", cast.submission()).json()["expected_wait"] is None

    for minutes in (1, 2, 3, 4):
        row = cast.request(agent, at=now - timedelta(hours=1), action="restart_service")
        at = now - timedelta(hours=1) + timedelta(minutes=minutes)
        cast.decide(row, cast.person("lin"), at=at)

    wait = robo.post("/evaluate", cast.submission()).json()["expected_wait"]
    assert wait == {"p50_seconds": 180, "p90_seconds": 240, "of": 4}


def test_with_two_teams_the_slower_one_is_expected(robo: Caller, agent: Agent) -> None:
    cast.approved(agent)
    body = cast.submission(**cast.HIGH)
    assert robo.post("/evaluate", body).json()["expected_wait"] is None

    for someone in ("ada", "grace"):
        row = cast.request(agent, at=clock.now() - timedelta(minutes=9), **cast.HIGH)
        cast.decide(row, cast.person(someone), Verdict.DENY, "Not during the freeze.")

    wait = robo.post("/evaluate", body).json()["expected_wait"]
    assert wait["of"] == 2
    assert 535 < wait["p50_seconds"] < 545


def test_requests_decided_by_policy_make_no_wait_shorter(robo: Caller, agent: Agent) -> None:
    cast.request(agent, **cast.LOW)
    cast.request(agent, **cast.FORBIDDEN)

    assert robo.post("/evaluate", cast.submission()).json()["expected_wait"] is None


def automatic(robo: Caller, **changes: Any) -> tuple[list[str], list[dict[str, Any]]]:
    answer = robo.post("/evaluate", cast.submission(**changes)).json()
    return answer["to_be_automatic"], answer["nearest_changes"]


def test_nothing_is_said_of_what_is_automatic(robo: Caller) -> None:
    assert automatic(robo, **cast.LOW) == ([], [])


def test_a_claim_above_what_policy_computes_is_told(robo: Caller) -> None:
    words, changes = automatic(robo, **cast.LOW, risk="high")

    assert words == ["Claim low risk if that is true: policy rates it no higher."]
    assert changes == [{"words": words[0], "fields": {"risk": "low"}, "at": None}]


def test_where_no_change_helps_the_rule_a_manager_would_add_is_told(robo: Caller) -> None:
    small = {"from_replicas": 8, "to_replicas": 9}
    answer = automatic(robo, parameters=small, impact=None)
    assert answer == (["A policy rule for scale_deployment with approval: auto."], [])


def test_nobody_is_told_a_way_around_a_denial_or_a_high_risk(robo: Caller) -> None:
    words, changes = automatic(robo, **cast.FORBIDDEN)
    assert (words, changes) == (["Nothing in the request can: No agent drops a database."], [])

    words, changes = automatic(robo, **cast.CRITICAL)
    assert changes == []
    assert words[0].startswith("Nothing in the request can: policy rates it critical")


def test_a_smaller_number_that_passes_is_found_and_does_pass(robo: Caller) -> None:
    apply_policy(GUARDED)
    body = cast.submission(impact=None)

    answer = robo.post("/evaluate", body).json()

    assert answer["to_be_automatic"] == ["Ask for to_replicas 7 instead of 8."]
    (change,) = answer["nearest_changes"]
    assert change["fields"] == {"parameters.to_replicas": 7}
    body["parameters"]["to_replicas"] = 7
    assert robo.post("/evaluate", body).json()["verdict"] == "auto"
    assert robo.post("/requests", body).json()["status"] == "approved"


def test_the_stated_impact_follows_the_smaller_number(robo: Caller) -> None:
    apply_policy(GUARDED)

    answer = robo.post("/evaluate", cast.submission(impact={"replica_percent": 60})).json()

    (change,) = answer["nearest_changes"]
    assert change["words"].endswith("7 instead of 8, and state the impact that goes with it.")
    assert change["fields"] == {"parameters.to_replicas": 7, "impact.replica_percent": 40}


def test_what_would_run_already_is_not_offered_to_be_said_otherwise(robo: Caller) -> None:
    """From 6 to 8 would pass, but there are 5."""
    apply_policy(GUARDED)

    _, changes = automatic(robo, impact=None)

    assert not any("from_replicas" in change["words"] for change in changes)


GUARDED = """
apiVersion: guardrails.io/v1
kind: AgentPolicy
metadata: {name: guarded}
spec:
  actions:
    - {name: scale_deployment, approval: auto, conditions: [{maxPercentChange: 50}]}
"""


def apply_policy(text: str) -> None:
    files = cast.frame() | {"guarded.yaml": text}
    policies.apply(files=files, author="tests", actor=cast.OPERATOR, at=clock.now())


def test_it_reads_the_body_as_strictly_as_a_submission(robo: Caller) -> None:
    assert robo.post("/evaluate", cast.submission(risc="low")).status_code == 422
    assert robo.post("/evaluate", b"{").status_code == 400


def test_people_ask_for_an_agent_and_an_agent_for_itself(robo: Caller, lin: Caller) -> None:
    assert lin.post("/evaluate?agent=robo", cast.submission()).json()["verdict"] == "required"
    assert lin.post("/evaluate", cast.submission()).status_code == 200
    assert robo.post("/evaluate?agent=digger", cast.submission()).status_code == 422
