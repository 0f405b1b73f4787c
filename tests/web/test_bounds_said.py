"""What is bounded says so where the bound was passed, and says nothing where it was just reached."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from approvals.domain.terms import AlertKind
from approvals.models import (
    Agent,
    AgentStage,
    Alert,
    ApprovalRequest,
    BreakerTrip,
    Delivery,
    Person,
    Place,
    StageStart,
    StandingGrant,
)
from approvals.models.desk import SavedView
from approvals.models.workspaces import Shows
from approvals.queries import agents as agent_reads
from approvals.queries import channels, views
from approvals.queries import insights as figures
from approvals.services import clock, promotions, showing
from approvals.web import (
    agent_page,
    agents_trust,
    insights,
    insights_spared,
    settings_showing,
)
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


def test_insights_say_how_many_agents_and_needless_actions_they_do_not_list(
    lin: Browser, robo: Agent
) -> None:
    row = cast.decide(cast.request(robo, action="do_0"), lin.person)
    needless = [{"action": f"do_{n}"} for n in range(insights.TOP) for _ in range(figures.ENOUGH)]
    others = many.agents(insights.TOP, like=robo)
    many.requests(row, needless[1:])
    many.requests(row, [{"action": each.name, "agent_id": each.pk} for each in others[1:]])
    text = lin.get("/insights").text
    assert "asked about most, of" not in text
    assert "that asked most, of" not in text

    many.requests(row, [{"action": "more"} for _ in range(figures.ENOUGH)])
    many.requests(row, [{"action": "once", "agent_id": others[0].pk, "status": "denied"}])
    page = lin.get("/insights")
    more = insights.TOP + 1
    assert f"The {insights.TOP} asked about most, of {more}." in page.text
    assert f"The {insights.TOP} that asked most, of {more}." in page.text
    assert len(page.every("article")) == insights.TOP


def test_insights_say_that_only_some_of_the_people_one_manages_are_listed(ada: Browser) -> None:
    said = f"Only the first {insights.MOST_REPORTS} of the people you manage are listed, by name."
    people = [cast.person(f"report{number}") for number in range(insights.MOST_REPORTS)]
    Person.objects.filter(pk__in=[each.pk for each in people]).update(manager=ada.person)
    assert said not in ada.get("/insights").text

    more = cast.person("report-last")
    Person.objects.filter(pk=more.pk).update(manager=ada.person)
    page = ada.get("/insights")
    assert said in page.text
    assert page.text.count("decided nothing in this span") == insights.MOST_REPORTS + 1


def spared(person: Person, rule: str) -> None:
    """Enough requests that this rule asked about, all approved by this person."""
    for number in range(figures.ENOUGH):
        row = cast.decide(cast.request(parameters={rule: number}), person)
        told = json.dumps(row.evaluation).replace("default-actions.blast_radius", rule)
        assert rule in told
        ApprovalRequest.objects.filter(pk=row.pk).update(evaluation=json.loads(told))


def test_insights_say_that_more_rules_could_have_spared_somebody(lin: Browser) -> None:
    for number in range(insights_spared.TOP):
        spared(lin.person, f"rule-{number}")
    text = lin.get("/insights").text
    assert "Other rules would have spared you 9 of them" in text
    assert "Only those that asked most are counted" not in text

    spared(lin.person, "rule-last")
    text = lin.get("/insights").text
    assert "Only those that asked most are counted; 1 more line like these is left out." in text
    assert "Other rules would have spared you 9 of them" in text


def given_up(how_many: int, *, room: str = "C") -> None:
    now = clock.now()
    row = ApprovalRequest.objects.first() or cast.request()
    Delivery.objects.bulk_create(
        Delivery(request=row, adapter="slack", address=f"{room}{number}", kind="card", state="dead",
                 attempts=5, created_at=now, due_at=now, finished_at=now, last_error="is_archived")
        for number in range(how_many)
    )  # fmt: skip


def test_a_channels_page_says_how_many_of_its_failures_it_lists(ada: Browser) -> None:
    given_up(channels.SHOWN)
    assert "each of another address" not in ada.get("/settings/channels/slack").text

    given_up(1, room="D")
    page = ada.get("/settings/channels/slack")
    said = f"The newest {channels.SHOWN} of {channels.SHOWN + 1}, each of another address"
    assert said in page.text
    assert "Messages given up" in [a.text for a in page.every("a")]


def rooms(how_many: int, *, name: str = "Room") -> None:
    Place.objects.bulk_create(
        Place(adapter="teams", external_id=f"19:{name}{n}", name=f"{name} {n}", seen_at=clock.now())
        for n in range(how_many)
    )


def test_known_addresses_that_are_left_out_are_counted_exactly_or_at_least(ada: Browser) -> None:
    rooms(settings_showing.MOST)
    assert "not listed" not in ada.get("/settings/showing").text

    showing.change(adapter="email", address="ops@example.com", shows=Shows.NAMES,
                   actor=cast.OPERATOR, at=clock.now())  # fmt: skip
    text = ada.get("/settings/showing").text
    assert "1 more known address is not listed" in text
    assert "At least" not in text

    rooms(1, name="Yard")
    assert "At least 2 more known addresses are not listed" in ada.get("/settings/showing").text
