"""Insights count what happened, say when there is no data, and show a person's burden to few."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.domain.search import parse
from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest
from approvals.queries import history, insights
from approvals.services import clock
from tests.support import cast
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db


def decided(verdict: Verdict, *, by: str = "lin", after: timedelta = timedelta(minutes=4)) -> None:
    """A request that was decided, as if asked that long ago."""
    row = cast.request(parameters={"number": ApprovalRequest.objects.count()})
    cast.decide(row, cast.person(by), verdict, "Wrong target.")
    ApprovalRequest.objects.filter(pk=row.pk).update(created_at=clock.now() - after)


def test_without_a_question_there_is_no_data_rather_than_a_good_zero(lin: Browser) -> None:
    text = lin.get("/insights").text
    assert "No data in 30 days" in text
    assert "decided nothing in this span" in text


def test_the_middle_and_nine_of_ten_are_told() -> None:
    took = insights.took([1, 2, 3, 4, 100])
    assert took is not None
    assert (took.count, took.median) == (5, timedelta(seconds=3))
    assert took.p90 == timedelta(seconds=61.6)


def test_shares_are_told_with_what_they_are_a_share_of(lin: Browser) -> None:
    decided(Verdict.APPROVE)
    decided(Verdict.APPROVE, after=timedelta(seconds=2))
    decided(Verdict.DENY)
    text = lin.get("/insights").text
    assert "1 of 3 decisions; too quick to have read" in text
    assert "2 of 3 requests people were asked about" in text


def test_an_action_that_is_always_approved_is_named(lin: Browser) -> None:
    for _ in range(insights.ENOUGH):
        decided(Verdict.APPROVE)
    assert f"asked {insights.ENOUGH} times, always approved" in lin.get("/insights").text
    decided(Verdict.DENY)
    assert "always approved, in the middle" not in lin.get("/insights").text


def test_asking_the_same_again_after_a_no_is_counted() -> None:
    now = clock.now()
    row = cast.request()
    cast.decide(row, cast.person("lin"), Verdict.DENY, "Wrong target.")
    again = cast.request()
    ApprovalRequest.objects.filter(pk=again.pk).update(action_sha256=row.action_sha256)
    found = insights.of(since=now - timedelta(days=1), at=clock.now())
    assert (found.denied, found.asked_again) == (1, 1)


def test_every_share_opens_the_list_of_its_part(lin: Browser) -> None:
    for verdict in (Verdict.APPROVE, Verdict.DENY, Verdict.DENY):
        decided(verdict)
    decided(Verdict.APPROVE, after=timedelta(seconds=2))
    denied = ApprovalRequest.objects.filter(status="denied").order_by("number").first()
    assert denied is not None
    again = cast.request()
    ApprovalRequest.objects.filter(pk=again.pk).update(action_sha256=denied.action_sha256)
    page = lin.get("/insights")
    shares = {}
    for tile in page.every("li"):
        part = re.search(r"(\d+) of \d+ ", tile.text)
        if part and tile.every("h2"):
            shares[tile.every("h2")[0].text] = (int(part[1]), tile.every("a")[0])
    assert shares["Asked again after a no"][0] == 1
    assert {
        name: len(lin.get(link.attributes["href"]).rows) for name, (_, link) in shares.items()
    } == {name: count for name, (count, _) in shares.items()}
    refs = lin.get(shares["Asked again after a no"][1].attributes["href"]).rows
    assert [row.attributes["data-ref"] for row in refs] == [denied.ref]
    assert len(shares) == 4


@pytest.mark.parametrize(("hours", "is_again"), [(0, True), (23, True), (25, False), (-1, False)])
def test_only_what_was_asked_within_a_day_of_the_no_was_asked_again(
    hours: int, *, is_again: bool
) -> None:
    row = cast.request()
    cast.decide(row, cast.person("lin"), Verdict.DENY, "Wrong target.")
    row.refresh_from_db()
    assert row.closed_at is not None
    again = cast.request(at=clock.now())
    ApprovalRequest.objects.filter(pk=again.pk).update(
        action_sha256=row.action_sha256, created_at=row.closed_at + timedelta(hours=hours)
    )
    now = clock.now() + timedelta(days=2)
    found = insights.of(since=now - timedelta(days=4), at=now)
    listed = history.page(parse("is:asked-again"), now=now, below=None, limit=5).rows
    assert (found.asked_again, [each.pk for each in listed]) == (
        (1, [row.pk]) if is_again else (0, [])
    )


def test_what_a_person_bore_is_shown_to_them_and_their_manager_alone(
    lin: Browser, ada: Browser
) -> None:
    decided(Verdict.APPROVE)
    lin.person.manager = ada.person
    lin.person.save()
    name = str(lin.person)
    assert f"{name} decided 1 request, at most 1 in one day" in ada.get("/insights").text
    assert "You decided 1 request, at most 1 in one day" in lin.get("/insights").text
    other = Browser(cast.person("max"))
    assert "decided 1 request" not in other.get("/insights").text


def test_the_page_costs_the_same_for_one_request_and_for_many(lin: Browser) -> None:
    decided(Verdict.APPROVE)
    with CaptureQueriesContext(connection) as few:
        lin.get("/insights")
    for _ in range(5):
        decided(Verdict.APPROVE)
    with CaptureQueriesContext(connection) as many:
        lin.get("/insights?days=7")
    assert len(many) == len(few)


@pytest.mark.parametrize("most", [10_000, 2])
def test_every_number_opens_a_list_of_as_many(lin: Browser, most: int) -> None:
    """Where there is more than can be counted, too: then the lists begin where counting did."""
    decided(Verdict.DENY, after=timedelta(minutes=50))
    decided(Verdict.APPROVE)
    decided(Verdict.APPROVE, after=timedelta(seconds=2))
    cast.request()
    usual, insights.MOST = insights.MOST, most
    try:
        page = lin.get("/insights")
    finally:
        insights.MOST = usual
    links = [link for link in page.every("a") if link.attributes["href"].startswith("/history?")]
    words = {link.attributes["href"]: link.text.split() for link in links}
    numbers = {
        href: int(said[0])
        for href, said in words.items()
        if said[0].isdigit() and said[1:2] not in (["%"], ["min"], ["s"], ["h"])
    }
    assert len(numbers) >= (8 if most > 2 else 5)
    assert {href: len(lin.get(href).rows) for href in numbers} == numbers


def spared(who: Browser) -> dict[str, tuple[int, list[str], str]]:
    """What the card says rules would have spared: the number, its list, and where a rule is begun."""
    page = who.get("/insights")
    boxes = [each for each in page.every("div") if each.attributes.get("class") == "spared"]
    found = {}
    for line in boxes[0].every("li") if boxes else ():
        link, draft = line.every("a")
        rows = who.get(link.attributes["href"]).rows
        rules = " with ".join(name.text for name in line.every("code"))
        found[rules] = (
            int(link.text.split()[0]),
            sorted(row.attributes["data-ref"] for row in rows),
            draft.attributes["href"],
        )
    return found


def test_rules_that_asked_for_nothing_are_named_with_their_requests_and_a_rule_to_begin_from(
    lin: Browser,
) -> None:
    for _ in range(insights.ENOUGH):
        decided(Verdict.APPROVE)
    asked = sorted(row.ref for row in ApprovalRequest.objects.all())
    cast.request()  # waits still, and says nothing yet
    found = spared(lin)
    ((rules, (count, listed, draft)),) = found.items()
    assert (count, listed) == (3, asked)
    assert "default-actions.blast_radius" in rules
    assert "matrix.medium" in rules
    text = lin.get(draft).text
    assert all(ref in text for ref in asked)
    assert "People approved it every time." in text
    page = lin.get("/insights")
    (whole,) = (link for link in page.every("a") if link.text == "3 of them")
    assert len(lin.get(whole.attributes["href"]).rows) == 3


@pytest.mark.parametrize("by", ["lin", "max"])
def test_rules_that_led_to_a_no_are_not_called_needless(lin: Browser, by: str) -> None:
    for _ in range(insights.ENOUGH):
        decided(Verdict.APPROVE)
    other = Browser(cast.person("max", teams=["team-leads"]))
    decided(Verdict.DENY, by=by)
    assert (spared(lin) == {}) is (by == "lin")
    assert spared(other) == {}
