"""Every number of the guardrails page that counts requests opens the list of exactly those."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.domain.search import Term, parse
from approvals.models import Agent, ApprovalRequest
from approvals.queries import guardrails, history
from approvals.services import clock
from tests.services import limits
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page

pytestmark = pytest.mark.django_db
HOUR, TICK = timedelta(hours=1), timedelta(microseconds=1)
POLICIES = """
actions: {forbidden: [wipe_disk, "wipe_*"]}
"""


@pytest.fixture
def robo(db: None) -> Agent:
    other = limits.everybody(), cast.agent("other")[0]
    limits.in_force(POLICIES)
    return other[0]


@pytest.fixture
def lin(robo: Agent) -> Browser:
    """Lin, found where the limits are in force: whoever is made anew finds the default policies."""
    return Browser(limits.somebody("lin"))


def blocked(robo: Agent) -> dict[str, list[str]]:
    """Refusals of three rules, by what refused them; one of them names another rule's words."""
    other = Agent.objects.get(name="other")
    asked = {
        "default-actions.drop_database": [
            cast.request(robo, **cast.FORBIDDEN),
            cast.request(other, **cast.FORBIDDEN | {"target": '"limits.wipe_disk"'}),
        ],
        "limits.wipe_disk": [cast.request(robo, action="wipe_disk")],
        "limits.wipe_*": [cast.request(robo, action="wipe_all")],
    }
    cast.request(robo)  # what merely waits was not blocked, whatever its checks say
    return {rule: [row.ref for row in rows] for rule, rows in asked.items()}


def opened(who: Browser, href: str) -> list[str]:
    return sorted(row.attributes["data-ref"] for row in who.get(href).rows)


def counted(page: Page, panel: str) -> dict[str, int]:
    """The addresses of one panel that begin with a number, and that number."""
    (part,) = (s for s in page.every("section") if s.attributes.get("aria-labelledby") == panel)
    links = {link.attributes["href"]: link.text for link in part.every("a")}
    found = {href: re.match(r"(?:● |▲ |⬣ |○ |[^\d]*)(\d+)\b", text) for href, text in links.items()}
    return {
        href: int(number[1])
        for href, number in found.items()
        if number and href.startswith(("/history", "/queue"))
    }


def test_blocks_are_counted_by_the_rule_that_refused_and_each_count_lists_them(
    robo: Agent, lin: Browser
) -> None:
    asked = blocked(robo)
    (table,) = (each for each in lin.get("/guardrails").every("table") if "by rule" in each.text)
    rows = {
        row.every("td")[0].every("code")[0].text: row.every("a")[0] for row in table.every("tr")[1:]
    }
    assert {rule: opened(lin, link.attributes["href"]) for rule, link in rows.items()} == asked
    assert {rule: int(link.text.split()[0]) for rule, link in rows.items()} == {
        rule: len(refs) for rule, refs in asked.items()
    }


def test_every_number_of_the_page_lists_as_many(robo: Agent, lin: Browser) -> None:
    blocked(robo)
    cast.request(robo, parameters={"n": 1}, at=clock.now() - 5 * HOUR)
    page = lin.get("/guardrails?span=week")
    for panel, least in (("p-blocked", 6), ("p-waiting", 9)):
        numbers = counted(page, panel)
        assert len(numbers) >= least
        assert {href: len(lin.get(href).rows) for href in numbers} == numbers


def test_a_rule_is_new_when_it_refused_nothing_in_the_span_before(robo: Agent) -> None:
    rows = [cast.request(robo, **cast.FORBIDDEN) for _ in range(2)]
    cast.request(robo, action="wipe_disk")  # for the same reason, by another rule
    now = clock.now()
    ApprovalRequest.objects.filter(pk=rows[0].pk).update(created_at=now - timedelta(hours=30))
    found = guardrails.blocked(since=now - timedelta(days=1), at=now)
    assert found.fresh == {"limits.wipe_disk"}
    assert [count for _, _, count in found.by_rule] == [1, 1]


