"""The search box of history: tokens find, facets narrow, and every state is the address."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.domain.search import parse
from approvals.domain.terms import Verdict
from approvals.models import Agent
from approvals.queries import history as reads
from approvals.services import clock, grants, outcomes
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page

REFUND = {"action": "refund", "target": "cus_Q9f2KX"}


def refs(page: Page) -> list[str]:
    return [row.attributes["data-ref"] for row in page.rows]


def search(who: Browser, text: str, status: int = 200) -> Page:
    return who.get(f"/history?q={quote(text)}", status=status)


@pytest.fixture
def past(lin: Browser, robo: Agent) -> dict[str, str]:
    """Four requests: denied by Lin, approved by Lin, waiting, and one of low risk by policy."""
    denied = cast.request(robo, action="restart_service", target="checkout", session="s-1")
    cast.decide(denied, lin.person, Verdict.DENY, "No.")
    approved = cast.request(robo, parameters={"amount": 900, "currency": "EUR", "deep": {"n": 1}})
    cast.decide(approved, lin.person)
    waiting = cast.request(robo, target="other-api", parameters={"amount": 100})
    low = cast.request(robo, **cast.LOW)
    return {
        "denied": denied.ref,
        "approved": approved.ref,
        "waiting": waiting.ref,
        "low": low.ref,
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("outcome:denied", ["denied"]),
        ("agent:robo outcome:denied", ["denied"]),
        ("outcome:denied outcome:approved", ["low", "approved", "denied"]),
        ("risk:low", ["low"]),
        ("by:lin", ["approved", "denied"]),
        ("by:lin@example.com outcome:approved", ["approved"]),
        ("basis:policy", ["low"]),
        ("channel:test is:closed", ["approved", "denied"]),
        ("team:team-leads outcome:pending", ["waiting"]),
        ("session:s-1", ["denied"]),
        ("action:restart_service target:checkout", ["denied"]),
        ("param.amount>500", ["approved"]),
        ("param.amount<=100", ["waiting"]),
        ("param.currency=EUR", ["approved"]),
        ("param.deep.n=1", ["approved"]),
        ("is:open", ["waiting"]),
        ("is:automatic", ["low"]),
        ("ran:unused is:asked", ["approved"]),
        ("after:1h", ["low", "waiting", "approved", "denied"]),
        ("before:2020-01-01", []),
        ("policy:1", ["low", "waiting", "approved", "denied"]),
        ('"restart_serv"', ["denied"]),
        ("CHECKOUT", ["denied"]),
    ],
)
def test_a_token_finds_what_it_says(
    lin: Browser, past: dict[str, str], text: str, found: list[str]
) -> None:
    assert refs(search(lin, text)) == [past[name] for name in found]


def test_a_reference_finds_its_request(lin: Browser, past: dict[str, str]) -> None:
    assert refs(search(lin, past["waiting"].lower())) == [past["waiting"]]


def test_what_failed_to_run_is_found(lin: Browser, robo: Agent) -> None:
    row = cast.approved(robo)
    cast.approved(robo, target="other-api")
    grants.consume(ref=row.ref, agent=robo, key="k", parameters=None, at=clock.now())
    outcomes.report(ref=row.ref, agent=robo, outcome={"status": "failure"}, at=clock.now())

    page = search(lin, "ran:failed")
    assert refs(page) == [row.ref]
    assert "! Approved but failed" in page.text


@pytest.mark.parametrize("text", ["agnet:robo", "outcome:maybe", "risk:high param.x>y", '"open'])
def test_a_mistake_lists_nothing_and_keeps_the_text(
    lin: Browser, past: dict[str, str], text: str
) -> None:
    page = search(lin, text, status=422)

    assert refs(page) == []
    assert page.by_id("search-box").attributes["value"] == text
    assert "The filter was not applied" in page.headings


def test_the_rest_of_a_search_with_a_mistake_is_one_link_away(
    lin: Browser, past: dict[str, str]
) -> None:
    page = search(lin, "agnet:robo outcome:denied", status=422)

    link = next(each for each in page.every("a") if each.text.startswith("Search for the rest"))
    assert refs(lin.get(link.attributes["href"])) == [past["denied"]]


def test_a_name_nobody_has_is_said(lin: Browser, past: dict[str, str]) -> None:
    assert "No agent is called “nobody-here”." in search(lin, "agent:nobody-here").text
    assert "Nobody is called “zoe”." in search(lin, "by:zoe").text


def test_a_facet_counts_and_toggles_its_token(lin: Browser, past: dict[str, str]) -> None:
    page = search(lin, "agent:robo")
    denied = next(link for link in page.every("a") if link.text.replace(" ", "") == "Denied1")

    narrowed = lin.get(denied.attributes["href"])
    assert refs(narrowed) == [past["denied"]]
    assert narrowed.by_id("search-box").attributes["value"] == "agent:robo outcome:denied"

    chosen = next(link for link in narrowed.every("a") if "take it out" in link.name)
    assert len(refs(lin.get(chosen.attributes["href"]))) == 4 or "Agent" in chosen.name


def test_older_addresses_mean_the_same_as_tokens(lin: Browser, past: dict[str, str]) -> None:
    page = lin.get("/history?status=denied&risk=&agent=robo&q=checkout")

    assert refs(page) == [past["denied"]]
    assert page.by_id("search-box").attributes["value"] == "checkout outcome:denied agent:robo"


def test_a_search_that_no_index_answers_looks_so_far_and_goes_on_there(robo: Agent) -> None:
    wanted = cast.request(robo, session="needle")
    for number in range(6):
        cast.request(robo, **cast.LOW, session=str(number))
    seen, below = [], None

    for _ in range(3):
        found = reads.page(
            parse("session:needle"), now=clock.now(), below=below, limit=50, most_searched=3
        )
        assert found.searched is not None
        seen.append(([row.ref for row in found.rows], found.searched.is_everything))
        below = found.older

    assert seen == [([], False), ([], False), ([wanted.ref], True)]
    assert below is None


def test_the_number_of_statements_does_not_grow_with_the_rows(lin: Browser, robo: Agent) -> None:
    def statements(text: str) -> int:
        with CaptureQueriesContext(connection) as seen:
            search(lin, text)
        return len(seen)

    texts = ("", "outcome:approved by:lin", "risk:medium param.to_replicas>1 after:7d")
    cast.approved(robo)
    few = [statements(text) for text in texts]
    for number in range(12):
        cast.approved(robo, session=str(number), target=f"api-{number}")
    assert [statements(text) for text in texts] == few
    assert max(few) <= 25


def test_a_built_in_view_answers_its_question_in_the_list(lin: Browser, robo: Agent) -> None:
    cast.request(robo)

    page = lin.get("/history")
    why = next(a for a in page.every("a") if a.text == "Why did the agent decide so?")

    shown = lin.get(why.attributes["href"])
    assert "The agent says (not checked): CPU utilization exceeded threshold" in shown.text


def test_a_view_is_kept_under_a_name_and_found_again(lin: Browser, past: dict[str, str]) -> None:
    answer = lin.post("/views/history", name="My denials", query="q=outcome%3Adenied")

    assert answer.status_code == 302
    page = lin.get("/history")
    link = next(a for a in page.every("a") if a.text == "My denials")
    assert refs(lin.get(link.attributes["href"])) == [past["denied"]]


def test_a_view_of_ones_own_is_renamed_shared_and_deleted_where_it_is_shown(
    lin: Browser, ada: Browser, past: dict[str, str]
) -> None:
    here = lin.post("/views/history", name="Nos", query="q=outcome%3Adenied").headers["Location"]
    lin.post("/views/history", name="Other", query="q=outcome%3Aapproved")
    form = next(f for f in lin.get(here).every("form") if "Save changes" in f.text)
    change = form.attributes["action"]

    assert lin.post(change, name="Other").status_code == 422
    assert ada.post(change, name="Taken over").status_code == 404
    assert lin.post(change, name="  My   denials ", shared="yes").headers["Location"] == here

    assert "My denials · shared" in [a.text for a in lin.get("/history").every("a")]
    assert "My denials · Lin" in [a.text for a in ada.get(here).every("a")]
    assert "Keep this view" in ada.get(here).headings
    gone = next(f for f in lin.get(here).every("form") if "Delete view" in f.text)
    assert lin.post(gone.attributes["action"]).headers["Location"] == here
    assert "My denials" not in lin.get("/history").text
    assert lin.post(change, name="x").status_code == 404


def test_newer_requests_are_counted_but_not_shown(lin: Browser, robo: Agent) -> None:
    first = cast.request(robo)
    cast.request(robo, **cast.LOW)
    cast.request(robo, **cast.LOW, session="2")

    answer = lin.client.get(f"/history/newer?q=risk:low&above={first.number}")
    assert answer.json() == {"newer": "2"}
    assert lin.client.get("/history/newer?q=risk:low&above=x").status_code == 422


def test_hidden_characters_in_a_target_are_marked(lin: Browser, robo: Agent) -> None:
    cast.request(robo, target="pay\u202elap", at=clock.now() - timedelta(minutes=1))

    assert "⟦U+202E⟧" in lin.get("/history").text
    assert "\u202e" not in lin.get("/history").text


@pytest.mark.parametrize(
    "address",
    [
        "/history?older=99999999999999999999",
        "/history?older=-1&q=%00",
        "/history?q=" + "x" * 1500,
        "/history?show=nothing&live=7",
        "/history/changes?older=9999999999999&kind=odd&by=%00",
        "/history/changes/99999999999999999999",
        "/history/exports/not-a-key",
        "/history?q=after:9999d",
        "/history?q=policy:99999999999999999999",
        "/history?q=REQ-999999999999999999",
        "/history?q=param.a.b.c%3E1e99",
        "/history?q=before:0001-01-01",
        "/history?q=after:9999-12-31",
    ],
)
def test_nothing_in_an_address_breaks_the_page(lin: Browser, robo: Agent, address: str) -> None:
    cast.request(robo)
    assert lin.client.get(address).status_code in {200, 302, 404, 422}


def test_every_page_of_the_service_stays_in_reach_of_a_search(lin: Browser) -> None:
    page = search(lin, "outcome:denied")

    links = {link.attributes["href"] for link in page.every("nav")[0].every("a")}
    assert {"/queue", "/history", "/policies", "/settings"} <= links
