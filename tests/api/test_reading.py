"""Who sees which request, and how lists are asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from approvals.domain.terms import Verdict
from approvals.models import Agent
from approvals.services import clock
from tests.api.conftest import Caller
from tests.support import cast

Calls = Callable[..., Caller]


def refs(answer: Any) -> list[str]:
    return [row["ref"] for row in answer.json()["items"]]


def test_a_request_is_found_by_reference_and_by_id(robo: Caller, agent: Agent) -> None:
    row = cast.request(agent)

    for name in (row.ref, row.ref.lower(), str(row.public_id)):
        assert robo.get(f"/requests/{name}").json()["id"] == str(row.public_id)


@pytest.mark.parametrize(
    "ref", ["REQ-999999", "REQ-", "REQ-x", "REQ-٣", "1", "0198c0de", "%00", "REQ-1%00"]
)
def test_what_does_not_exist_is_not_found(robo: Caller, agent: Agent, ref: str) -> None:
    answer = robo.get(f"/requests/{ref}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("verb", ["", "/messages", "/cancel", "/consume", "/outcome"])
def test_another_agents_request_does_not_exist(other: Caller, agent: Agent, verb: str) -> None:
    path = f"/requests/{cast.request(agent).ref}{verb}"
    body = {"/messages": {"text": "hello"}, "/outcome": {"status": "success"}}.get(verb)

    answer = other.post(path, body) if verb else other.get(path)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_people_see_every_request_and_agents_their_own(
    robo: Caller, other: Caller, mallory: Caller, agent: Agent
) -> None:
    row = cast.request(agent)

    assert refs(robo.get("/requests")) == refs(mallory.get("/requests")) == [row.ref]
    assert refs(other.get("/requests")) == []
    assert mallory.get(f"/requests/{row.ref}").status_code == 200


def test_the_grant_is_only_for_its_agent(robo: Caller, lin: Caller, agent: Agent) -> None:
    row = cast.approved(agent)

    assert robo.get(f"/requests/{row.ref}").json()["grant"]["token"]
    assert lin.get(f"/requests/{row.ref}").json()["grant"] is None
    assert robo.get("/requests").json()["items"][0]["grant"] is None


def test_links_name_only_what_can_still_be_done(robo: Caller, agent: Agent) -> None:
    waiting, ready = cast.request(agent), cast.approved(agent)

    assert {"decisions", "messages", "cancel"} <= set(_links(robo, waiting.ref))
    assert {"consume", "revoke"} <= set(_links(robo, ready.ref))
    robo.post(f"/requests/{ready.ref}/consume")
    assert "consume" not in _links(robo, ready.ref)
    assert _links(robo, ready.ref)["outcome"].endswith(f"/api/v1/requests/{ready.ref}/outcome")


def _links(caller: Caller, ref: str) -> dict[str, str]:
    links: dict[str, str] = caller.get(f"/requests/{ref}").json()["links"]
    return links


@pytest.fixture
def three(agent: Agent) -> dict[str, str]:
    """One waiting, one approved by Lin, one denied by policy, oldest first."""
    digger = cast.agent("digger")[0]
    waiting = cast.request(agent, target="alpha", reasoning="The cache is cold")
    approved = cast.approved(agent, target="beta")
    denied = cast.request(digger, **cast.FORBIDDEN)
    return {"waiting": waiting.ref, "approved": approved.ref, "denied": denied.ref}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["denied", "approved", "waiting"]),
        ({"status": "pending"}, ["waiting"]),
        ({"status": "pending,denied"}, ["denied", "waiting"]),
        ({"agent": "digger"}, ["denied"]),
        ({"action": "drop_database"}, ["denied"]),
        ({"target": "beta"}, ["approved"]),
        ({"risk": "low"}, []),
        ({"decided_by": "Lin@example.com"}, ["approved"]),
        ({"decided_by": "ada@example.com"}, []),
        ({"q": "alph"}, ["waiting"]),
        ({"q": "database"}, ["denied"]),
        ({"created_before": "2020-01-01T00:00:00Z"}, []),
        ({"created_after": "2020-01-01T00:00:00Z", "target": "alpha"}, ["waiting"]),
    ],
)
def test_lists_are_filtered(
    ada: Caller, three: dict[str, str], query: dict[str, str], found: list[str]
) -> None:
    assert refs(ada.get("/requests", **query)) == [three[name] for name in found]


def test_a_reference_is_found_by_searching_it(ada: Caller, three: dict[str, str]) -> None:
    assert refs(ada.get("/requests", q=three["approved"])) == [three["approved"]]


def test_somebody_who_only_asked_a_question_decided_too(ada: Caller, agent: Agent) -> None:
    row = cast.request(agent)
    cast.decide(row, cast.person("lin"), Verdict.INVESTIGATE, "Why?")
    cast.decide(row, cast.person("lin"), Verdict.DENY, "No.")

    assert refs(ada.get("/requests", decided_by="lin@example.com")) == [row.ref]


def test_pages_follow_one_another_while_rows_are_added(ada: Caller, agent: Agent) -> None:
    made = [cast.request(agent).ref for _ in range(5)]

    first = ada.get("/requests", limit=2)
    cast.request(agent)
    second = ada.get(first.json()["next"])
    third = ada.get(second.json()["next"])

    assert refs(first) + refs(second) + refs(third) == made[::-1]
    assert third.json()["next"] is None


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ({"status": "open"}, "status", "invalid_choice"),
        ({"risk": "huge"}, "risk", "invalid_choice"),
        ({"limit": "0"}, "limit", "min_value"),
        ({"limit": "201"}, "limit", "max_value"),
        ({"limit": "many"}, "limit", "invalid"),
        ({"cursor": "not-ours!"}, "cursor", "invalid_cursor"),
        ({"created_after": "yesterday"}, "created_after", "invalid"),
        ({"statuss": "pending"}, "statuss", "unknown_field"),
        ({"status": ["pending", "denied"]}, "status", "given_twice"),
        ({"q": "\0"}, "q", "invalid"),
    ],
)
def test_a_query_that_cannot_be_answered_is_refused_by_name(
    ada: Caller, query: dict[str, Any], field: str, code: str
) -> None:
    answer = ada.get("/requests", **query)

    assert answer.status_code == 422
    assert [(fault["field"], fault["code"]) for fault in answer.json()["errors"]] == [(field, code)]


def test_an_address_that_does_not_exist_is_a_problem_too(robo: Caller) -> None:
    for path in ("/api/v1/requestz", "/api/v1/requests/", "/api/v2", "/api/"):
        answer = robo.get(path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (
            404,
            "application/problem+json",
        )
        assert answer.json()["instance"] == path


def test_an_old_request_reads_as_it_was(robo: Caller, agent: Agent) -> None:
    row = cast.request(agent, at=clock.now() - timedelta(days=2), **cast.LOW)

    body = robo.get(f"/requests/{row.ref}").json()

    assert (body["status"], body["grant"]) == ("approved", None)
