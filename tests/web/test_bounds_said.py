"""What is bounded says so where the bound was passed, and says nothing where it was just reached."""

from __future__ import annotations

from datetime import timedelta

import pytest

from approvals.domain.terms import AlertKind
from approvals.models import (
    Agent,
    AgentStage,
    Alert,
    ApprovalRequest,
    BreakerTrip,
    Person,
    StageStart,
    StandingGrant,
)
from approvals.models.desk import SavedView
from approvals.queries import agents as agent_reads
from approvals.queries import views
from approvals.services import clock, promotions
from approvals.web import agent_page, agents_trust
from tests.support import cast, many
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def shared_views(person: Person, page: str, how_many: int) -> None:
    now = clock.now()
    SavedView.objects.bulk_create(
        SavedView(person=person, page=page, name=f"a {number:03}", query=f"q={number}",
                  is_shared=True, created_at=now)
        for number in range(how_many)
    )  # fmt: skip


@pytest.mark.parametrize("page", ["queue", "history"])
def test_a_view_of_ones_own_is_never_among_those_that_are_left_out(lin: Browser, page: str) -> None:
    said = f"Only {views.MOST_LISTED} saved views are listed"
    SavedView.objects.create(person=lin.person, page=page, name="zebra", query="q=zebra",
                             created_at=clock.now())  # fmt: skip
    shared_views(cast.person("ada"), page, views.MOST_LISTED - 1)
    assert said not in lin.get(f"/{page}").text

    shared_views(cast.person("grace"), page, 1)
    text = lin.get(f"/{page}").text
    assert said in text
    assert "zebra" in text
    assert text.index("zebra") < text.index("a 000")


def grants(agent: Agent, how_many: int) -> None:
    now = clock.now()
    StandingGrant.objects.bulk_create(
        StandingGrant(agent=agent, action="scale", target=f"t{number}", bounds={}, most_uses=1,
                      made_at=now, made_by="Lin", made_from="REQ-1", expires_at=now + DAY)
        for number in range(how_many)
    )  # fmt: skip


def test_an_agents_page_says_which_standing_grants_it_lists(lin: Browser, robo: Agent) -> None:
    said = f"Only the newest {agent_page.MOST_GRANTS} are listed; countersign standing list"
    grants(robo, agent_page.MOST_GRANTS)
    grants(cast.agent("digger")[0], 1)
    assert said not in lin.get("/agents/robo").text

    grants(robo, 1)
    page = lin.get("/agents/robo")
    assert f"{said} --agent robo --limit 1000 lists more." in page.text
    limits = next(s for s in page.every("section") if s.attributes.get("data-region") == "limits")
    assert len(limits.every("ul")[-1].every("li")) == agent_page.MOST_GRANTS


def breakers(agent: Agent, how_many: int, *, policy: str = "p") -> None:
    now = clock.now()
    BreakerTrip.objects.bulk_create(
        BreakerTrip(agent=agent, policy=f"{policy}{number}", kind="error_rate", words="Failing.",
                    does="pause_and_alert", opened_at=now, half_open_at=now + DAY)
        for number in range(how_many)
    )  # fmt: skip


def alerts(agent: Agent, how_many: int, *, key: str = "k") -> None:
    now = clock.now()
    Alert.objects.bulk_create(
        Alert(kind=AlertKind.UNUSUAL_PATTERN.value, agent=agent, key=f"{key}{number}",
              words="Odd.", at=now)
        for number in range(how_many)
    )  # fmt: skip


def test_an_agents_page_says_which_breakers_and_alerts_it_lists(lin: Browser, robo: Agent) -> None:
    most = agent_reads.MOST_LISTED
    breakers(robo, most)
    alerts(robo, most)
    text = lin.get("/agents/robo").text
    assert "breakers open longest" not in text
    assert "open alerts are listed" not in text

    breakers(robo, 1, policy="more")
    page = lin.get("/agents/robo")
    assert f"Only the {most} breakers open longest are listed; all open ones" in page.text
    assert "/guardrails/breakers?state=open" in [a.attributes["href"] for a in page.every("a")]
    assert "open alerts are listed" not in page.text

    alerts(robo, 1, key="more")
    page = lin.get("/agents/robo")
    assert f"Only its newest {most} open alerts are listed." in page.text
    assert page.text.count("Odd.") == most
    assert page.text.count("Failing.") == most


def earlier_stages(agent: Agent, how_many: int) -> None:
    now = clock.now()
    AgentStage.objects.bulk_create(
        AgentStage(agent=agent, action_class="*", stage="shadow", since=now - DAY, until=now,
                   changed_by="Lin")
        for _ in range(how_many)
    )  # fmt: skip


def test_an_agents_page_says_how_many_earlier_stages_it_does_not_list(
    lin: Browser, robo: Agent
) -> None:
    most = agents_trust.MOST_PAST
    earlier_stages(robo, most)
    summaries = [each.text for each in lin.get("/agents/robo").every("summary")]
    assert "Earlier stages" in summaries

    earlier_stages(robo, 1)
    page = lin.get("/agents/robo")
    summaries = [each.text for each in page.every("summary")]
    assert f"Earlier stages, the newest {most} of {most + 1}" in summaries
    assert "/history/changes?kind=stages" in [a.attributes["href"] for a in page.every("a")]


def plans(agent: Agent, how_many: int, *, dropped: bool) -> list[StageStart]:
    now, row = clock.now(), cast.request(agent)
    many.requests(row, [{} for _ in range(how_many)])
    newest = ApprovalRequest.objects.order_by("-number")[:how_many]
    return StageStart.objects.bulk_create(
        StageStart(request=each, agent=agent, action_class="scaling_events", stage="autonomous",
                   starts_at=now + DAY, dropped_at=now if dropped else None, why_not="Called off.")
        for each in newest
    )  # fmt: skip


def test_an_agents_page_says_that_it_lists_only_the_newest_plans_that_came_to_nothing(
    lin: Browser, robo: Agent
) -> None:
    said = "Not all that was planned and did not begin is listed"
    plans(robo, agents_trust.MOST_DROPPED, dropped=True)
    assert said not in lin.get("/agents/robo").text

    plans(robo, 1, dropped=True)
    text = lin.get("/agents/robo").text
    assert said in text
    assert text.count("Did not begin") == agents_trust.MOST_DROPPED


def test_a_plan_that_is_still_to_begin_is_listed_beneath_newer_ones_that_came_to_nothing(
    ada: Browser, robo: Agent
) -> None:
    start = plans(robo, 1, dropped=False)[0]
    plans(robo, promotions.MOST_SHOWN, dropped=True)

    actions = [form.attributes.get("action") for form in ada.get("/agents/robo").every("form")]
    assert f"/agents/robo/planned/{start.pk}/call-off" in actions


def test_an_agents_page_counts_the_classes_and_actions_that_it_does_not_list(
    lin: Browser, robo: Agent
) -> None:
    most = agents_trust.MOST_CLASSES
    assert most == agent_page.MOST_NAMED
    row = cast.request(robo, action="do_0")
    many.requests(row, [{"action": f"do_{n}", "action_class": f"do_{n}"} for n in range(1, most)])
    page = lin.get("/agents/robo")
    assert "more class" not in page.text
    assert "and 1 more" not in page.text

    many.requests(row, [{"action": "do_last", "action_class": "do_last"}])
    page = lin.get("/agents/robo")
    assert "1 more class of its last 2000 requests is not listed" in page.text
    scope = next(s for s in page.every("section") if "scope-title" in s.attributes.values())
    assert scope.text.count("and 1 more") == 1
