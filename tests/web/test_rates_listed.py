"""The list of rates on the guardrails page is bounded, counts the rest, and is whole for one agent."""

from __future__ import annotations

import pytest

from approvals.models import Agent
from approvals.web import guardrail_panels as panels
from tests.services import limits
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page

pytestmark = pytest.mark.django_db


@pytest.fixture
def robo(db: None) -> Agent:
    cast.agent("other")
    return limits.everybody()


def bars(page: Page) -> list[str]:
    return [
        each.attributes["data-rate"] for each in page.every("li") if "data-rate" in each.attributes
    ]


def many_rates(robo: Agent, count: int) -> None:
    """So many rates in use, of two agents."""
    names = ", ".join(f"odd{n}: {{max_per_hour: 50, actions: ['scale_*']}}" for n in range(count))
    limits.in_force(f"agents: [robo, other]\nrate_limits: {{{names}}}")
    for name in ("robo", "other"):
        cast.request(Agent.objects.get(name=name))


@pytest.mark.parametrize("shown", ["all", "near"])
def test_no_page_lists_more_rates_than_its_bound_and_the_rest_is_counted(
    robo: Agent, shown: str
) -> None:
    many_rates(robo, 120)
    page = Browser(limits.somebody("lin")).get(f"/guardrails?rates={shown}")
    count = {"all": panels.MOST_LISTED, "near": 0}[shown]
    assert len(bars(page)) == count
    assert "of 240 rates in use" in page.text
    if shown == "all":
        assert "40 emptier rates are not shown" in page.text
        assert "Only the fullest 200 are listed" in page.text


def test_the_rates_of_one_agent_are_listed_whole_and_stay_so_when_drawn_again(robo: Agent) -> None:
    many_rates(robo, 120)
    lin = Browser(limits.somebody("lin"))
    page = lin.get("/guardrails?rates=all&agent=other")
    assert len(bars(page)) == 120
    assert "Only the fullest" not in page.text
    (main,) = page.every("main")
    assert main.attributes["data-live"] == "/guardrails?span=day&rates=all&agent=other"
    assert len(bars(lin.get(main.attributes["data-live"]))) == 120
    assert page.by_id("f-agent").attributes["value"] == "other"


@pytest.mark.parametrize("name", ["nobody", "a%00b", "x" * 81, "%E2%80%AEx", "%22%3E%3Cb%3E"])
def test_an_agent_that_is_none_lists_nothing_of_others_by_mistake(robo: Agent, name: str) -> None:
    many_rates(robo, 2)
    page = Browser(limits.somebody("lin")).get(f"/guardrails?rates=all&agent={name}")
    assert not page.every("b")
    assert bars(page) == []
