"""What stands above the queue counts up to a bound, and says where there may be more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from approvals.models import Absence, Agent, ApprovalRequest, BreakerTrip, Delivery, Person
from approvals.queries import alarms, away, channel_rows
from approvals.services import clock
from tests.support import cast, many
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def given_up(row: ApprovalRequest, how_many: int) -> None:
    now = clock.now()
    Delivery.objects.bulk_create(
        Delivery(request=row, adapter="slack", address="C1", kind="card", state="dead",
                 created_at=now, due_at=now, finished_at=now)
        for _ in range(how_many)
    )  # fmt: skip


def test_messages_that_were_given_up_are_counted_up_to_a_bound(lin: Browser, robo: Agent) -> None:
    row, said = cast.request(robo), "messages about waiting requests could not be delivered."
    given_up(row, alarms.MOST_COUNTED)
    assert f"{alarms.MOST_COUNTED} {said}" in lin.get("/queue").text

    given_up(row, 1)
    assert f"{alarms.MOST_COUNTED}+ {said}" in lin.get("/queue").text


def opened(agents: list[Agent], *, policy: str = "limits") -> None:
    now = clock.now()
    BreakerTrip.objects.bulk_create(
        BreakerTrip(agent=agent, policy=policy, kind="error_rate", does="pause_and_alert",
                    words="w", opened_at=now, half_open_at=now + DAY)
        for agent in agents
    )  # fmt: skip


def test_agents_whose_breaker_is_open_are_counted_up_to_a_bound(lin: Browser, robo: Agent) -> None:
    rest = alarms.MOST_COUNTED - alarms.MOST_NAMED
    opened(many.agents(alarms.MOST_COUNTED, like=robo))
    assert f"and {rest} more." in lin.get("/queue").text

    opened([robo])
    assert f"and {rest}+ more." in lin.get("/queue").text


def test_one_agent_may_hide_others_behind_all_its_breakers(lin: Browser, robo: Agent) -> None:
    for number in range(alarms.MOST_COUNTED):
        opened([robo], policy=f"p{number}")
    assert "A circuit breaker is open for agent robo." in lin.get("/queue").text

    opened([robo], policy="last")
    assert "open for agents robo and perhaps others." in lin.get("/queue").text


def away_now(manager: Person, how_many: int, *, name: str) -> None:
    now = clock.now()
    people = [cast.person(f"{name}{number}") for number in range(how_many)]
    Person.objects.filter(pk__in=[each.pk for each in people]).update(manager=manager)
    Absence.objects.bulk_create(
        Absence(person=each, starts_at=now - DAY, ends_at=now + DAY, made_by=manager, made_at=now)
        for each in people
    )


def test_people_of_ones_own_who_are_away_are_counted_up_to_a_bound(ada: Browser) -> None:
    rest = away.MOST - alarms.MOST_NAMED
    away_now(ada.person, away.MOST, name="gone")
    assert f" {rest} more are away." in ada.get("/queue").text

    away_now(ada.person, 1, name="left")
    assert f" {rest}+ more are away." in ada.get("/queue").text


def test_people_near_oneself_who_are_away_are_listed_up_to_a_bound(ada: Browser) -> None:
    more = "More are away: these are back first."
    away_now(ada.person, away.MOST, name="gone")
    assert more not in ada.get("/oncall").by_id("away-near").text

    away_now(ada.person, 1, name="left")
    lines = ada.get("/oncall").by_id("away-near").every("li")
    assert [len(lines), lines[-1].text] == [away.MOST + 1, more]


def test_what_waits_for_a_channel_and_what_it_gave_up_are_counted_whole(robo: Agent) -> None:
    row, now = cast.request(robo), clock.now()
    given_up(row, channel_rows.MOST + 2)
    Delivery.objects.bulk_create(
        Delivery(
            request=row, adapter="slack", address="C1", kind="card", created_at=now, due_at=now
        )
        for _ in range(channel_rows.MOST + 1)
    )
    slack = channel_rows.seen(now=now)["slack"]
    assert (slack.waiting, slack.dead) == (channel_rows.MOST + 1, channel_rows.MOST + 2)