def test_an_agent_cannot_write_the_name_of_a_rule_into_the_figures(robo: Agent) -> None:
    words = '","rule":"limits.wipe_disk","leads_to":"forbidden"'
    row = cast.request(robo, **cast.FORBIDDEN | {"target": words, "reasoning": words})
    cast.request(
        robo,
        **cast.FORBIDDEN | {"parameters": {"rule": "limits.wipe_disk", "leads_to": "forbidden"}},
    )
    now = clock.now()
    found = guardrails.blocked(since=now - HOUR, at=now)
    assert [rule for rule, _, _ in found.by_rule] == ["default-actions.drop_database"]
    listed = history.page(parse("blocked-by:limits.wipe_disk"), now=now, below=None, limit=5)
    assert listed.rows == []
    exact = str(Term("blocked-by", "default-actions.drop_database"))
    assert row in history.page(parse(exact), now=now, below=None, limit=5).rows


def test_where_the_bound_is_reached_every_count_says_at_least(robo: Agent, lin: Browser) -> None:
    blocked(robo)
    most, guardrails.MOST_BLOCKED = guardrails.MOST_BLOCKED, 2
    try:
        page = lin.get("/guardrails")
    finally:
        guardrails.MOST_BLOCKED = most
    (panel,) = (
        s for s in page.every("section") if s.attributes.get("aria-labelledby") == "p-blocked"
    )
    links = (each for each in panel.every("a") if each.attributes["href"].startswith("/history"))
    said = [link.text.split()[0] for link in links]
    assert said
    assert [words for words in said if not words.endswith("+")] == []


def test_no_character_in_an_evaluation_breaks_the_figures(robo: Agent) -> None:
    row = cast.request(robo, **cast.FORBIDDEN)
    told = [
        check | {"values": {"\x00": ["\x00 \\u0000 \\\x00", {"leads_to": "forbidden"}]}}
        for check in row.evaluation
    ]
    ApprovalRequest.objects.filter(pk=row.pk).update(evaluation=told)
    now = clock.now()
    assert [rule for rule, _, _ in guardrails.blocked(since=now - HOUR, at=now).by_rule] == [
        "default-actions.drop_database"
    ]
    wanted = parse("blocked-by:default-actions.drop_database asked-by:nobody blocked-by:%")
    assert history.page(wanted, now=now, below=None, limit=5).rows == []


def test_what_waited_at_a_moment_is_told_to_the_microsecond(robo: Agent) -> None:
    noon = clock.now().replace(minute=0, second=0, microsecond=0) - 3 * HOUR
    lives = (
        (noon, None), (noon + TICK, None), (noon - HOUR, noon), (noon - HOUR, noon + TICK),
        (noon - 30 * HOUR, noon + HOUR),
    )  # fmt: skip
    rows = [
        cast.request(robo, parameters={"n": number}, at=begun)
        for number, (begun, _) in enumerate(lives)
    ]
    for row, (_, ended) in zip(rows, lives, strict=True):
        ApprovalRequest.objects.filter(pk=row.pk).update(
            closed_at=ended, status="denied" if ended else "pending",
            basis="person" if ended else "",
        )  # fmt: skip
    wanted = parse(f"waited-at:{noon:%Y-%m-%dT%H:%M:%SZ}")
    assert wanted.problems == ()
    found = history.page(wanted, now=clock.now(), below=None, limit=9)
    assert sorted(row.pk for row in found.rows) == [rows[0].pk, rows[3].pk, rows[4].pk]


def test_the_statements_behind_these_lists_do_not_grow_with_them(robo: Agent, lin: Browser) -> None:
    blocked(robo)
    cast.request(robo, **cast.HIGH)
    address = "/history?q=waited-at:0m+asked-by:x+blocked-by:default-actions.drop_database"
    for path in (address, "/queue?tab=all&left=half", "/guardrails"):
        lin.get(path)
        with CaptureQueriesContext(connection) as few:
            lin.get(path)
        blocked_again = [cast.request(robo, **cast.FORBIDDEN) for _ in range(3)]
        with CaptureQueriesContext(connection) as many:
            lin.get(path)
        assert len(many) == len(few), path
        assert blocked_again
