"""The zone an agent works in: said at its page and at registering, and read on pages of its requests."""

from __future__ import annotations

from approvals.models import Agent
from approvals.services import agent_zones, clock, preferences
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page


def zone_of(page: Page) -> str | None:
    return page.by_id("main").attributes.get("data-agent-zone")


def test_a_manager_says_it_at_registering(max_: Browser, robo: Agent) -> None:
    wrong = max_.post("/agents/new", name="deploy-bot", time_zone="Europe/Berlni")
    page = Page(wrong.content.decode())
    assert wrong.status_code == 422
    assert "did you mean 'Europe/Berlin'? Nothing was made." in page.text
    assert page.by_id("time_zone").attributes["value"] == "Europe/Berlni"
    assert not Agent.objects.filter(name="deploy-bot").exists()

    max_.post("/agents/new", name="deploy-bot", time_zone="Europe/Berlin")
    assert "works in Europe/Berlin" in max_.get("/agents/deploy-bot").text


def test_it_is_changed_at_the_agents_page_by_whoever_may(
    max_: Browser, lin: Browser, robo: Agent
) -> None:
    assert max_.post("/agents/robo/time-zone", time_zone="Asia/Kolkata").status_code == 302
    assert "works in Asia/Kolkata" in lin.get("/agents/robo").text
    assert "Change its time zone" not in lin.get("/agents/robo").text
    assert lin.post("/agents/robo/time-zone", time_zone="UTC").status_code == 403

    wrong = max_.post("/agents/robo/time-zone", time_zone="Berlin")
    assert wrong.status_code == 422
    assert "did you mean 'Europe/Berlin'?" in Page(wrong.content.decode()).text
    assert max_.post("/agents/nobody/time-zone", time_zone="UTC").status_code == 404
    assert "Time zone of an agent changed" in max_.get("/history/changes").text


def test_a_page_of_one_request_says_where_its_agent_works_and_no_other_does(
    lin: Browser, robo: Agent
) -> None:
    row = cast.request(robo)
    assert zone_of(lin.get(f"/r/{row.ref}")) is None
    agent_zones.change(agent=robo, name="Asia/Kolkata", actor=cast.OPERATOR, at=clock.now())
    assert zone_of(lin.get(f"/r/{row.ref}")) == "Asia/Kolkata"
    assert zone_of(lin.get("/queue")) is None


def test_whoever_wants_it_keeps_it_without_script_too(lin: Browser) -> None:
    lin.post("/settings/you/preferences", time_zone="agent")
    assert preferences.read(lin.person)["time_zone"] == "agent"
    assert lin.get("/queue").every("html")[0].attributes["data-zone"] == "agent"
    chosen = [
        each.attributes["value"]
        for each in lin.get("/settings/you").every("input")
        if each.attributes.get("name") == "time_zone" and "checked" in each.attributes
    ]
    assert chosen == ["agent"]
