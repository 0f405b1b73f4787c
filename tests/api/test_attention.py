"""An agent that asks too often is told so, with the time to ask again; that is never a denial."""

from __future__ import annotations

from typing import Any

from approvals.models import ApprovalRequest
from approvals.services import clock, policies
from tests.api.conftest import Caller
from tests.support import cast


def calm(words: str) -> None:
    files = policies.read_directory(cast.POLICIES) | {"calm.yaml": f"attention: {{{words}}}\n"}
    policies.apply(files=files, author="tests", actor=cast.OPERATOR, at=clock.now())


def asked(robo: Caller, number: int, **headers: str) -> Any:
    return robo.post("/requests", cast.submission(target=f"service-{number}"), **headers)


def test_over_the_budget_the_answer_is_429_with_the_time_to_ask_again(robo: Caller) -> None:
    calm("questions_per_hour: 2")
    assert [asked(robo, number).status_code for number in range(2)] == [201, 201]
    answer = asked(robo, 2)
    body = answer.json()
    assert answer.status_code == 429
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert body["code"] == "attention_budget_exceeded"
    assert "Nothing was recorded and nobody was asked. Ask again after" in body["detail"]
    assert 3500 < int(answer.headers["Retry-After"]) <= 3600
    assert ApprovalRequest.objects.count() == 2
    assert not ApprovalRequest.objects.filter(status="denied").exists()


def test_a_repeated_submission_over_the_budget_is_still_its_request(robo: Caller) -> None:
    calm("questions_per_hour: 1")
    first = asked(robo, 0, Idempotency_Key="k").json()
    again = asked(robo, 0, Idempotency_Key="k")
    assert (again.status_code, again.json()["ref"]) == (200, first["ref"])


def test_a_preflight_costs_no_question(robo: Caller) -> None:
    calm("questions_per_hour: 1")
    for number in range(3):
        body = cast.submission(target=f"service-{number}")
        assert robo.post("/evaluate", body).json()["verdict"] == "required"
    assert asked(robo, 0).status_code == 201


def test_the_document_tells_of_429(nobody: Caller) -> None:
    paths = nobody.get("/api/schema").json()["paths"]
    assert "429" in paths["/api/v1/requests"]["post"]["responses"]
    assert "429" not in paths["/api/v1/requests"]["get"]["responses"]


def test_a_denied_action_asked_again_is_denied_by_policy_in_words(
    robo: Caller, lin: Caller
) -> None:
    calm("denied_cooldown: 30m")
    first = asked(robo, 0).json()
    said = {"verdict": "deny", "comment": "Not during the sale.", "version": first["version"]}
    assert lin.post(f"/requests/{first['ref']}/decisions", said).status_code == 200
    again = asked(robo, 0).json()
    assert (again["status"], again["basis"]) == ("denied", "policy")
    assert again["reason_code"] == "denied_lately"
    assert any("Lin denied exactly this" in check["words"] for check in again["evaluation"])
