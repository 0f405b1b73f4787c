"""What an agent can do with the client, and what no server can make it believe."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from countersign import Countersign, NotApproved, Refused, StillWaiting, Unreachable
from tests.fakes import nonsense as ns
from tests.fakes.nonsense import Answer, Nonsense, approved
from tests.support import cast

RESTART = ("restart_service", "checkout", {"replicas": 2})


def test_low_risk_is_approved_at_once_run_once_and_reported(robo: Countersign) -> None:
    asked = robo.submit("create_ticket", "ops", {"title": "Disk is filling"})
    assert (asked.is_approved, asked.basis) == (True, "policy")
    assert robo.consume(asked, {"title": "Disk is filling"}).consumed_at is not None
    assert robo.outcome(asked, "success", detail="OPS-1").body["outcome"]["status"] == "success"


def test_a_waiting_agent_hears_of_the_approval(robo: Countersign, lin: Countersign) -> None:
    asked = robo.submit(*RESTART)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(robo.require, asked, 30.0)
        lin.decide(lin.read(asked.ref), "approve")
        seen = waiting.result(timeout=20)
    assert (seen.is_approved, seen.closed_by) == (True, "Lin")
    assert seen.grant is not None


def test_a_denial_is_not_an_approval(robo: Countersign, lin: Countersign) -> None:
    asked = robo.submit(*RESTART)
    lin.decide(lin.read(asked.ref), "deny", "Not during the release.")
    with pytest.raises(NotApproved) as refused:
        robo.require(asked, 10.0)
    assert refused.value.request.status == "denied"


def test_silence_is_not_an_approval(robo: Countersign) -> None:
    asked = robo.submit(*RESTART)
    with pytest.raises(StillWaiting) as waiting:
        robo.wait(asked, 1.2)
    assert waiting.value.request.status == "pending"


def test_the_same_key_is_the_same_request(robo: Countersign) -> None:
    first = robo.submit(*RESTART, idempotency_key="one")
    assert robo.submit(*RESTART, idempotency_key="one").id == first.id
    with pytest.raises(Refused) as refused:
        robo.submit("restart_service", "checkout", {"replicas": 3}, idempotency_key="one")
    assert refused.value.code == "idempotency_key_reused"


def test_other_parameters_than_those_approved_are_refused(robo: Countersign) -> None:
    asked = robo.submit("create_ticket", "ops", {"title": "Disk is filling"})
    with pytest.raises(Refused) as refused:
        robo.consume(asked, {"title": "Disk is full"})
    assert refused.value.code == "parameters_changed"


def test_a_second_run_is_refused(robo: Countersign) -> None:
    asked = robo.submit("create_ticket", "ops", {"title": "Disk is filling"})
    robo.consume(asked)
    with pytest.raises(Refused) as refused:
        robo.consume(asked)
    assert refused.value.code == "already_consumed"


def test_an_agent_answers_the_question_it_was_asked(robo: Countersign, lin: Countersign) -> None:
    asked = robo.submit(*RESTART)
    lin.decide(lin.read(asked.ref), "investigate", "Which replicas?")
    assert robo.read(asked.ref).status == "investigating"
    assert robo.answer(asked, "The two oldest.").status == "pending"


def test_an_agent_withdraws(robo: Countersign) -> None:
    assert robo.cancel(robo.submit(*RESTART)).status == "cancelled"


def test_an_agent_cannot_decide(robo: Countersign) -> None:
    with pytest.raises(Refused) as refused:
        robo.decide(robo.submit(*RESTART), "approve")
    assert refused.value.status == 403


def test_a_decision_on_what_changed_since_is_refused(robo: Countersign, lin: Countersign) -> None:
    read = lin.read(robo.submit(*RESTART).ref)
    lin.decide(read, "investigate", "Why now?")
    with pytest.raises(Refused) as refused:
        lin.decide(read, "approve")
    assert refused.value.code == "changed"


def test_an_unknown_field_is_named(robo: Countersign) -> None:
    with pytest.raises(Refused, match="reasonning"):
        robo.submit(*RESTART, reasonning="typo")


def test_a_key_nobody_knows_opens_nothing(live: str) -> None:
    cast.policy()
    with (
        Countersign(live, "cs_agent_0123456789_nothing") as stranger,
        pytest.raises(Refused) as refused,
    ):
        stranger.submit(*RESTART)
    assert refused.value.status == 401


FORBIDDEN: dict[str, Answer] = {
    "500 with an approved body": ns.status(500),
    "503 with an approved body": ns.status(503),
    "502 in HTML": ns.says(b"<h1>Bad gateway</h1>", "text/html", 502),
    "a redirect": ns.status(302, Location="http://127.0.0.1:1/"),
    "a permanent redirect": ns.status(308, Location="http://127.0.0.1:1/"),
    "silence": ns.silent,
    "a hang-up": ns.hangs_up,
    "half an answer": ns.half,
    "a byte now and then": ns.drips,
    "a sign-in page": ns.says(b"<form>approved</form>", "text/html"),
    "approved JSON called text": ns.says(json.dumps(approved()).encode(), "text/plain"),
    "not JSON": ns.says(b"approved"),
    "an empty body": ns.says(b""),
    "a list": ns.says(b'["approved"]'),
    "null": ns.says(b"null"),
    "true": ns.says(b"true"),
    "NaN": ns.says(b'{"status": NaN}'),
    "nested beyond reason": ns.says(b"[" * 100_000),
    "only a status": ns.says(b'{"status": "approved"}'),
    "a status nobody knows": ns.status(200, approved(status="Approved")),
    "a status that is no text": ns.status(200, approved(status=True)),
    "a version that is no number": ns.status(200, approved(version="2")),
    "another target": ns.status(200, approved(target="payments")),
    "another action": ns.status(200, approved(action="drop_database")),
    "other parameters": ns.status(200, approved(parameters={"replicas": 20})),
    "true instead of one": ns.status(200, approved(parameters={"replicas": True})),
    "a status no call has": ns.status(299),
    "no content": ns.says(b"", code=204),
    "approved, says 202": ns.status(202),
    "unauthorised without a word": ns.says(b"", "text/plain", 401),
}


@pytest.mark.parametrize("answer", FORBIDDEN.values(), ids=FORBIDDEN)
def test_no_broken_answer_is_an_approval(nonsense: Nonsense, answer: Answer) -> None:
    nonsense.always = answer
    client = Countersign(nonsense.url, "cs_agent_x_y", timeout=0.3, attempts=1)
    with client, pytest.raises((Unreachable, Refused)):
        client.submit(*RESTART)


@pytest.mark.parametrize("answer", FORBIDDEN.values(), ids=FORBIDDEN)
def test_no_broken_answer_ends_the_wait(nonsense: Nonsense, answer: Answer) -> None:
    with asked_of(nonsense) as client:
        waiting = client.submit(*RESTART)
        nonsense.always = answer
        with pytest.raises((Unreachable, Refused)):
            client.require(waiting, 0.1)


@pytest.mark.parametrize("answer", FORBIDDEN.values(), ids=FORBIDDEN)
def test_no_broken_answer_redeems_an_approval(nonsense: Nonsense, answer: Answer) -> None:
    with asked_of(nonsense) as client:
        waiting = client.submit(*RESTART)
        nonsense.always = answer
        with pytest.raises((Unreachable, Refused)):
            client.consume(waiting, {"replicas": 2})


@pytest.mark.parametrize(
    "changes",
    [{"status": "pending"}, {"status": "denied"}, {"status": "revoked"}, {"consumed_at": None}],
    ids=str,
)
def test_a_redeeming_that_was_not_done_is_not_believed(
    nonsense: Nonsense, changes: dict[str, Any]
) -> None:
    with asked_of(nonsense) as client:
        waiting = client.submit(*RESTART)
        nonsense.always = ns.status(200, approved(**changes))
        with pytest.raises(NotApproved):
            client.consume(waiting, {"replicas": 2})


def test_a_lost_answer_is_asked_for_again_under_the_same_key(nonsense: Nonsense) -> None:
    nonsense.first.extend([ns.hangs_up, ns.status(503, Retry_After="0"), ns.status(409, IN_FLIGHT)])
    nonsense.always = ns.status(201)
    with Countersign(nonsense.url, "cs_agent_x_y") as client:
        assert client.submit(*RESTART).is_approved
    keys = {headers["idempotency-key"] for _, _, headers, _ in nonsense.asked}
    assert (len(nonsense.asked), len(keys)) == (4, 1)


IN_FLIGHT = {"code": "request_in_flight", "detail": "The first is still being written."}


def test_an_agent_that_asked_too_often_is_told_when_to_ask_again(nonsense: Nonsense) -> None:
    tired = {"code": "attention_budget_exceeded", "detail": "Asked 20 times. Nobody was asked."}
    nonsense.always = ns.status(429, tired, Retry_After="1234")
    with (
        Countersign(nonsense.url, "cs_agent_x_y") as client,
        pytest.raises(Refused, match="Nobody was asked") as refused,
    ):
        client.submit(*RESTART)
    assert (refused.value.code, refused.value.status) == ("attention_budget_exceeded", 429)
    assert refused.value.retry_after == 1234
    assert len(nonsense.asked) == 1


def test_a_decision_is_never_sent_twice_by_itself(nonsense: Nonsense) -> None:
    with asked_of(nonsense) as client:
        waiting = client.submit(*RESTART)
        nonsense.always = ns.hangs_up
        with pytest.raises(Unreachable):
            client.decide(waiting, "approve")
    assert len(nonsense.asked) == 2


def test_the_key_does_not_follow_a_redirect(nonsense: Nonsense) -> None:
    with Nonsense() as elsewhere:
        nonsense.always = ns.status(307, Location=f"{elsewhere.url}/api/v1/requests")
        with (
            Countersign(nonsense.url, "cs_agent_x_y", attempts=1) as client,
            pytest.raises(Unreachable),
        ):
            client.submit(*RESTART)
        assert elsewhere.asked == []


def test_waiting_survives_a_service_that_restarts(nonsense: Nonsense) -> None:
    with asked_of(nonsense) as client:
        waiting = client.submit(*RESTART)
        nonsense.first.extend([ns.hangs_up, ns.status(502), ns.hangs_up])
        nonsense.always = ns.status(200)
        assert client.wait(waiting, 30.0).is_approved


def test_waiting_ends_when_its_time_is_up(nonsense: Nonsense) -> None:
    with asked_of(nonsense) as client:
        waiting = client.submit(*RESTART)
        nonsense.always = ns.status(200, approved(status="pending"))
        began = time.monotonic()
        with pytest.raises(StillWaiting):
            client.wait(waiting, 0.5)
    assert time.monotonic() - began < 5


def test_an_answer_without_end_is_left(nonsense: Nonsense) -> None:
    nonsense.always = ns.says(b" " * (9 * 1024 * 1024))
    with (
        Countersign(nonsense.url, "cs_agent_x_y", attempts=1) as client,
        pytest.raises(Unreachable),
    ):
        client.submit(*RESTART)


@pytest.mark.parametrize(
    "ref", ["", "..", "../agents", "REQ-1/consume", "REQ-1?x=1", "REQ 1", "REQ-1\x00"]
)
def test_a_reference_cannot_be_a_path(nonsense: Nonsense, ref: str) -> None:
    with (
        Countersign(nonsense.url, "cs_agent_x_y") as client,
        pytest.raises(Refused, match="no reference"),
    ):
        client.read(ref)
    assert nonsense.asked == []


def asked_of(server: Nonsense) -> Countersign:
    """A client whose first call the server answers as it should."""
    server.first.append(ns.status(201, approved(status="pending", consumed_at=None)))
    return Countersign(server.url, "cs_agent_x_y", timeout=0.3, attempts=1)
