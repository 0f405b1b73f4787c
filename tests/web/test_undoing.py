"""Take a decision back on the page of its request, while there is time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from approvals.domain.terms import Verdict
from approvals.models import Agent, ApprovalRequest, HeldDecision
from approvals.services import clock, lifecycle, timers
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page

At = Callable[[str], Browser]


@pytest.fixture(autouse=True)
def undo_is_on(settings: Settings) -> None:
    settings.UNDO_SECONDS = None


@pytest.fixture
def row(robo: Agent) -> ApprovalRequest:
    return cast.request(robo)


def status(row: ApprovalRequest) -> str:
    return ApprovalRequest.objects.get(pk=row.pk).status


def banner(page: Page) -> str:
    regions = [
        each for each in page.every_element() if each.attributes.get("data-region") == "held"
    ]
    return regions[0].text


def test_a_decision_on_its_way_says_so_and_can_be_undone(
    lin: Browser, row: ApprovalRequest
) -> None:
    lin.send(row.ref, "approve")

    page = lin.get(f"/r/{row.ref}")
    assert "Approved. Going to the agent in" in banner(page)
    assert "Undo z" in page.buttons
    assert not [name for name in page.buttons if name.startswith(("Approve", "Deny"))]
    assert status(row) == "pending"

    answer = lin.post(f"/r/{row.ref}/undo")

    assert (answer.status_code, answer.headers["Location"]) == (302, f"/r/{row.ref}")
    page = lin.get(f"/r/{row.ref}")
    assert banner(page) == ""
    assert any(name.startswith("Approve now") for name in page.buttons)
    assert "Lin took the approval back before it counted." in page.text
    assert "Lin approved in the dashboard, and could undo it for some seconds." in page.text
    assert status(row) == "pending"


def test_nobody_else_can_undo_it_and_looking_never_does(at: At, row: ApprovalRequest) -> None:
    lin, ada = at("lin"), at("ada")
    lin.send(row.ref, "approve")

    assert ada.post(f"/r/{row.ref}/undo").status_code == 409
    assert lin.client.get(f"/r/{row.ref}/undo").status_code == 405
    assert "Lin approved this." in banner(ada.get(f"/r/{row.ref}"))
    assert HeldDecision.objects.get().undone_at is None


def test_too_late_is_said_in_words(lin: Browser, row: ApprovalRequest) -> None:
    lin.send(row.ref, "approve")
    timers.fire_due(at=clock.now() + timedelta(seconds=11))

    answer = lin.post(f"/r/{row.ref}/undo")

    assert answer.status_code == 409
    text = Page(answer.content.decode()).text
    assert "Too late to undo: you approved this at" in text
    assert "Revoke before it runs…" in text


def test_sent_twice_it_is_one(lin: Browser, row: ApprovalRequest) -> None:
    fields = lin.get(f"/r/{row.ref}").form("approve")

    answers = [lin.client.post(f"/r/{row.ref}/decide", fields) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert HeldDecision.objects.count() == 1


def test_who_is_overtaken_reads_by_whom(at: At, robo: Agent) -> None:
    row = cast.request(robo, **cast.HIGH)
    ada = at("ada")
    ada.send(row.ref, "approve")

    cast.decide(row, cast.person("grace"), Verdict.DENY, "Freeze.")

    page = ada.get(f"/r/{row.ref}")
    assert "Your approval did not count. Already denied: Grace at" in banner(page)
    assert status(row) == "denied"


def test_new_words_are_said_where_the_approver_looks_at_once(
    lin: Browser, row: ApprovalRequest
) -> None:
    lin.send(row.ref, "approve")

    lifecycle.add_message(ref=row.ref, text="One more.", agent=row.agent, at=clock.now())

    said = banner(lin.get(f"/r/{row.ref}"))
    assert "It did not count" in said
    assert "Your approval did not count." in said
    assert "Read it again and decide." in said
    assert "Going to the agent" not in said
    assert status(row) == "pending"


def test_a_denial_stays_on_its_way_whatever_is_written(lin: Browser, row: ApprovalRequest) -> None:
    lin.send(row.ref, "deny", comment="Not in the freeze.")

    lifecycle.add_message(ref=row.ref, text="One more.", agent=row.agent, at=clock.now())

    assert "Denied. Going to the agent in" in banner(lin.get(f"/r/{row.ref}"))
    timers.fire_due(at=clock.now() + timedelta(seconds=11))
    assert status(row) == "denied"


def test_the_agent_sees_nothing_of_it(lin: Browser, row: ApprovalRequest) -> None:
    lin.send(row.ref, "approve")

    key = cast.agent()[1]
    seen = lin.client.get(
        f"/api/v1/requests/{row.ref}", headers={"Authorization": f"Bearer {key}"}
    ).json()

    assert seen["status"] == "pending"
    assert seen["decisions"] == []
    assert "grant" not in seen or seen["grant"] is None


def test_a_critical_decision_takes_effect_at_once(at: At, robo: Agent) -> None:
    row = cast.request(robo, **cast.CRITICAL)
    chen = at("chen")

    assert chen.send(row.ref, "approve", confirm="ders", comment="Checked.").status_code == 302

    assert not HeldDecision.objects.exists()
    assert row.decisions.count() == 1


def test_what_is_held_on_the_leader_of_a_card_is_seen_and_undone_from_who_joined_it(
    at: At, robo: Agent
) -> None:
    leader, joiner = cast.request(robo), cast.request(robo)
    assert joiner.joined_id == leader.pk
    lin, dan = at("lin"), Browser(cast.person("dan", teams=["team-leads"]))
    lin.send(leader.ref, "approve")

    page = lin.get(f"/r/{joiner.ref}")
    assert f"Said of {leader.ref}, whose card this identical request shares" in banner(page)
    assert f"/r/{leader.ref}" in [link.attributes["href"] for link in page.every("a")]
    assert f"/r/{leader.ref}/undo" in [form.attributes.get("action") for form in page.every("form")]
    assert "You have decided." in page.by_id("actions").text
    theirs = dan.get(f"/r/{joiner.ref}")
    assert "Lin approved this. Going to the agent in" in banner(theirs)
    assert "✔ Approved, takes effect soon" in theirs.text

    lin.post(f"/r/{leader.ref}/undo")
    assert banner(lin.get(f"/r/{joiner.ref}")) == ""


def test_who_joined_after_the_decision_is_not_said_to_be_decided(at: At, robo: Agent) -> None:
    leader = cast.request(robo)
    lin = at("lin")
    lin.send(leader.ref, "approve")
    joiner = cast.request(robo)
    assert joiner.joined_id == leader.pk

    page = lin.get(f"/r/{joiner.ref}")

    assert banner(page) == ""
    assert any(name.startswith("Approve") for name in page.buttons)


def test_the_page_of_who_joined_costs_as_much_however_much_is_held(at: At, robo: Agent) -> None:
    leader, joiner = cast.request(robo, **cast.HIGH), cast.request(robo, **cast.HIGH)
    reader, people = at("mallory"), [at("ada"), at("grace")]
    reader.get(f"/r/{joiner.ref}")
    counts = []
    for one in people:
        one.send(leader.ref, "approve")
        with CaptureQueriesContext(connection) as asked:
            reader.get(f"/r/{joiner.ref}")
        counts.append(len(asked))

    assert HeldDecision.objects.filter(request=leader).count() == len(people)
    assert counts[0] == counts[1]
