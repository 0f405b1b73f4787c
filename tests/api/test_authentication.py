"""Who gets in, with what, and how far."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from approvals.models import Agent, AgentKey, PersonToken
from approvals.services import agents, clock
from tests.api.conftest import Caller
from tests.support import cast

Calls = Callable[..., Caller]
YESTERDAY = timedelta(days=1)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic cm9ibzpyb2Jv",
        "Bearer something",
        "Bearer cs_agent_",
        "Bearer cs_agent_0000000000_wrong",
        "Bearer cs_person_0000000000_wrong",
        "Bearer cs_agent_\u00e9\u00e9_\u00e9",
        "Bearer " + "cs_agent_" * 500,
    ],
)
@pytest.mark.django_db
def test_nobody_known_is_told_how_to_come_in(header: str) -> None:
    headers = {"Authorization": header} if header else {}

    answer = Client().get("/api/v1/requests", headers=headers)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="countersign"'
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_the_right_prefix_with_a_wrong_secret_is_refused(robo: Caller) -> None:
    robo.key = robo.key[:-1] + ("A" if robo.key[-1] != "A" else "B")

    assert robo.get("/requests").status_code == 401


def test_an_expired_key_is_told_so(robo: Caller) -> None:
    AgentKey.objects.update(expires_at=clock.now() - YESTERDAY)

    answer = robo.get("/requests")

    assert answer.status_code == 401
    assert "expired on" in answer.json()["detail"]


def test_an_expired_token_is_told_so(lin: Caller) -> None:
    PersonToken.objects.update(expires_at=clock.now() - YESTERDAY)

    assert "expired on" in lin.get("/requests").json()["detail"]


def test_a_revoked_key_opens_nothing(robo: Caller, agent: Agent) -> None:
    for key in agent.keys.all():
        agents.revoke_key(agent=agent, prefix=key.prefix, actor=cast.OPERATOR, at=clock.now())

    assert "revoked" in robo.get("/requests").json()["detail"]


def test_a_stopped_agent_asks_nothing(robo: Caller, agent: Agent) -> None:
    agents.stop(agent=agent, actor=cast.OPERATOR, at=clock.now())

    answer = robo.post("/requests", cast.submission())

    assert (answer.status_code, "stopped" in answer.json()["detail"]) == (401, True)


def test_a_key_without_the_scope_is_refused(robo: Caller) -> None:
    AgentKey.objects.update(scopes=["requests:read"])

    answer = robo.post("/requests", cast.submission())

    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    assert answer.json()["facts"] == {"scope": "requests:write"}
    assert robo.get("/requests").status_code == 200


def test_a_token_decides_only_with_its_scope(calls: Calls, agent: Agent) -> None:
    row = cast.request(agent)
    reading = calls("lin", "requests:read")

    answer = reading.post(f"/requests/{row.ref}/decisions", {"verdict": "approve"})

    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    assert reading.get(f"/requests/{row.ref}").json()["status"] == "pending"


def test_people_do_not_submit(lin: Caller) -> None:
    answer = lin.post("/requests", cast.submission())

    assert (answer.status_code, answer.json()["code"]) == (403, "agents_only")


@pytest.fixture
def browser(db: None) -> Client:
    """Lin, signed in, in a browser whose form tokens are checked."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.person("lin"))
    return client


def test_a_session_reads(browser: Client, agent: Agent) -> None:
    row = cast.request(agent)

    assert browser.get(f"/api/v1/requests/{row.ref}").json()["ref"] == row.ref


def test_a_session_decides_only_with_its_form_token(browser: Client, agent: Agent) -> None:
    row = cast.request(agent)

    def approve(**headers: str) -> Any:
        return browser.post(
            f"/api/v1/requests/{row.ref}/decisions",
            {"verdict": "approve"},
            content_type="application/json",
            headers=headers,
        )

    without = approve()
    browser.cookies["csrf"] = "t" * 32
    with_it = approve(X_CSRFToken="t" * 32)

    assert (without.status_code, without.json()["code"]) == (403, "csrf_failed")
    assert with_it.json()["status"] == "approved"
    assert with_it.json()["decisions"][0]["authenticated_by"] == "session"


def test_a_wrong_key_is_not_saved_by_a_session(browser: Client) -> None:
    answer = browser.get("/api/v1/requests", headers={"Authorization": "Bearer cs_agent_x_y"})

    assert answer.status_code == 401


def test_an_agent_learns_who_it_is_taken_for(robo: Caller, lin: Caller) -> None:
    body = robo.get("/agents/me").json()

    assert (body["name"], body["owner"]) == ("robo", "sam@example.com")
    assert body["key"]["scopes"] == ["requests:write", "requests:read"]
    assert body["key"]["prefix"] in robo.key
    assert lin.get("/agents/me").json()["code"] == "agents_only"


def test_a_person_learns_who_they_are_taken_for(ada: Caller, robo: Caller) -> None:
    body = ada.get("/me").json()

    assert (body["email"], body["role"], body["teams"]) == (
        "ada@example.com",
        "manager",
        ["managers"],
    )
    assert robo.get("/me").json()["code"] == "people_only"


def test_no_secret_comes_back(robo: Caller, agent: Agent) -> None:
    answer = robo.get("/agents/me").content.decode()

    assert robo.key not in answer
    assert agent.webhook_secret not in answer
