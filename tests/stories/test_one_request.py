"""The life of one request, told end to end: a real service, a Slack that lives, an agent that waits."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from standardwebhooks import Webhook

from bench.world import World, a_world, wait_for
from tests.fakes.receiver import Receiver

pytestmark = [pytest.mark.faults, pytest.mark.postgres]
PARAMETERS = {"parameters": {"replicas": 8}}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with a_world() as made:
        yield made


@pytest.fixture(autouse=True)
def every_invariant_holds(world: World) -> Iterator[None]:
    """After each story nothing in the database or the chains is other than it must be."""
    yield
    assert world.settle()["broken"] == []


@pytest.fixture
def waiting() -> Iterator[ThreadPoolExecutor]:
    """Somebody who can wait while the story goes on."""
    with ThreadPoolExecutor(2) as pool:
        yield pool


def awaited(world: World, pool: ThreadPoolExecutor, ref: str) -> Future[Any]:
    """An agent that holds its breath: one long read of up to fifteen seconds."""
    return pool.submit(world.call, "GET", f"/requests/{ref}?wait=15", world.people["agent"])


def history(world: World, ref: str) -> list[str]:
    answer = world.call(
        "GET", f"/audit-events?request={ref}&limit=50", world.people["security"]["token"]
    )
    assert answer.status_code == 200, answer.text
    return [event["type"] for event in reversed(answer.json()["items"])]


def agent(world: World, ref: str, verb: str, body: Any = None, **headers: str) -> Any:
    return world.call(
        "POST", f"/requests/{ref}/{verb}", world.people["agent"], body or {}, **headers
    )


def test_a_click_in_slack_lets_the_agent_go_on(world: World, waiting: ThreadPoolExecutor) -> None:
    row = world.submit("contest_scale", "story-1")
    ref = row["ref"]
    agent_waits = awaited(world, waiting, ref)
    message = world.message(ref)
    lead = world.people["leads"][0]
    assert world.knock(world.slack.click(message, "approve", user=lead["slack"])).status_code == 200

    seen = agent_waits.result(16).json()
    assert (seen["status"], seen["basis"]) == ("approved", "person")
    assert seen["grant"]
    wait_for(lambda: message.button("approve") is None and "APPROVED" in message.text, 10)

    other = agent(
        world, ref, "consume", {"parameters": {"replicas": 80}}, **{"Idempotency-Key": "a"}
    )
    assert (other.status_code, other.json()["code"]) == (409, "parameters_changed")
    used = agent(world, ref, "consume", PARAMETERS, **{"Idempotency-Key": "a"})
    assert used.status_code == 200
    assert agent(world, ref, "consume", PARAMETERS, **{"Idempotency-Key": "a"}).status_code == 200
    twice = agent(world, ref, "consume", PARAMETERS, **{"Idempotency-Key": "b"})
    assert (twice.status_code, twice.json()["code"]) == (409, "already_consumed")
    assert agent(world, ref, "outcome", {"status": "success"}).status_code == 200
    assert history(world, ref) == [
        "request.submitted",
        "request.approved",
        "grant.refused",
        "grant.consumed",
        "grant.refused",
        "outcome.reported",
    ]


def test_nobody_answers_and_nobody_is_said_to_have_denied(
    world: World, waiting: ThreadPoolExecutor
) -> None:
    with Receiver() as receiver:
        row = world.submit("hurry_restart", "story-2", callback_url=receiver.url)
        ref = row["ref"]
        agent_waits = awaited(world, waiting, ref)
        message = world.message(ref)
        seen = agent_waits.result(16).json()
        assert (seen["status"], seen["basis"]) == ("expired", "timeout")
        assert history(world, ref) == [
            "request.submitted",
            "request.reminded",
            "request.escalated",
            "request.reminded",
            "request.expired",
        ]
        wait_for(lambda: "NOT DECIDED IN TIME" in message.text, 10)
        assert "deni" not in message.text.lower()
        late = world.decide(ref, world.people["leads"][0]["token"], "approve")
        assert (late.status_code, late.json()["code"]) == (410, "expired")
        wait_for(lambda: len(receiver.received) >= 2, 10)
        believed = Webhook(world.people["webhook_secret"])
        told = [believed.verify(got.body, dict(got.headers)) for got in receiver.received]
        assert [event["type"] for event in told] == ["request.submitted", "request.expired"]


def test_two_people_click_at_once_and_one_is_told_who_was_first(
    world: World, waiting: ThreadPoolExecutor
) -> None:
    ref = world.submit("contest_scale", "story-3")["ref"]
    ada, lin = world.people["leads"][1], world.people["leads"][2]
    click = world.slack.click(world.message(ref), "approve", user=ada["slack"])
    views = len(world.slack.views)
    in_slack = waiting.submit(world.knock, click)
    by_api = waiting.submit(world.decide, ref, lin["token"], "deny")
    assert in_slack.result(20).status_code == 200
    answer = by_api.result(20)
    status = world.read(ref)["status"]
    if answer.status_code == 200:
        assert status == "denied"
        wait_for(lambda: lin["name"] in str(world.slack.views[views:]), 10)
    else:
        assert (answer.status_code, status) == (409, "approved")
        assert answer.json()["facts"]["by"] == ada["name"]


def test_a_question_pauses_and_its_answer_goes_on(world: World) -> None:
    ref = world.submit("hurry_scale", "story-4")["ref"]
    lead = world.people["leads"][3]
    message = world.message(ref)
    views = len(world.slack.views)
    world.knock(world.slack.click(message, "investigate", user=lead["slack"]))
    [view] = wait_for(lambda: world.slack.views[views:], 10)
    world.knock(world.slack.submit(view, "Why eight?", user=lead["slack"]))
    asked = world.read(ref)
    assert asked["status"] == "investigating"
    assert agent(world, ref, "messages", {"text": "The queue is long."}).status_code in {200, 201}
    assert world.read(ref)["status"] == "pending"
    assert world.decide(ref, lead["token"], "approve").status_code == 200
    assert history(world, ref)[:3] == [
        "request.submitted",
        "request.investigating",
        "request.resumed",
    ]
    wait_for(lambda: "APPROVED" in message.text, 10)


def test_a_manager_and_security_are_both_needed(world: World) -> None:
    ref = world.submit("deploy_release", "story-5")["ref"]
    ada, grace = world.people["manager"], world.people["security"]
    lead = world.decide(ref, world.people["leads"][0]["token"], "approve")
    assert (lead.status_code, lead.json()["code"]) == (403, "not_an_approver")
    owner = world.decide(ref, world.people["owner"], "approve")
    assert (owner.status_code, owner.json()["code"]) == (403, "own_agent")
    assert world.decide(ref, world.people["agent"], "approve").status_code == 403
    assert world.decide(ref, ada["token"], "approve").json()["status"] == "pending"
    again = world.decide(ref, ada["token"], "approve")
    assert (again.status_code, again.json()["code"]) == (409, "same_person")
    assert world.decide(ref, grace["token"], "approve").json()["status"] == "approved"
    assert len(world.read(ref)["decisions"]) == 2


def test_the_agent_withdraws_and_the_card_says_so(world: World) -> None:
    ref = world.submit("contest_scale", "story-6")["ref"]
    message = world.message(ref)
    click = world.slack.click(message, "approve", user=world.people["leads"][4]["slack"])
    assert agent(world, ref, "cancel").status_code == 200
    wait_for(lambda: "WITHDRAWN" in message.text, 10)
    assert world.knock(click).status_code == 200
    assert world.read(ref)["status"] == "cancelled"
    late = world.decide(ref, world.people["leads"][4]["token"], "approve")
    assert (late.status_code, late.json()["code"]) == (409, "already_decided")
    assert agent(world, ref, "consume", PARAMETERS).json()["code"] == "not_approved"
