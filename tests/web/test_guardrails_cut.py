"""Where the guardrails page counts only some, it says so; nothing in use is missed for a name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from approvals.models import Agent, ApprovalRequest, BreakerTrip
from approvals.queries import guardrail_lists as lists
from approvals.queries import guardrails
from approvals.services import block_marks, clock
from tests.services import limits
from tests.support import cast, many
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
POLICY = """
rate_limits: {deploys: {max_per_hour: 10, actions: [deploy_service]}}
"""
MORE_ASKED = (
    "More agents asked in the last 24 hours than are counted here: the first 1,000 by name."
)


@pytest.fixture
def robo(db: None) -> Agent:
    robo = limits.everybody()
    limits.in_force(POLICY)
    return robo


@pytest.fixture
def lin(robo: Agent) -> Browser:
    return Browser(limits.somebody("lin"))


def test_a_rate_in_use_is_shown_however_many_agents_stand_before_it(
    robo: Agent, lin: Browser
) -> None:
    limits.ask(robo, at=clock.now())
    many.agents(guardrails.MOST_ASKING + 1, like=robo)
    page = lin.get("/guardrails")
    assert "1 rate in use" in page.text
    assert "1 of 10 this hour" in page.text
    assert MORE_ASKED not in page.text


def test_where_more_agents_asked_than_are_counted_the_panel_says_so(
    robo: Agent, lin: Browser
) -> None:
    row = limits.ask(robo, at=clock.now())
    others = many.agents(guardrails.MOST_ASKING, like=robo)
    many.requests(row, [{"agent_id": other.pk, "action": "scale_up"} for other in others[1:]])
    assert "1 of 10 this hour" in lin.get("/guardrails").text
    assert MORE_ASKED not in lin.get("/guardrails").text

    many.requests(row, [{"agent_id": others[0].pk, "action": "scale_up"}])
    page = lin.get("/guardrails")
    assert MORE_ASKED in page.text
    assert "none of the agents counted used any of its rates" in page.text
    assert "1 of 10 this hour" in lin.get("/guardrails?rates=all&agent=robo").text


def trips(robo: Agent, how_many: int, *, closed: bool) -> None:
    now = clock.now()
    others = many.agents(how_many, like=robo)
    BreakerTrip.objects.bulk_create(
        BreakerTrip(
            agent=other, policy="limits", kind="error_rate", does="pause_and_alert", words="w",
            opened_at=now, half_open_at=now + MINUTE, closed_at=now if closed else None,
            closed_by="the trial" if closed else "",
        )
        for other in others
    )  # fmt: skip


def test_an_old_open_breaker_is_counted_beneath_a_thousand_newer_closed_ones(
    robo: Agent, lin: Browser
) -> None:
    now = clock.now()
    BreakerTrip.objects.create(
        agent=robo, policy="limits", kind="cost_spike", does="pause_and_alert", words="Cost.",
        opened_at=now - DAY, half_open_at=now,
    )  # fmt: skip
    trips(robo, lists.MOST_COUNTED - 1, closed=True)
    links = {a.attributes["href"]: a.text for a in lin.get("/guardrails").every("a")}
    assert links["/guardrails/breakers?state=open"] == "1"
    assert links["/guardrails/breakers"] == "1000 opened in 30 days"

    BreakerTrip.objects.create(
        agent=robo, policy="old", kind="cost_spike", does="pause_and_alert", words="w",
        opened_at=now, half_open_at=now, closed_at=now, closed_by="the trial",
    )  # fmt: skip
    links = {a.attributes["href"]: a.text for a in lin.get("/guardrails").every("a")}
    assert links["/guardrails/breakers?state=open"] == "1"
    assert links["/guardrails/breakers"] == "1000+ opened in 30 days"


def test_open_breakers_past_those_drawn_are_one_click_away(robo: Agent, lin: Browser) -> None:
    trips(robo, guardrails.MOST_BREAKERS, closed=False)
    assert "Only those open longest" not in lin.get("/guardrails").text
    BreakerTrip.objects.create(
        agent=robo, policy="limits", kind="cost_spike", does="pause_and_alert", words="w",
        opened_at=clock.now(), half_open_at=clock.now(),
    )  # fmt: skip
    all_of_them = f"all {guardrails.MOST_BREAKERS + 1} are listed"
    text = lin.get("/guardrails").text
    assert f"Only those open longest are drawn here; {all_of_them}." in text


def test_how_many_agents_were_blocked_stands_beside_the_most_blocked(
    robo: Agent, lin: Browser
) -> None:
    row = cast.request(robo, **cast.FORBIDDEN)
    others = many.agents(guardrails.TOP, like=robo)
    many.requests(row, [{"agent_id": other.pk} for other in others[1:]])
    assert "blocked most, of" not in lin.get("/guardrails").text
    many.requests(row, [{"agent_id": others[0].pk}])
    assert "The 6 blocked most, of 7 agents." in lin.get("/guardrails").text


def test_what_people_judged_is_said_to_be_among_the_newest_where_there_are_more(
    robo: Agent, lin: Browser
) -> None:
    row = cast.request(robo, **cast.FORBIDDEN)
    many.requests(row, [{}] * (lists.MOST_SAMPLED - 1))
    grace = limits.somebody("grace")
    grace.role = "manager"
    grace.save()
    newest = ApprovalRequest.objects.latest("number")
    block_marks.mark(ref=newest.ref, person=grace, is_right=True, at=clock.now())
    assert "People called 1 of these right." in lin.get("/guardrails").text
    many.requests(row, [{}])
    assert "People called 1 of the newest 200 right." in lin.get("/guardrails").text
