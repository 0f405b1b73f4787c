"""How much waits for whoever reads, asked for by every page's title once the page stands."""

from __future__ import annotations

import time
from dataclasses import replace

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals.domain.terms import Verdict
from approvals.models import Agent
from approvals.web import boards
from tests.support import cast, many
from tests.web.conftest import Browser


def mine(browser: Browser, asked: str = "") -> str:
    answer = browser.client.get(f"/queue/waiting{asked}")
    assert answer.headers["Cache-Control"] == "no-store"
    found: str = answer.json()["mine"]
    return found


def counted(browser: Browser) -> str:
    page = browser.get("/queue")
    found = [each for each in page.every("span") if each.attributes.get("data-count") == "mine"]
    return found[0].text


def test_it_is_what_the_tab_for_you_counts(lin: Browser, ada: Browser, robo: Agent) -> None:
    assert (mine(lin), mine(ada)) == ("0", "0")

    cast.request(robo)
    high = cast.request(robo, **cast.HIGH)
    assert [mine(each) for each in (lin, ada)] == [counted(each) for each in (lin, ada)]
    assert mine(lin) == "1"

    cast.decide(high, ada.person)
    assert mine(ada) == counted(ada)


def test_what_was_decided_just_now_is_not_counted(lin: Browser, robo: Agent) -> None:
    row = cast.request(robo)
    assert mine(lin) == "1"
    cast.decide(row, lin.person, Verdict.DENY, "Not today.")

    assert mine(lin, f"?heard={time.time():.3f}") == "0"


def test_no_page_can_ask_for_what_is_long_past(lin: Browser, robo: Agent) -> None:
    """However long ago a page says it was drawn, a board of some seconds ago is the oldest it gets."""
    assert mine(lin) == "0"
    cast.request(robo)
    assert mine(lin, "?heard=1") == "0"

    known = boards.shared(heard=1)
    known.board = replace(known.board, began=known.board.began - 60)
    assert mine(lin, "?heard=1") == "1"


def test_it_costs_the_same_statements_however_much_waits_or_is_past(
    lin: Browser, robo: Agent
) -> None:
    def cost() -> int:
        mine(lin)
        with CaptureQueriesContext(connection) as seen:
            mine(lin)
        return len(seen)

    past = cast.decide(cast.request(robo, target="past"), lin.person, Verdict.DENY, "No.")
    cast.request(robo)
    few = cost()
    for number in range(20):
        cast.request(robo, **cast.HIGH | {"target": f"more-{number}"})
    past.refresh_from_db()
    many.requests(past, [{}] * 300)

    assert cost() == few
    assert few <= 14


def test_many_pages_drawn_at_once_share_one_reading(lin: Browser, robo: Agent) -> None:
    cast.request(robo)
    drawn = time.time()
    time.sleep(0.01)
    mine(lin)
    with CaptureQueriesContext(connection) as seen:
        assert mine(lin, f"?heard={drawn:.3f}") == "1"

    assert not [each for each in seen if "approvals_approvalrequest" in each["sql"]]


def test_whoever_is_signed_out_is_told_so_and_nothing_else(db: None) -> None:
    answer = Client().get("/queue/waiting", headers={"X-Live": "1"})

    assert (answer.status_code, answer.content) == (401, b"You are signed out.")
