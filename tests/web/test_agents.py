"""The agents' pages: a list, one agent, its stages, keys and limits, and stopping it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.domain.terms import Stage, Verdict
from approvals.models import Agent, AgentKey, AgentStage, ApprovalRequest, AuditEvent
from approvals.services import agents, autonomy, clock, lifecycle
from tests.services import limits
from tests.support import cast
from tests.web.conftest import Browser

At = Callable[[str], Browser]


def test_without_agents_the_page_says_how_to_register_one(ada: Browser) -> None:
    page = ada.get("/agents")
    assert "No agents. Register one" in page.text
    assert "countersign agent add my-agent" in page.text


def test_the_list_says_whose_each_is_where_it_stands_and_what_waits(
    ada: Browser, robo: Agent
) -> None:
    cast.request(robo)
    cast.decide(cast.request(robo, session="no"), cast.person("lin"), Verdict.DENY, "No.")
    autonomy.set_stage(
        agent=robo, action_class="*", stage=Stage.SUPERVISED, reason="New.",
        actor=cast.OPERATOR, at=clock.now(),
    )  # fmt: skip
    text = ada.get("/agents").text
    for words in (
        "robo",
        "owned by Sam",
        "Supervised",
        "Active",
        "scale_deployment production-api",
    ):
        assert words in text
    names = [link.name for link in ada.get("/agents").every("a")]
    assert "1 waiting of robo" in names
    assert "1 denied of robo in 7 days" in names


def test_the_filter_says_so_when_nothing_fits_and_finds_by_name_owner_state_and_stage(
    ada: Browser, robo: Agent
) -> None:
    other, _ = cast.agent("digger", owner=cast.person("chen"))
    agents.stop(agent=other, at=clock.now(), actor=cast.OPERATOR)
    assert "No agent matches" in ada.get("/agents?q=nothing").text
    assert "digger" not in ada.get("/agents?state=active").text
    assert "robo" not in ada.get("/agents?state=stopped").text
    assert "robo" not in ada.get("/agents?q=chen").text
    assert "No agent matches" in ada.get("/agents?stage=full").text
    assert "robo" in ada.get("/agents?state=nonsense&after=%00&q=%00").text


def test_pages_go_by_name_with_the_same_number_of_statements(ada: Browser, robo: Agent) -> None:
    with CaptureQueriesContext(connection) as few:
        ada.get("/agents")
    Agent.objects.bulk_create(
        Agent(name=f"bot-{number:03}", webhook_secret="x", created_at=clock.now())
        for number in range(60)
    )
    with CaptureQueriesContext(connection) as many:
        page = ada.get("/agents")
    assert len(many) == len(few)
    assert "bot-049" in page.text
    assert "bot-050" not in page.text
    [following] = [link for link in page.every("a") if link.text == "Next"]
    assert "robo" in ada.get(following.attributes["href"]).text


def test_one_agent_shows_its_limits_keys_scope_and_requests(ada: Browser, robo: Agent) -> None:
    cast.request(robo)
    text = ada.get("/agents/robo").text
    for words in (
        "Owned by Sam", "How far it is trusted", "Evidence:", "scale_deployment production-api",
        "No breaker is open", "Scope: granted and used", AgentKey.objects.get().prefix,
    ):  # fmt: skip
        assert words in text
    assert "No rate of the policy in force concerns this agent" in text


def test_limits_say_what_is_used_of_them(robo: Agent) -> None:
    limits.everybody()
    limits.in_force("rate_limits: {scaling_events: {max_per_hour: 10}}")
    cast.request(robo)
    text = Browser(limits.somebody("ada")).get("/agents/robo").text
    assert "1 of 10 this hour" in text


def test_the_page_of_one_agent_needs_the_same_statements_however_much_it_did(
    ada: Browser, robo: Agent
) -> None:
    cast.request(robo)
    with CaptureQueriesContext(connection) as few:
        ada.get("/agents/robo")
    for number in range(4):
        cast.request(robo, session=str(number))
    with CaptureQueriesContext(connection) as many:
        ada.get("/agents/robo")
    assert len(many) == len(few)


def test_an_unknown_agent_and_the_service_itself_have_no_page(ada: Browser) -> None:
    ada.get("/agents/nobody", status=404)
    ada.get(f"/agents/{agents.ITSELF}", status=404)


def test_stepping_down_is_at_once_also_with_a_reason_in_hand(ada: Browser, robo: Agent) -> None:
    form = {"class": "*", "stage": "supervised", "act": "down", "reason": "Too eager."}
    done = ada.post("/agents/robo/stage", **form)
    assert (done.status_code, done["Location"]) == (302, "/agents/robo?class=%2A#trust")
    assert AgentStage.objects.get(until=None).stage == "supervised"
    assert "Say why" not in ada.get("/agents/robo").text


def test_going_up_asks_others_and_shows_the_request(ada: Browser, robo: Agent) -> None:
    autonomy.set_stage(
        agent=robo, action_class="*", stage=Stage.SHADOW, reason="New.",
        actor=cast.OPERATOR, at=clock.now(),
    )  # fmt: skip
    form = {"class": "*", "stage": "supervised", "act": "up", "reason": "Earned."}
    asked = ada.post("/agents/robo/stage", **form)
    row = ApprovalRequest.objects.get(effect="change_stage")
    assert (asked.status_code, asked["Location"]) == (302, f"/r/{row.ref}")
    assert AgentStage.objects.get(until=None).stage == "shadow"
    assert f"{row.ref} asks for supervised" in ada.get("/agents/robo").text


def test_members_change_nothing_and_are_told_who_can(lin: Browser, robo: Agent) -> None:
    text = lin.get("/agents/robo").text
    assert "A manager, an operator or the owner can change a stage" in text
    for address, fields in (
        ("/agents/robo/stage", {"class": "*", "stage": "shadow", "reason": "x"}),
        ("/agents/robo/start", {"reason": "x"}),
        ("/agents/robo/keys", {"name": "mine", "days": "9"}),
        ("/agents/new", {"name": "mine"}),
        ("/agents/stop", {"agent": "robo", "reason": "x"}),
    ):
        assert lin.post(address, **fields).status_code == 403
    assert not AgentStage.objects.exists()
    assert Agent.objects.get(name="robo").is_enabled
    assert not Agent.objects.filter(name="mine").exists()


def test_a_key_is_shown_once_and_revoked_at_once(ada: Browser, robo: Agent) -> None:
    answer = ada.post("/agents/robo/keys", name="in the vault", days="30", act="key")
    assert answer.status_code == 200
    key = AgentKey.objects.get(name="in the vault")
    assert f"{key.prefix}" in answer.content.decode()
    assert "shown this once" in answer.content.decode()
    assert answer["Cache-Control"] == "no-store"
    assert key.created_by == ada.person
    assert (key.expires_at - key.created_at) == timedelta(days=30)
    assert "shown this once" not in ada.get("/agents/robo").text
    ada.post(f"/agents/robo/keys/{key.prefix}/revoke")
    key.refresh_from_db()
    assert key.revoked_at is not None


@pytest.mark.parametrize(("name", "days"), [("", "9"), ("x", "0"), ("x", "9999"), ("x", "nine")])
def test_a_key_needs_a_name_and_an_end(ada: Browser, robo: Agent, name: str, days: str) -> None:
    before = AgentKey.objects.count()
    assert ada.post("/agents/robo/keys", name=name, days=days, act="key").status_code == 422
    assert AgentKey.objects.count() == before


def test_an_agent_is_registered_with_its_owner(ada: Browser) -> None:
    cast.person("sam")
    answer = ada.post("/agents/new", name="deploy-bot", owner="sam@example.com")
    assert answer.status_code == 200
    assert "cs_agent_" in answer.content.decode()
    assert str(Agent.objects.get(name="deploy-bot").owner) == "Sam"
    for fields in (
        {"name": "deploy-bot"},
        {"name": ""},
        {"name": "x", "owner": "nobody@example.com"},
    ):
        assert ada.post("/agents/new", **fields).status_code in {409, 422}


def test_stopping_says_what_happens_and_what_cannot_be_recalled(at: At, robo: Agent) -> None:
    cast.request(robo)
    sam = at("sam")
    assert "Which agent" in sam.get("/agents/stop").text
    text = sam.get("/agents/stop?agent=robo").text
    assert "1 request waits now; stopping denies none of them" in text
    assert "cannot be recalled from here" in text
    assert sam.post("/agents/stop", agent="robo", reason="").status_code == 422
    assert sam.post("/agents/stop", agent="robo", reason="It loops.").status_code == 302
    robo.refresh_from_db()
    assert not robo.is_enabled
    event = AuditEvent.objects.get(type="agent.stopped")
    assert event.entry["detail"]["reason"] == "It loops."
    assert event.actor == "person:sam@example.com"
    page = sam.get("/agents/robo").text
    assert "robo is stopped" in page
    assert "A manager or an operator can start it again" in page
    assert at("ada").post("/agents/robo/start", reason="Mended.").status_code == 302
    robo.refresh_from_db()
    assert robo.is_enabled


def test_what_a_stopped_agent_left_waiting_is_denied_together_by_whoever_may(
    at: At, robo: Agent
) -> None:
    rows = [cast.request(robo, parameters={"n": number}) for number in range(52)]
    assert at("sam").post("/agents/stop", agent="robo", reason="It loops.").status_code == 302

    lin = at("lin")
    page = lin.get("/agents/robo")
    [link] = [each for each in page.every("a") if "one reason" in each.text]
    together = lin.get(link.attributes["href"])
    assert "Deny 50 requests?" in together.text
    assert [row.ref in together.text for row in rows] == [True] * 50 + [False] * 2

    theirs = at("sam").get(link.attributes["href"])
    assert "Deny 0 requests?" in theirs.text
    assert not [each for each in theirs.every("textarea") if each.attributes["name"] == "reason"]


def test_several_are_listed_before_they_are_stopped_and_each_is_written_down(
    ada: Browser, lin: Browser, robo: Agent
) -> None:
    cast.agent("crawler")
    cast.request(robo)
    ticks = [box.attributes["value"] for box in ada.get("/agents").every("input")
             if box.attributes.get("name") == "agent"]  # fmt: skip
    assert ticks == ["crawler", "robo"]
    page = ada.get("/agents/stop-several?agent=robo&agent=crawler&agent=ghost")
    assert "Stop 2 agents" in page.text
    assert "1 waiting of robo" in page.text
    both = {"agent": ["robo", "crawler"]}
    assert ada.post("/agents/stop-several", **both, reason=" ").status_code == 422
    assert (
        "Only a manager, an operator or the owner can stop crawler, robo"
        in lin.get("/agents/stop-several?agent=robo&agent=crawler").text
    )
    assert lin.post("/agents/stop-several", **both, reason="x").status_code == 403
    assert AuditEvent.objects.filter(type="agent.stopped").count() == 0
    assert ada.post("/agents/stop-several", **both, reason="A storm.").status_code == 302
    assert AuditEvent.objects.filter(type="agent.stopped").count() == 2
    assert "No agent was chosen" in ada.get("/agents/stop-several").text


def test_stopping_nobody_known_is_said(ada: Browser, robo: Agent) -> None:
    assert "There is no agent" in ada.get("/agents/stop?agent=ghost", status=404).text


def test_hostile_texts_of_agents_are_drawn_with_their_hidden_letters(
    ada: Browser, robo: Agent
) -> None:
    cast.request(robo, target="prod\u202etxt.exe", parameters={}, impact=None, rollback=None)
    text = ada.get("/agents/robo").text
    assert "\u202e" not in text
    assert "\u202e" not in ada.get("/agents").text


def test_what_was_taken_back_after_a_question_leads_to_just_those(
    ada: Browser, robo: Agent
) -> None:
    lin, rows = cast.person("lin"), [cast.request(robo, target=f"t{n}") for n in range(3)]
    for row in rows[:2]:
        cast.decide(row, lin, Verdict.INVESTIGATE, "Why 8?")
    for row in rows[1:]:
        lifecycle.cancel(ref=row.ref, agent=robo, at=clock.now())

    links = {link.name: link for link in ada.get("/agents/robo?class=*").every("a")}
    listed = ada.get(links["1 taken back after a question"].attributes["href"]).every("a")
    shown = {link.attributes.get("href") for link in listed}

    assert [f"/r/{row.ref}" in shown for row in rows] == [False, True, False]
