"""History is found again by filters that are part of its address."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from approvals.domain.terms import Verdict
from approvals.models import Agent
from approvals.services import clock, timers
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page

RESTART: dict[str, Any] = {"action": "restart_service", "target": "checkout"}


def headlines(page: Page) -> list[str]:
    return [link.text for row in page.every("tr") for link in row.every("a")]


def test_the_newest_stands_first_with_outcome_and_name(lin: Browser, robo: Agent) -> None:
    cast.request(robo)
    cast.decide(cast.request(robo, **RESTART), lin.person, Verdict.DENY, "No.")

    page = lin.get("/history")

    assert headlines(page) == ["Restart service · checkout", "Scale deployment · production-api"]
    newest = page.every("tr")[1].text
    assert "✖ Denied" in newest
    assert "Lin" in newest


@pytest.mark.parametrize(
    "query",
    [
        "status=denied",
        "action=restart_service",
        "agent=robo&q=checkout",
        "risk=medium&q=CHECK",
        "status=denied&after=2020-01-01",
    ],
)
def test_an_address_reproduces_what_was_filtered(lin: Browser, robo: Agent, query: str) -> None:
    cast.request(robo)
    cast.decide(cast.request(robo, **RESTART), lin.person, Verdict.DENY, "No.")

    assert headlines(lin.get(f"/history?{query}")) == ["Restart service · checkout"]


def test_nothing_yet_and_nothing_found_read_differently(lin: Browser, robo: Agent) -> None:
    empty = lin.get("/history")
    assert empty.headings == ["Nothing yet"]
    asked = next(part for part in empty.every("div") if part.attributes.get("id") == "newer")
    assert "data-off" not in asked.attributes
    cast.request(robo)
    assert lin.client.get(asked.attributes["data-address"]).json() == {"newer": "1"}
    assert lin.get("/history?status=denied").headings[0] == "No request matches"
    assert lin.get("/history?before=2020-01-01").headings[0] == "No request matches"


@pytest.mark.parametrize(
    "query", ["status=maybe", "after=22.11.2026", "risk=huge", "before=2026-02-31"]
)
def test_a_filter_nobody_understands_is_an_error_in_words(lin: Browser, query: str) -> None:
    assert "The filter was not applied" in lin.get(f"/history?{query}", status=422).headings


def test_an_expired_request_is_never_called_denied(lin: Browser, robo: Agent) -> None:
    cast.request(robo, at=clock.now() - timedelta(minutes=30))
    while timers.fire_due(at=clock.now(), limit=10):
        pass

    text = lin.get("/history").every("tbody")[0].text

    assert "⌛ Not decided in time" in text
    assert "nobody in time" in text
    assert "enied" not in text


def test_older_pages_follow_without_gap_or_repeat(lin: Browser, robo: Agent) -> None:
    made = [cast.request(robo, **cast.LOW, session=str(number)).ref for number in range(52)]

    first = lin.get("/history")
    older = next(link for link in first.every("a") if link.text == "Older")
    second = lin.get(older.attributes["href"])

    shown = [row.attributes["data-ref"] for page in (first, second) for row in page.rows]
    assert shown == made[::-1]


def test_an_export_holds_the_filtered_rows_and_no_formula(lin: Browser, robo: Agent) -> None:
    cast.request(robo, **cast.LOW)
    cast.request(robo, action="=HYPERLINK", target="http://evil.example")

    answer = lin.client.get("/history?q=HYPERLINK&format=csv")

    lines = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert len(lines) == 1
    assert lines[0]["action_and_target"].startswith("'=HYPERLINK")
