"""Reading that would run away is ended by the database, and a page says what happened."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from approvals.domain.search import parse
from approvals.models import Agent, Export
from approvals.queries import bounded
from approvals.queries import history as reads
from approvals.services import clock, exports
from tests.support import cast
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db
ENDLESS = {
    "postgresql": "SELECT pg_sleep(60)",
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
}


@contextmanager
def slow(word: str) -> Iterator[None]:
    """Let the database take forever over statements with this word."""

    def wait(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if word in sql:
            execute(ENDLESS[connection.vendor], None, *rest[1:])
        return execute(sql, *rest)

    with connection.execute_wrapper(wait):
        yield


def test_a_statement_without_end_is_cut_off() -> None:
    started = time.monotonic()

    with pytest.raises(bounded.LooksAtTooMuch), bounded.within(0.1), connection.cursor() as cursor:
        cursor.execute(ENDLESS[connection.vendor])

    assert time.monotonic() - started < 5
    assert Agent.objects.count() == 0  # the connection answers as before


def test_no_statement_begins_after_the_end() -> None:
    with bounded.within(0.02) as deadline:
        while not deadline.has_passed:
            time.sleep(0.005)

        with pytest.raises(bounded.LooksAtTooMuch):
            Agent.objects.count()


def test_other_trouble_of_the_database_stays_what_it_is() -> None:
    with pytest.raises(OperationalError), bounded.within(1):
        raise OperationalError("the server closed the connection")


def test_a_search_that_is_cut_off_says_so_and_how_to_go_on(lin: Browser, robo: Agent) -> None:
    cast.request(robo)

    with slow('ORDER BY "approvals_approvalrequest"."number" DESC LIMIT 51'):
        page = lin.get("/history?q=agent:robo", status=422)

    assert "The search was stopped" in page.headings
    assert "Nothing is listed" in page.text
    assert "Nothing was changed" in page.text
    assert page.rows == []
    assert page.by_id("search-box").attributes["value"] == "agent:robo"
    (narrower,) = (each for each in page.every("a") if each.text == "search the last seven days")
    assert len(lin.get(narrower.attributes["href"]).rows) == 1


def test_what_was_found_is_listed_where_only_counting_takes_too_long(robo: Agent) -> None:
    row = cast.request(robo)

    with slow(f"LIMIT {reads.COUNTED}"):
        found = reads.page(parse(""), now=clock.now(), below=None, limit=50, seconds=0.3)

    assert [each.number for each in found.rows] == [row.number]
    assert (found.facets, found.counting_was_cut) == ((), True)


def test_an_export_whose_rows_nobody_could_count_is_begun_all_the_same(robo: Agent) -> None:
    cast.request(robo)
    lin = cast.person("lin")

    with slow("COUNT("):
        total = reads.count(parse(""), now=clock.now(), below=99, most=9, seconds=0.1)
    assert total is None
    assert exports.ask(person=lin, form="csv", text="", at=clock.now()).total == 1
    assert Export.objects.count() == 1


def test_rows_of_an_export_are_counted_up_to_the_most_it_takes(robo: Agent) -> None:
    for number in range(4):
        cast.request(robo, target=f"api-{number}")

    assert reads.count(parse(""), now=clock.now(), below=99_999_999, most=3) == 3


def test_a_page_without_a_search_says_that_it_was_stopped(lin: Browser) -> None:
    with slow("approvals_approvalrequest"):
        page = lin.get("/insights", status=503)

    assert "Too much to look at" in page.text
    assert "nothing was changed" in page.text


def test_a_list_of_the_api_is_refused_in_words_where_it_takes_too_long(robo: Agent) -> None:
    cast.request(robo)
    key = cast.token(cast.person("ada"))

    with slow("LIMIT 51"):
        answer = Client().get(
            "/api/v1/requests?q=nobody", headers={"Authorization": f"Bearer {key}"}
        )

    assert answer.status_code == 422
    assert answer.json()["code"] == "looks_at_too_much"
    assert answer.json()["detail"].endswith("Nothing was changed.")
