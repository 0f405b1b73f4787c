"""The queue shows what waits, for whom, and until when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from approvals.domain.terms import Verdict
from approvals.models import Absence, Agent, AgentStage
from approvals.services import clock
from approvals.web import moments
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page

HOUR = timedelta(hours=1)
RESTART: dict[str, Any] = {"action": "restart_service", "target": "checkout"}


def test_a_row_says_what_would_run_in_full_and_whom_it_needs(lin: Browser, robo: Agent) -> None:
    row = cast.request(robo)

    shown = lin.get("/queue").rows

    assert [line.every("a")[0].text for line in shown] == ["Scale deployment · production-api"]
    assert (
        shown[0]
        .every("a")[0]
        .name.startswith(
            "Medium risk, Scale deployment · production-api, waiting, 4 minutes left, "
        )
    )
    assert (
        shown[0]
        .every("a")[0]
        .name.endswith(f"left, decide by {row.decide_by:%H:%M} UTC, needs you")
    )
    assert "0 of 1 · needs you" in shown[0].text
    assert f"{row.decide_by:%H:%M} UTC · then more people are asked" in shown[0].text


def test_a_row_says_how_far_its_agent_is_trusted_with_this_until_that_ends(
    lin: Browser, robo: Agent
) -> None:
    now = clock.now()
    cast.request(robo)
    cast.request(robo, **RESTART)
    every = AgentStage.objects.create(
        agent=robo,
        action_class="*",
        stage="supervised",
        since=now - HOUR,
        changed_by="lin",
        reason="x",
    )

    def told() -> list[str]:
        return [row.text.partition("asked by ")[2] for row in lin.get("/queue?tab=all").rows]

    assert [text.startswith("robo · supervised") for text in told()] == [True, True]
    known = {row.attributes["data-ref"]: row for row in lin.get("/queue?tab=all").rows}
    asked = ",".join(f"{ref}~{row.attributes['data-mark']}" for ref, row in known.items())
    assert lin.get(f"/queue/rows?tab=all&known={asked}").rows == []

    every.ends_at, every.falls_to = now, "shadow"
    every.save()

    assert [text.startswith("robo · shadow") for text in told()] == [True, True]
    assert len(lin.get(f"/queue/rows?tab=all&known={asked}").rows) == 2
    every.until = now
    every.save()
    assert not any("·" in text.partition(" ")[2][:2] for text in told())


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "time is up"),
        (59, "under a minute left"),
        (60, "1 minute left"),
        (719, "11 minutes left"),
        (3_600, "1 hour left"),
        (3_660, "1 hour 1 minute left"),
        (90_000 + 60, "1 day 1 hour left"),
        (172_800, "2 days left"),
    ],
)
def test_the_time_left_is_spoken_in_whole_minutes(seconds: int, words: str) -> None:
    assert moments.left_spoken(timedelta(seconds=seconds)) == words


def test_the_name_of_a_row_says_while_a_question_is_open_that_its_clock_rests(
    lin: Browser, robo: Agent
) -> None:
    row = cast.decide(cast.request(robo), lin.person, Verdict.INVESTIGATE, "Why?")

    link = lin.get("/queue?tab=all").rows[0].every("a")[0]

    assert ", question open, clock paused" in link.name
    assert "decide by" not in link.name
    told = link.attributes["data-left"] + link.attributes["data-after"]
    assert link.name.endswith(told), row.ref


def test_a_small_amount_hides_no_greater_total(lin: Browser, robo: Agent) -> None:
    several = {"amount": 1, "total": 9_000_000, "currency": "EUR"}
    row = cast.request(robo, parameters=several)
    many = cast.request(
        robo, parameters={"count": 5, "price": 3, "sum": 2, "amount": 1, "total": 4}
    )

    shown = {line.attributes["data-ref"]: line.text for line in lin.get("/queue").rows}

    assert "amount 1, total 9000000, currency EUR" in shown[row.ref]
    assert "amount 1, total 4, sum 2 and 2 more" in shown[many.ref]


def test_a_row_says_how_much_as_it_was_sent(lin: Browser, robo: Agent) -> None:
    refund: dict[str, Any] = {
        "parameters": {"charge": "ch_3QK9f2", "amount": 124000, "currency": "EUR"}
    }
    row = cast.request(robo, **refund)
    cast.request(robo, parameters={"amount": True, "currency": "x" * 5_000})

    shown = {line.attributes["data-ref"]: line for line in lin.get("/queue").rows}

    assert "production-api amount 124000, currency EUR" in shown[row.ref].text
    assert ", amount 124000, currency EUR, waiting" in shown[row.ref].every("a")[0].name
    assert [ref for ref, line in shown.items() if "amount" in line.text] == [row.ref]
    known = lin.get(f"/queue/rows?tab=mine&known={row.ref}~0").rows[0]
    assert "amount 124000, currency EUR" in known.text
    assert "amount 124000" in lin.get(f"/queue/several?do=deny&ref={row.ref}").text
    facts = lin.get(f"/r/{row.ref}").every("dl")[0]
    assert facts.every("dd")[0].text == "amount 124000, currency EUR"


def test_who_is_away_is_told_so_and_can_be_back_at_once(lin: Browser, robo: Agent) -> None:
    now = clock.now()
    assert "You are marked away" not in lin.get("/queue").text
    away = Absence.objects.create(
        person=lin.person, starts_at=now - HOUR, ends_at=now + HOUR, made_by=lin.person, made_at=now
    )
    page = lin.get("/queue")

    ends = away.ends_at
    assert f"You are marked away until {ends:%A} {ends.day} {ends:%b %Y, %H:%M} UTC." in page.text
    back = next(form for form in page.every("form") if "Back now" in form.text)
    assert lin.post(back.attributes["action"]).status_code == 302
    assert "You are marked away" not in lin.get("/queue").text


def test_critical_comes_first_and_then_the_least_time_left(lin: Browser, robo: Agent) -> None:
    high, medium, critical = (
        cast.request(robo, **cast.HIGH),
        cast.request(robo),
        cast.request(robo, **cast.CRITICAL),
    )

    shown = lin.get("/queue?tab=all").rows

    assert [line.attributes["data-ref"] for line in shown] == [critical.ref, medium.ref, high.ref]


def test_each_tab_counts_exactly_the_rows_it_shows(ada: Browser, robo: Agent) -> None:
    first = cast.request(robo, **cast.HIGH)
    cast.request(robo, **cast.HIGH | {"parameters": {"number": 2}})
    cast.request(robo, **cast.CRITICAL)
    cast.decide(first, ada.person)

    for tab, title in (("mine", "For you 1"), ("teams", "My teams 2"), ("all", "All waiting 3")):
        page = ada.get(f"/queue?tab={tab}")
        assert title in [link.text for link in page.every("a")]
        assert len(page.rows) == int(title.rsplit(" ", 1)[1])


def test_the_title_counts_what_waits_for_you(lin: Browser, robo: Agent) -> None:
    assert lin.get("/queue").title == "Queue · Countersign"
    cast.request(robo)
    assert lin.get("/queue").title == "(1) Queue · Countersign"


def test_an_empty_queue_says_so_in_words(lin: Browser) -> None:
    assert lin.get("/queue").headings == ["Nothing waits for you"]
    assert lin.get("/queue?tab=all").headings == ["Nothing waits"]


def test_pages_follow_one_another_without_gap_or_repeat(lin: Browser, robo: Agent) -> None:
    made = {
        cast.request(robo, **RESTART, parameters={"number": number}).ref for number in range(52)
    }

    first = lin.get("/queue?tab=all")
    onward = next(link for link in first.every("a") if link.text == "Next 50")
    second = lin.get(onward.attributes["href"])

    refs = [[line.attributes["data-ref"] for line in page.rows] for page in (first, second)]
    assert [len(page) for page in refs] == [50, 2]
    assert set(refs[0]) | set(refs[1]) == made


def test_the_pages_of_ones_own_tab_follow_one_another_too(lin: Browser, robo: Agent) -> None:
    for number in range(51):
        cast.request(robo, **RESTART, parameters={"number": number})

    first = lin.get("/queue?tab=mine")
    onward = next(link for link in first.every("a") if link.text == "Next 50")

    assert (len(first.rows), len(lin.get(onward.attributes["href"]).rows)) == (50, 1)


def test_a_cursor_of_nonsense_is_the_first_page(lin: Browser, robo: Agent) -> None:
    cast.request(robo)

    for cursor in ("x", "1.2", "1.-5.2", "١.٢.٣"):
        assert len(lin.get(f"/queue?tab=all&after={cursor}").rows) == 1


def test_a_page_that_has_emptied_leads_to_the_first(lin: Browser, robo: Agent) -> None:
    cast.request(robo)

    answer = lin.client.get("/queue?tab=all&after=1.9999999999999999.1")

    assert answer.headers["Location"] == "/queue?tab=all"


def test_an_open_page_learns_what_became_of_its_rows_and_what_is_new(
    lin: Browser, robo: Agent
) -> None:
    known = cast.request(robo)
    gone = cast.request(robo, parameters={"number": 2})
    cast.decide(gone, cast.person("lin"), Verdict.DENY, "Not today.")
    fresh = cast.request(robo, parameters={"number": 3})

    page = lin.get(f"/queue/rows?tab=mine&known={known.ref},{gone.ref},REQ-x,nonsense", x_live="1")

    parts = {part.attributes["data-part"]: part for part in page.every("tbody")}
    assert {row.attributes["data-ref"] for row in parts["known"].every("tr")} == {
        known.ref,
        gone.ref,
    }
    assert [row.attributes["data-ref"] for row in parts["new"].every("tr")] == [fresh.ref]
    assert "✖ Denied Lin, " in parts["known"].text


def test_odd_characters_are_flagged_on_the_row(lin: Browser, robo: Agent) -> None:
    cast.request(robo, **RESTART, parameters={"file": "invoice\u202egpj.exe"})

    assert "direction override" in lin.get("/queue").rows[0].text


def test_who_is_signed_out_is_led_to_sign_in_and_back(db: None) -> None:
    answer = Client().get("/queue?tab=teams")

    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        "/sign-in?next=%2Fqueue%3Ftab%3Dteams",
    )
    assert Client().get("/queue/rows", headers={"X-Live": "1"}).status_code == 401


def test_pages_carry_no_script_or_style_of_their_own(
    at: Callable[[str], Browser], robo: Agent
) -> None:
    row = cast.request(robo)

    for address in ("/queue", f"/r/{row.ref}", "/history"):
        answer = at("lin").client.get(address)
        page = Page(answer.content.decode())
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert all(script.attributes["src"] for script in page.every("script"))
        assert not page.every("style")
        styled = [element for element in page.every_element() if "style" in element.attributes]
        assert not styled


def test_identical_requests_stand_in_one_row_with_their_count(lin: Browser, robo: Agent) -> None:
    first, second, _ = (cast.request(robo, **RESTART) for _ in range(3))

    page = lin.get("/queue")

    assert page.title == "(1) Queue · Countersign"
    assert [row.every("a")[0].text for row in page.rows] == ["Restart service · checkout ×3"]
    assert first.ref in page.rows[0].text
    assert second.ref not in page.text
