"""A form that offers only some of the people or agents says so, and how to name another where one can."""

from __future__ import annotations

import pytest

from approvals.models import Agent, Person, Team
from approvals.queries import agents as agent_reads
from approvals.queries import people
from approvals.services import clock
from approvals.web import settings_webhooks, simulator
from tests.support import cast, many
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db


def colleagues(how_many: int) -> None:
    made = Person.objects.bulk_create(
        Person(email=f"a{number}@example.com", name=f"A {number:04}", created_at=clock.now())
        for number in range(how_many)
    )
    Team.objects.get(name="team-leads").people.add(*made)


def test_whoever_is_asked_to_look_is_chosen_from_so_many_people(lin: Browser, robo: Agent) -> None:
    ref = cast.request(robo).ref
    said = f"Only the first {people.MOST_NAMED} people by name can be chosen."
    pages = (f"/r/{ref}", f"/queue/several?do=assign&ref={ref}")
    known = Person.objects.filter(is_active=True, teams__isnull=False).distinct().count()
    colleagues(people.MOST_NAMED - known)
    assert [said in lin.get(page).text for page in pages] == [False, False]

    late = Person.objects.create(email="z@example.com", name="Zed", created_at=clock.now())
    Team.objects.get(name="team-leads").people.add(late)
    for page in map(lin.get, pages):
        assert said in page.text
        options = [each.attributes["value"] for each in page.every("option")]
        assert str(late.pk) not in options


def test_an_agent_beyond_those_offered_is_stopped_on_its_own_page(
    ada: Browser, robo: Agent
) -> None:
    most = agent_reads.MOST_OFFERED
    known = agent_reads.known()
    many.agents(most - known, like=robo)
    assert "are offered; any other" not in ada.get("/agents/stop").text

    cast.agent("zeta")
    page = ada.get("/agents/stop")
    assert f"Only {most} are offered; any other is stopped on its own page" in page.text
    assert "zeta" not in page.text
    assert "found among all agents" in [a.text for a in page.every("a")]


def test_forms_that_offer_agents_by_name_say_how_to_name_another(ada: Browser, robo: Agent) -> None:
    assert settings_webhooks.MOST_AGENTS == simulator.MOST_AGENTS
    most = simulator.MOST_AGENTS
    offers = {
        "/settings/webhooks": f"Only the first {most} by name are offered",
        "/policies/simulate": f"The first {most} by name are suggested; any other can be typed.",
    }
    ada.person.role = "operator"
    ada.person.save()
    many.agents(most - Agent.objects.count(), like=robo)
    assert [said in ada.get(page).text for page, said in offers.items()] == [False, False]

    cast.agent("zeta")
    assert [said in ada.get(page).text for page, said in offers.items()] == [True, True]
