"""A manager sees what the guardrails did, opens the list behind each number, and takes and closes alerts."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.domain.terms import EventKind
from approvals.models import AuditEvent, BreakerTrip
from approvals.services import clock, grants, outcomes
from tests.support import cast
from tests.web.alerting import an_alert
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db
HOSTILE = "\u202edrop <b>all</b>"


def a_trip() -> BreakerTrip:
    agent, _ = cast.agent()
    now = clock.now()
    return BreakerTrip.objects.create(
        agent=agent, policy="robo", kind="error_rate", does="pause_and_alert",
        words="3 of 5 went wrong within 5 min.", values={"rest_s": 300},
        opened_at=now, half_open_at=now + timedelta(minutes=5),
    )  # fmt: skip


def test_before_anything_was_asked_a_zero_is_not_called_good(lin: Browser) -> None:
    text = lin.get("/guardrails").text
    assert "No agent has asked yet, so a 0 here says nothing." in text
    assert "no data yet" in text


def test_what_waits_is_counted_by_risk_and_leads_to_its_list(lin: Browser) -> None:
    cast.request()
    page = lin.get("/guardrails")
    links = {link.attributes["href"]: link.text for link in page.every("a")}
    assert links["/queue?tab=all"] == "1"
    assert sum(int(words.split()[-2]) for href, words in links.items() if "risk=" in href) == 1


def test_blocks_people_called_right_are_listed_behind_their_number(max_: Browser) -> None:
    row = cast.request(**cast.FORBIDDEN)
    max_.post(f"/guardrails/blocks/{row.ref}/judge", right="yes")
    page = max_.get("/guardrails")
    assert "People called 1 of these right." in page.text
    listed = page.by_id("judged-right").every("a")
    assert [link.attributes["href"] for link in listed] == [f"/r/{row.ref}"]


def test_people_say_whether_a_block_was_right_once_and_with_a_reason_when_not(
    max_: Browser,
) -> None:
    row = cast.request(**cast.FORBIDDEN)
    path = f"/guardrails/blocks/{row.ref}/judge"
    assert "Was this block right?" in max_.get("/guardrails").text
    assert max_.post(path, right="no", reason="").status_code == 422
    assert max_.post(path, right="no", reason="It was a test database.").status_code == 302
    assert max_.post(path, right="no", reason="Twice.").status_code == 302
    assert max_.post(path, right="yes").status_code == 409
    assert AuditEvent.objects.filter(type=EventKind.BLOCK_MARKED).count() == 1
    text = max_.get("/guardrails").text
    assert f"People called 0 of these right and 1 wrong: {row.ref}" in text
    assert "Was this block right?" not in text


@pytest.mark.parametrize("name", ["lin", "sam"])
def test_neither_members_nor_the_agents_owner_judge_a_block(name: str) -> None:
    row = cast.request(**cast.FORBIDDEN)
    person = cast.person(name)
    if name == "sam":
        person.role = "manager"
        person.save()
    browser = Browser(person)
    assert "Was this block right?" not in browser.get("/guardrails").text
    assert browser.post(f"/guardrails/blocks/{row.ref}/judge", right="yes").status_code == 403


def test_what_no_rule_refused_cannot_be_judged(max_: Browser) -> None:
    row = cast.request()
    assert max_.post(f"/guardrails/blocks/{row.ref}/judge", right="yes").status_code == 409
    assert max_.post("/guardrails/blocks/REQ-999/judge", right="yes").status_code == 404


def test_zero_and_no_data_differ_in_words_on_every_panel(lin: Browser) -> None:
    names = ("waiting", "blocked", "breakers", "limits")

    def panels() -> dict[str, str]:
        page = lin.get("/guardrails")
        sections = {
            each.attributes.get("aria-labelledby"): each.text for each in page.every("section")
        }
        return {name: sections[f"p-{name}"] for name in names}

    before = panels()
    assert [name for name in names if "no data yet" not in before[name]] == []
    agent, _ = cast.agent()

    def runs(at: datetime) -> None:
        row = cast.request(at=at)
        cast.decide(row, cast.person("lin"), at=at)
        grants.consume(ref=row.ref, agent=agent, key="k", parameters=None, at=at)
        outcomes.report(ref=row.ref, agent=agent, outcome={"status": "success"}, at=at)

    long_ago = clock.now() - timedelta(days=60)
    runs(long_ago)
    silent, since = panels(), f"no data since {long_ago:%H:%M} UTC"
    assert [name for name in names if since not in silent[name]] == []
    runs(clock.now())
    now = panels()
    assert [name for name in names if "no data" in now[name]] == []


def test_open_breakers_and_those_of_thirty_days_are_counted_as_they_are_listed(
    lin: Browser,
) -> None:
    trip = a_trip()
    BreakerTrip.objects.create(
        agent=trip.agent, policy="old", kind="error_rate", does="pause_and_alert", words="w",
        opened_at=trip.opened_at - timedelta(days=3), half_open_at=trip.opened_at,
        closed_at=trip.opened_at, closed_by="person:ana@example.com", close_reason="Mended.",
    )  # fmt: skip
    links = {link.attributes["href"]: link.text for link in lin.get("/guardrails").every("a")}
    assert links["/guardrails/breakers?state=open"] == "1"
    assert links["/guardrails/breakers"] == "2 opened in 30 days"
    assert len(lin.get("/guardrails/breakers?state=open").rows) == 1
    both = lin.get("/guardrails/breakers")
    assert len(both.rows) == 2
    assert "by ana@example.com: Mended." in both.text
    assert "No older breaker" in lin.get("/guardrails/breakers?before=1").text


def test_the_page_says_how_it_stays_true(lin: Browser) -> None:
    main = lin.get("/guardrails?span=week").every("main")[0].attributes
    assert (main["data-live"], main["data-every"]) == ("/guardrails?span=week", "15")


def test_a_manager_closes_a_breaker_with_a_reason(max_: Browser) -> None:
    trip = a_trip()
    page = max_.get("/guardrails")
    assert "Everything this agent asks is refused." in page.text
    answer = max_.post(f"/guardrails/breakers/{trip.pk}/reset", reason="The cause is mended.")
    assert answer.status_code == 302
    trip.refresh_from_db()
    assert (trip.closed_by, trip.close_reason) == ("person:max@example.com", "The cause is mended.")


def test_the_page_costs_the_same_whatever_there_is(lin: Browser) -> None:
    cast.request()
    with CaptureQueriesContext(connection) as few:
        lin.get("/guardrails")
    for number in range(6):
        an_alert(key=f"k{number}")
        cast.request()
    a_trip()
    with CaptureQueriesContext(connection) as many:
        lin.get("/guardrails")
    assert len(many) == len(few)
