"""Ask beforehand, without any effect."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.models import Agent, ApprovalRequest, AuditEvent
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


def test_it_expects_the_wait_of_earlier_decisions(robo: Caller, agent: Agent) -> None:
    assert robo.post("/evaluate", cast.submission()).json()["expected_wait"] is None

    cast.approved(agent)

    wait = robo.post("/evaluate", cast.submission()).json()["expected_wait"]
    assert wait["of"] == 1
    assert 0 <= wait["p50_seconds"] <= wait["p90_seconds"]


def test_it_says_what_would_make_it_automatic(robo: Caller) -> None:
    def words(**changes: Any) -> list[str]:
        answer: list[str] = robo.post("/evaluate", cast.submission(**changes)).json()[
            "to_be_automatic"
        ]
        return answer

    assert words(**cast.LOW) == []
    assert "Claim low" in words(**cast.LOW, risk="high")[0]
    assert "policy rule for scale_deployment" in words()[0]
    assert "forbids drop_database" in words(**cast.FORBIDDEN)[0]


def test_it_reads_the_body_as_strictly_as_a_submission(robo: Caller) -> None:
    assert robo.post("/evaluate", cast.submission(risc="low")).status_code == 422
    assert robo.post("/evaluate", b"{").status_code == 400


def test_people_ask_for_an_agent_and_an_agent_for_itself(robo: Caller, lin: Caller) -> None:
    assert lin.post("/evaluate?agent=robo", cast.submission()).json()["verdict"] == "required"
    assert lin.post("/evaluate", cast.submission()).status_code == 200
    assert robo.post("/evaluate?agent=digger", cast.submission()).status_code == 422
