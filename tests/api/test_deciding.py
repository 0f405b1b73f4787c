"""People decide over REST; agents never do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from approvals.domain.terms import Verdict
from approvals.models import Agent, AuditEvent
from approvals.services import clock
from tests.api.conftest import Caller
from tests.support import cast

Calls = Callable[..., Caller]
LONG_AGO = timedelta(hours=1)


def test_a_team_lead_approves_a_medium_risk_request(lin: Caller, robo: Caller) -> None:
    ref = robo.post("/requests", cast.submission()).json()["ref"]

    answer = lin.post(f"/requests/{ref}/decisions", {"verdict": "approve", "version": 1})

    body = answer.json()
    assert answer.status_code == 200
    assert (body["status"], body["basis"], body["closed_by"]) == ("approved", "person", "Lin")
    assert [(given["verdict"], given["by"]["email"]) for given in body["decisions"]] == [
        ("approve", "lin@example.com")
    ]
    assert body["decisions"][0]["channel"] == "api"
    assert body["decisions"][0]["authenticated_by"] == "personal token"
    assert body["grant"] is None, "the grant is the agent's alone"


def test_manager_and_security_must_both_approve_high_risk(
    ada: Caller, grace: Caller, robo: Caller
) -> None:
    path = f"/requests/{robo.post('/requests', cast.submission(**cast.HIGH)).json()['ref']}"

    assert ada.post(f"{path}/decisions", {"verdict": "approve"}).json()["status"] == "pending"
    assert grace.post(f"{path}/decisions", {"verdict": "approve"}).json()["status"] == "approved"


def test_one_denial_ends_it_and_carries_its_reason(lin: Caller, agent: Agent) -> None:
    row = cast.request(agent)

    body = lin.post(
        f"/requests/{row.ref}/decisions", {"verdict": "deny", "comment": "Release freeze."}
    ).json()

    assert (body["status"], body["reason_code"]) == ("denied", "denied_by_person")
    assert body["decisions"][0]["comment"] == "Release freeze."


def test_a_token_approves_nothing_that_takes_a_fresh_sign_in(lin: Caller, agent: Agent) -> None:
    cast.fresh_sign_ins()
    row = cast.request(agent)

    answer = lin.post(f"/requests/{row.ref}/decisions", {"verdict": "approve"})

    body = answer.json()
    assert (answer.status_code, body["code"]) == (403, "fresh_sign_in_needed")
    assert body["detail"].startswith(
        "Not counted. Approve it on the web: this needs a fresh sign-in."
    )
    assert body["facts"]["page"].endswith(f"/r/{row.ref}")
    refused = AuditEvent.objects.get(request=row, type="decision.refused")
    assert refused.entry["detail"]["refused_because"] == "fresh_sign_in_needed"
    no = {"verdict": "deny", "comment": "Release freeze."}
    assert lin.post(f"/requests/{row.ref}/decisions", no).json()["status"] == "denied"


@pytest.mark.parametrize("verdict", ["deny", "investigate"])
def test_a_denial_and_a_question_need_words(lin: Caller, agent: Agent, verdict: str) -> None:
    row = cast.request(agent)

    answer = lin.post(f"/requests/{row.ref}/decisions", {"verdict": verdict, "comment": "  "})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "comment")


def test_an_agent_key_can_never_decide(robo: Caller, other: Caller, agent: Agent) -> None:
    row = cast.request(agent)

    for caller in (robo, other):
        answer = caller.post(f"/requests/{row.ref}/decisions", {"verdict": "approve"})
        assert (answer.status_code, answer.json()["code"]) == (403, "agents_cannot_decide")
    assert robo.post(f"/requests/{row.ref}/revoke").json()["code"] == "agents_cannot_decide"
    assert robo.get(f"/requests/{row.ref}").json()["status"] == "pending"


def test_somebody_of_no_team_is_refused_and_that_is_history(mallory: Caller, agent: Agent) -> None:
    row = cast.request(agent)

    answer = mallory.post(f"/requests/{row.ref}/decisions", {"verdict": "approve"})

    assert (answer.status_code, answer.json()["code"]) == (403, "not_an_approver")
    assert answer.json()["facts"] == {"teams": ["team-leads"]}
    refused = AuditEvent.objects.get(type="decision.refused")
    assert refused.actor == "person:mallory@example.com"


def test_the_owner_cannot_approve_their_own_agent(calls: Calls, agent: Agent) -> None:
    row = cast.request(agent)

    answer = calls("sam").post(f"/requests/{row.ref}/decisions", {"verdict": "approve"})

    assert (answer.status_code, answer.json()["code"]) == (403, "own_agent")


def test_the_same_person_cannot_fill_two_seats(calls: Calls, agent: Agent) -> None:
    row = cast.request(agent, **cast.CRITICAL)
    chen = calls("chen")
    chen.post(f"/requests/{row.ref}/decisions", {"verdict": "approve"})

    answer = chen.post(f"/requests/{row.ref}/decisions", {"verdict": "approve"})

    assert (answer.status_code, answer.json()["code"]) == (409, "same_person")


def test_a_second_manager_cannot_take_the_seat_of_security(calls: Calls, agent: Agent) -> None:
    row = cast.request(agent, **cast.HIGH)
    cast.person("margo", teams=["managers"])
    calls("ada").post(f"/requests/{row.ref}/decisions", {"verdict": "approve"})

    answer = calls("margo").post(f"/requests/{row.ref}/decisions", {"verdict": "approve"})

    assert (answer.status_code, answer.json()["code"]) == (409, "seat_taken")


def test_the_loser_is_told_who_decided_and_when(calls: Calls, agent: Agent) -> None:
    row = cast.approved(agent)

    answer = calls("lin").post(
        f"/requests/{row.ref}/decisions", {"verdict": "deny", "comment": "No"}
    )

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "already_decided")
    assert (problem["facts"]["by"], problem["facts"]["status"]) == ("Lin", "approved")
    assert "Lin" in problem["detail"]


def test_a_decision_about_something_older_is_refused(lin: Caller, agent: Agent) -> None:
    row = cast.request(agent)
    cast.decide(row, cast.person("lin"), Verdict.INVESTIGATE, "Why eight?")

    answer = lin.post(f"/requests/{row.ref}/decisions", {"verdict": "approve", "version": 1})

    assert (answer.status_code, answer.json()["code"]) == (409, "changed")
    assert answer.json()["facts"]["version"] == 2


def test_a_decision_about_another_action_is_refused(lin: Caller, agent: Agent) -> None:
    row, other = cast.request(agent), cast.request(agent, target="staging-api")

    answer = lin.post(
        f"/requests/{row.ref}/decisions",
        {"verdict": "approve", "shown_sha256": other.action_sha256},
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "changed")


def test_too_late_is_expired_and_never_denied(lin: Caller, agent: Agent) -> None:
    row = cast.request(agent, at=clock.now() - LONG_AGO)

    answer = lin.post(f"/requests/{row.ref}/decisions", {"verdict": "approve"})

    assert (answer.status_code, answer.json()["code"]) == (410, "expired")
    assert "denied" not in answer.json()["detail"].lower()
    assert lin.get(f"/requests/{row.ref}").json()["status"] == "expired"


def test_a_question_pauses_the_clock_and_the_agents_answer_lets_it_run(
    lin: Caller, robo: Caller
) -> None:
    path = f"/requests/{robo.post('/requests', cast.submission()).json()['ref']}"

    asked = lin.post(f"{path}/decisions", {"verdict": "investigate", "comment": "Why eight?"})
    answered = robo.post(
        f"{path}/messages", {"text": "Peak load needs eight.", "evidence": {"p99_ms": 900}}
    )

    assert asked.json()["status"] == "investigating"
    body = answered.json()
    assert body["status"] == "pending"
    assert [(said["by"], said["from_agent"], said["evidence"]) for said in body["messages"]] == [
        ("robo", True, {"p99_ms": 900})
    ]


def test_a_question_for_the_owner_alone_is_told_to_the_agent_as_such(
    lin: Caller, robo: Caller
) -> None:
    path = f"/requests/{robo.post('/requests', cast.submission()).json()['ref']}"
    question = {"verdict": "investigate", "comment": "Why eight?"}

    lin.post(f"{path}/decisions", {**question, "asked_of": "owner"})
    body = robo.post(f"{path}/messages", {"text": "Load.", "resume": True}).json()

    assert body["status"] == "investigating"
    assert [said["asked_of"] for said in body["decisions"]] == ["owner"]


def test_only_a_question_is_asked_of_somebody(lin: Caller, agent: Agent) -> None:
    path = f"/requests/{cast.request(agent).ref}/decisions"

    refused = lin.post(path, {"verdict": "approve", "asked_of": "owner"})
    unknown = lin.post(path, {"verdict": "investigate", "comment": "Why?", "asked_of": "all"})

    assert [answer.status_code for answer in (refused, unknown)] == [422, 422]
    assert lin.post(path, {"verdict": "approve"}).json()["decisions"][0]["asked_of"] is None


def test_a_second_question_while_one_is_open_is_a_conflict(lin: Caller, agent: Agent) -> None:
    row = cast.request(agent)
    question = {"verdict": "investigate", "comment": "Why eight?"}
    lin.post(f"/requests/{row.ref}/decisions", question)

    assert lin.post(f"/requests/{row.ref}/decisions", question).status_code == 409


def test_a_person_may_let_the_clock_run_again(lin: Caller, agent: Agent) -> None:
    row = cast.request(agent)
    lin.post(f"/requests/{row.ref}/decisions", {"verdict": "investigate", "comment": "Why?"})

    body = lin.post(f"/requests/{row.ref}/messages", {"text": "Never mind.", "resume": True}).json()

    assert body["status"] == "pending"


def test_an_agent_nobody_asked_cannot_outrun_a_denial_by_talking(
    lin: Caller, robo: Caller, agent: Agent
) -> None:
    path = f"/requests/{cast.request(agent).ref}"

    codes = [robo.post(f"{path}/messages", {"text": "By the way."}).status_code for _ in range(7)]
    read = robo.get(path).json()
    refused = robo.post(f"{path}/messages", {"text": "One more thing."})
    denial = {"verdict": "deny", "comment": "No.", "version": read["version"]}

    assert codes == [200] * 5 + [409] * 2
    assert refused.json()["code"] == "not_investigating"
    assert len(read["messages"]) == 5
    assert lin.post(f"{path}/decisions", denial).json()["status"] == "denied"


def test_an_agent_that_is_asked_may_always_answer(lin: Caller, robo: Caller, agent: Agent) -> None:
    path = f"/requests/{cast.request(agent).ref}"
    for _ in range(5):
        robo.post(f"{path}/messages", {"text": "By the way."})
    lin.post(f"{path}/decisions", {"verdict": "investigate", "comment": "Why eight?"})

    assert robo.post(f"{path}/messages", {"text": "Peak load."}).json()["status"] == "pending"


def test_an_empty_message_is_refused(robo: Caller, agent: Agent) -> None:
    row = cast.request(agent)

    for text in ("", "  ", "\u3164"):
        assert robo.post(f"/requests/{row.ref}/messages", {"text": text}).status_code == 422


def test_the_agent_withdraws_its_own_request(robo: Caller, agent: Agent) -> None:
    row = cast.request(agent)

    body = robo.post(f"/requests/{row.ref}/cancel").json()

    assert (body["status"], body["reason_code"]) == ("cancelled", "withdrawn")
    assert robo.post(f"/requests/{row.ref}/cancel").json()["code"] == "already_decided"


def test_only_the_owner_withdraws_for_an_agent(calls: Calls, agent: Agent) -> None:
    row = cast.request(agent)

    assert calls("lin").post(f"/requests/{row.ref}/cancel").status_code == 403
    assert calls("sam").post(f"/requests/{row.ref}/cancel").json()["status"] == "cancelled"


def test_an_approver_revokes_before_use(lin: Caller, robo: Caller, agent: Agent) -> None:
    row = cast.approved(agent)

    assert lin.post(f"/requests/{row.ref}/revoke").json()["status"] == "revoked"
    answer = robo.post(f"/requests/{row.ref}/consume")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_approved")


def test_what_was_never_approved_cannot_be_revoked(lin: Caller, agent: Agent) -> None:
    row = cast.request(agent)

    assert lin.post(f"/requests/{row.ref}/revoke").json()["code"] == "not_approved"


def test_a_stranger_cannot_revoke(mallory: Caller, agent: Agent) -> None:
    row = cast.approved(agent)

    assert mallory.post(f"/requests/{row.ref}/revoke").json()["code"] == "not_an_approver"


@pytest.mark.parametrize(
    "verb", ["decisions", "messages", "cancel", "revoke", "consume", "outcome"]
)
def test_no_verb_answers_to_get(lin: Caller, agent: Agent, verb: str) -> None:
    answer = lin.get(f"/requests/{cast.request(agent).ref}/{verb}")

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


def test_a_request_can_never_be_edited(robo: Caller, agent: Agent) -> None:
    assert robo.put(f"/requests/{cast.request(agent).ref}").status_code == 405
