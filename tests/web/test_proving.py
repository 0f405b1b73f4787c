"""Proposing a policy, asking for a stage up and closing a breaker count only soon after signing in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from approvals.domain.terms import Stage
from approvals.models import Agent, AgentStage, ApprovalRequest, PersonToken, PolicyVersion
from approvals.services import autonomy, clock
from approvals.web import fresh
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page
from tests.web.test_guardrails import a_trip
from tests.web.test_policies import STRICTER

pytestmark = pytest.mark.django_db
DRAFT = {"file": "more.yaml", "text": STRICTER, "reason": 'It is "safer".'}
UP = {"class": "*", "stage": "supervised", "act": "up", "reason": "Earned."}


def grow_old(browser: Browser, minutes: int = 6) -> None:
    session = browser.client.session
    session[fresh.SIGNED_IN_AT] = (clock.now() - timedelta(minutes=minutes)).isoformat()
    session.save()


def with_password(browser: Browser) -> Browser:
    browser.person.set_password(cast.PASSWORD)
    browser.person.save()
    browser.client.force_login(browser.person)
    return browser


def held(browser: Browser, address: str, **fields: Any) -> Page:
    answer = browser.post(address, **fields)
    assert answer.status_code == 403
    return Page(answer.content.decode())


def again(page: Page) -> tuple[str, dict[str, str]]:
    """The form the page carries on, as a browser without JavaScript would send it."""
    (form,) = page.every("form")
    fields = {
        each.attributes["name"]: each.attributes.get("value", "")
        for each in form.every("input")
        if "name" in each.attributes
    }
    return form.attributes["action"], fields


def a_low_stage(robo: Agent) -> None:
    autonomy.set_stage(
        agent=robo, action_class="*", stage=Stage.SHADOW, reason="New.",
        actor=cast.OPERATOR, at=clock.now(),
    )  # fmt: skip


def test_publishing_waits_for_a_proof_and_keeps_every_field(ada: Browser) -> None:
    with_password(ada)
    cast.policy()
    grow_old(ada)
    page = held(ada, "/policies/draft", **DRAFT, propose="yes")
    assert "Nothing was done yet; what you typed is kept" in page.text
    assert PolicyVersion.objects.count() == 1
    address, fields = again(page)
    assert {name: fields[name] for name in DRAFT} == DRAFT
    done = ada.post(address, **fields | {"password": cast.PASSWORD})
    assert (done.status_code, PolicyVersion.objects.count()) == (302, 2)


def test_a_check_asks_for_no_proof(ada: Browser) -> None:
    cast.policy()
    grow_old(ada, minutes=90)
    assert ada.post("/policies/draft", **DRAFT, check="yes").status_code == 200


def test_a_stage_up_waits_for_a_proof_and_a_step_down_does_not(ada: Browser, robo: Agent) -> None:
    a_low_stage(robo)
    with_password(ada)
    grow_old(ada)
    page = held(ada, "/agents/robo/stage", **UP)
    assert not ApprovalRequest.objects.filter(effect="change_stage").exists()
    address, fields = again(page)
    assert ada.post(address, **fields | {"password": cast.PASSWORD}).status_code == 302
    assert ApprovalRequest.objects.filter(effect="change_stage").count() == 1
    grow_old(ada)
    down = UP | {"stage": "shadow", "act": "down"}
    assert ada.post("/agents/robo/stage", **down).status_code != 403
    assert AgentStage.objects.get(until=None).stage == "shadow"


def test_what_a_form_calls_a_step_down_is_judged_by_what_it_does(ada: Browser, robo: Agent) -> None:
    a_low_stage(robo)
    grow_old(ada)
    held(ada, "/agents/robo/stage", **UP | {"act": "down"})


def test_closing_a_breaker_waits_for_a_proof(max_: Browser) -> None:
    trip = a_trip()
    with_password(max_)
    grow_old(max_)
    page = held(max_, f"/guardrails/breakers/{trip.pk}/reset", reason="It is mended.")
    trip.refresh_from_db()
    assert trip.closed_at is None
    address, fields = again(page)
    assert max_.post(address, **fields | {"password": cast.PASSWORD}).status_code == 302
    trip.refresh_from_db()
    assert (trip.closed_by, trip.close_reason) == ("person:max@example.com", "It is mended.")


def test_a_wrong_password_changes_nothing_and_keeps_what_was_typed(max_: Browser) -> None:
    trip = a_trip()
    with_password(max_)
    grow_old(max_)
    address, fields = again(held(max_, f"/guardrails/breakers/{trip.pk}/reset", reason="Mended."))
    answer = max_.post(address, **fields | {"password": "guess"})
    page = Page(answer.content.decode())
    assert answer.status_code == 422
    assert "This is not your password. Nothing was done." in page.text
    assert again(page)[1]["reason"] == "Mended."
    trip.refresh_from_db()
    assert trip.closed_at is None


def test_who_has_no_password_proves_it_in_another_tab_and_goes_on(max_: Browser) -> None:
    trip = a_trip()
    grow_old(max_)
    page = held(max_, f"/guardrails/breakers/{trip.pk}/reset", reason="Mended.")
    (way,) = [link for link in page.every("a") if "in a new tab" in link.text]
    assert way.attributes["href"] == "/sign-in/again?next=%2Fproven"
    assert (way.attributes["target"], way.attributes["rel"]) == ("_blank", "noopener")
    address, fields = again(page)
    early = max_.post(address, **fields)
    assert early.status_code == 403
    assert "You have not proved it yet. Nothing was done." in early.content.decode()
    max_.client.force_login(max_.person)
    assert "press Go on within 5 minutes" in max_.get("/proven").text
    assert max_.post(address, **fields).status_code == 302


def test_asking_for_more_scope_waits_for_a_proof(ada: Browser) -> None:
    grow_old(ada)
    page = held(ada, "/guardrails/alerts/7/scope", reason="They need it.", shown="ab")
    assert again(page)[1]["reason"] == "They need it."


def test_a_token_which_needs_no_proof_itself_waits_for_one(ada: Browser) -> None:
    with_password(ada)
    grow_old(ada)
    wish = {"name": "mine", "scopes": ["requests:read", "requests:decide"], "days": "7"}
    address, _ = again(page := held(ada, "/settings/you/tokens", **wish))
    carried = [(e.attributes["name"], e.attributes["value"]) for e in page.every("input")
               if e.attributes.get("name") == "scopes"]  # fmt: skip
    assert carried == [("scopes", "requests:read"), ("scopes", "requests:decide")]
    assert not PersonToken.objects.exists()
    assert ada.post(address, **wish, password=cast.PASSWORD).status_code == 200
    assert PersonToken.objects.get().scopes == ["requests:read", "requests:decide"]


def test_the_api_asks_the_same_of_a_session(ada: Browser, max_: Browser, robo: Agent) -> None:
    a_low_stage(robo)
    trip = a_trip()
    files = {**PolicyVersion.objects.get().files, "more.yaml": STRICTER}
    asked: list[tuple[Browser, str, dict[str, object]]] = [
        (ada, "/api/v1/agents/robo/stages", {"class": "*", "stage": "supervised", "reason": "Up."}),
        (max_, f"/api/v1/breakers/{trip.pk}/reset", {"reason": "Mended."}),
        (ada, "/api/v1/policies", {"files": files, "reason": "Safer."}),
    ]
    for browser, address, body in asked:
        grow_old(browser)
        answer = browser.client.post(address, body, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (403, "fresh_sign_in_needed"), address
        grow_old(browser, minutes=0)
        answer = browser.client.post(address, body, content_type="application/json")
        assert answer.status_code in {200, 201, 202}, answer.content


def test_a_proof_opens_no_door_that_is_closed_to_its_giver(lin: Browser, robo: Agent) -> None:
    with_password(lin)
    trip = a_trip()
    answer = lin.post(
        f"/guardrails/breakers/{trip.pk}/reset", reason="Mine.", password=cast.PASSWORD
    )
    assert answer.status_code == 403
    assert "Only a manager closes a circuit breaker" in answer.content.decode()
