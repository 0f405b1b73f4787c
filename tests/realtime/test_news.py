"""What every open queue page is told at once is what it would have been told had it asked."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals.domain import plan as plans
from approvals.domain import trial
from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest, Person
from approvals.models.agents import Agent
from approvals.models.desk import Assignment, RequestLook
from approvals.models.duty import Absence
from approvals.realtime import sessions
from approvals.services import clock, looks
from approvals.web import queue_live
from approvals.web.queue_live import News
from tests.support import cast

COUNT = re.compile(r'data-count="(\w+)">([^<]*)<')
pytestmark = pytest.mark.django_db


def browser(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def told(*rows: ApprovalRequest, people: tuple[Person, ...] = (), known: Any = None) -> News:
    return queue_live.news(
        [str(row.public_id) for row in rows],
        heard=clock.now().timestamp(),
        people=[person.pk for person in people],
        told=known or {},
    )


def deny(row: ApprovalRequest, person: Person) -> None:
    cast.decide(row, person, Verdict.DENY, "Not today.")


@pytest.fixture
def robo() -> Agent:
    return cast.agent()[0]


@pytest.mark.parametrize("name", ["lin", "ada", "sam"])
def test_a_closed_row_is_the_one_anybody_would_have_fetched(robo: Agent, name: str) -> None:
    row = cast.request(robo, parameters={"file": "invoice\u202egpj.exe"})
    deny(row, cast.person("lin"))

    news = told(row)

    page = browser(cast.person(name)).get(f"/queue/rows?tab=all&known={row.ref}~0")
    assert "✖ Denied" in news.closed
    assert "direction override" in news.closed
    assert news.closed.strip() in page.content.decode()
    assert not news.rest


def test_counts_are_those_of_each_persons_own_page(robo: Agent) -> None:
    """An approver, one who has approved, an owner, an outsider, and somebody who stands in."""
    lin, ada, sam, grace = (cast.person(name) for name in ("lin", "ada", "sam", "grace"))
    apart = cast.person("zoe", teams=())
    at = clock.now()
    Absence.objects.create(
        person=lin,
        stand_in=grace,
        made_by=lin,
        made_at=at,
        starts_at=at - timedelta(hours=1),
        ends_at=at + timedelta(hours=1),
    )
    rows = [cast.request(robo, parameters={"number": number}) for number in range(3)]
    high = [cast.request(robo, **cast.HIGH | {"target": f"t-{number}"}) for number in range(3)]
    cast.decide(high[0], ada)
    deny(rows[0], lin)
    everybody = (lin, ada, sam, grace, apart)

    news = told(rows[0], people=everybody)

    for person in everybody:
        page = browser(person).get("/queue?tab=all").content.decode()
        assert news.tallies[person.pk] == dict(COUNT.findall(page)), person.name
    assert len({tuple(counts.items()) for counts in news.tallies.values()}) > 2


def test_whoever_was_disabled_is_told_no_count(robo: Agent) -> None:
    row, zoe = cast.request(robo), cast.person("zoe")
    Person.objects.filter(pk=zoe.pk).update(is_active=False)

    assert told(row, people=(zoe,)).tallies == {}


def test_a_changed_row_is_the_one_each_person_would_have_fetched(robo: Agent) -> None:
    """One who approved, one who still can, one who saw it before, one it was given to, one outside."""
    names = ("ada", "grace", "lin", "sam", "zoe")
    people = tuple(
        cast.person(name, teams=()) if name == "zoe" else cast.person(name) for name in names
    )
    ada, _, lin, sam, _ = people
    row = cast.request(robo, **cast.HIGH)
    looks.open_page(row, lin, at=clock.now())
    RequestLook.objects.update(version=row.version - 1)
    Assignment.objects.create(request=row, person=sam, by=ada, at=clock.now())
    cast.decide(row, ada)

    news = told(row, people=people)

    assert (news.closed, news.rest) == ("", False)
    for person in people:
        page = browser(person).get(f"/queue/rows?tab=all&known={row.ref}~0").content.decode()
        assert f'data-ref="{row.ref}"' in page
        assert news.open[person.pk].strip() in page, person.name
    assert len(set(news.open.values())) == 4
    assert news.newest == row.created_at.timestamp()


def test_the_test_of_a_channel_is_told_to_nobody_but_whoever_made_it(robo: Agent) -> None:
    lin, ada = cast.person("lin"), cast.person("ada")
    row = cast.request(robo, target="the channel")
    plan = plans.to_json(trial.plan(lin.pk, channel="fake"))
    ApprovalRequest.objects.filter(pk=row.pk).update(effect=trial.EFFECT, plan=plan)

    news = told(row, people=(lin, ada))

    assert row.ref in news.open[lin.pk]
    assert news.open[ada.pk] == ""
    assert (news.tallies[lin.pk]["all"], news.tallies[ada.pk]["all"]) == ("1", "0")


def test_a_card_that_several_share_is_left_to_be_asked_for(robo: Agent) -> None:
    row = cast.request(robo, **cast.HIGH)
    same = cast.request(robo, **cast.HIGH)
    lin = cast.person("lin")

    assert same.joined == row
    for each in (row, same):
        assert (told(each, people=(lin,)).rest, told(each, people=(lin,)).open) == (True, {})


def test_the_same_news_is_told_once(robo: Agent) -> None:
    row, lin = cast.request(robo, **cast.HIGH), cast.person("lin")
    first = told(row, people=(lin,))
    again = told(row, people=(lin,), known=first.marks)
    deny(row, cast.person("ada"))
    closed = told(row, people=(lin,), known=first.marks)
    twice = told(row, people=(lin,), known=closed.marks)

    assert (bool(first.open), again.open, again.rest, again.closed) == (True, {}, False, "")
    assert (bool(closed.closed), closed.open, closed.rest) == (True, {}, False)
    assert (twice.closed, twice.open, twice.rest) == ("", {}, False)


def test_nonsense_is_no_news(db: None) -> None:
    news = queue_live.news(
        ["00000000-0000-0000-0000-000000000000"], heard=0.0, people=[99], told={}
    )

    assert (news.closed, news.rest, news.tallies) == ("", False, {})


def test_many_pages_cost_as_few_statements_as_one(robo: Agent) -> None:
    rows = [cast.request(robo, parameters={"number": number}) for number in range(6)]
    high = [cast.request(robo, **cast.HIGH | {"target": f"t-{number}"}) for number in range(6)]
    people = [cast.person(f"reader{number}", teams=("team-leads",)) for number in range(6)]
    for row in rows:
        deny(row, cast.person("lin"))

    def cost(count: int) -> int:
        changed = [*rows[:count], *high[:count]]
        told(*changed, people=tuple(people[:count]))
        with CaptureQueriesContext(connection) as caught:
            told(*changed, people=tuple(people[:count]))
        return len(caught)

    assert cost(6) == cost(1)


# --- who is behind many lines ---------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_many_lines_are_checked_together() -> None:
    people = [cast.person(name) for name in ("lin", "ada", "sam", "grace", "zoe")]
    keys = [browser(person).cookies["session"].value for person in people]
    lin, _, sam, grace, _ = people
    Session.objects.filter(session_key=keys[1]).delete()
    Person.objects.filter(pk=sam.pk).update(is_active=False)
    grace.set_password(cast.PASSWORD)
    grace.save()
    Session.objects.filter(session_key=keys[4]).update(expire_date=clock.now())

    async def ask() -> dict[str, int]:
        return await sessions.people_behind([*keys, "", "nonsense"])

    assert async_to_sync(ask)() == {keys[0]: lin.pk}
