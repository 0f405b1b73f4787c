"""The queue's filters, folds, views and alarms, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.domain import plan as plans
from approvals.domain import trial
from approvals.domain.terms import Verdict
from approvals.models import Agent, ApprovalRequest, BreakerTrip, Person, ShiftOverride, Team
from approvals.models.desk import RequestLook, SavedView
from approvals.queries import queue as reads
from approvals.services import clock
from approvals.web import boards, queue
from tests.support import cast
from tests.web.conftest import Browser

RESTART: dict[str, Any] = {"action": "restart_service"}


def refs(browser: Browser, address: str) -> list[str]:
    return [row.attributes["data-ref"] for row in browser.get(address).rows]


def made(robo: Agent, how_many: int, **changes: Any) -> list[str]:
    body = RESTART | changes
    return [cast.request(robo, **body, target=f"shop-{n}").ref for n in range(how_many)]


def test_filters_stand_in_the_address_and_narrow_the_list(lin: Browser, robo: Agent) -> None:
    other, _ = cast.agent("crawler")
    medium, high = cast.request(robo), cast.request(other, **cast.HIGH)

    assert refs(lin, "/queue?tab=all&risk=high") == [high.ref]
    assert refs(lin, "/queue?tab=all&agent=robo") == [medium.ref]
    assert refs(lin, "/queue?tab=all&team=team-leads") == [medium.ref]
    assert refs(lin, "/queue?tab=all&left=15") == [medium.ref]
    assert refs(lin, "/queue?tab=all&rule=default-actions.scale_deployment") == [medium.ref]
    assert refs(lin, "/queue?tab=all&rule=default-actions.scale") == []


def test_what_fits_no_filter_says_so_and_offers_to_clear_them(lin: Browser, robo: Agent) -> None:
    cast.request(robo)

    page = lin.get("/queue?tab=all&risk=critical")

    assert page.headings == ["No match"]
    assert {
        link.attributes["href"] for link in page.every("a") if link.text == "Clear filters"
    } == {"/queue?tab=all"}


def test_filters_of_nonsense_are_left_out(lin: Browser, robo: Agent) -> None:
    row = cast.request(robo)

    assert refs(lin, "/queue?tab=all&risk=huge&left=x&sort=odd") == [row.ref]


@pytest.mark.parametrize("sort", ["newest", "risk", "left"])
def test_each_order_pages_without_gap_or_repeat(lin: Browser, robo: Agent, sort: str) -> None:
    wanted = made(robo, 52)

    first = lin.get(f"/queue?tab=all&sort={sort}")
    onward = next(link for link in first.every("a") if link.text == "Next 50")
    found = [row.attributes["data-ref"] for row in first.rows]
    found += refs(lin, onward.attributes["href"])

    assert sorted(found) == sorted(wanted)
    assert sort != "newest" or found[0] == wanted[-1]


def test_repeats_of_one_agent_fold_and_each_can_still_be_opened(lin: Browser, robo: Agent) -> None:
    wanted = made(robo, 6)

    page = lin.get("/queue")

    fold = next(button for button in page.every("button") if "similar" in button.text)
    assert fold.text == "5 similar from robo"
    assert [row.attributes.get("data-fold") for row in page.rows] == [None, *[wanted[0]] * 5]
    assert [row.every("a")[0].attributes["href"] for row in page.rows] == [
        f"/r/{ref}" for ref in wanted
    ]


def test_critical_and_odd_rows_are_never_folded_away(lin: Browser, robo: Agent) -> None:
    made(robo, 5)
    odd = cast.request(robo, **RESTART, target="shop-9", parameters={"file": "a\u202egpj.exe"})
    for number in range(5):
        cast.request(robo, **cast.CRITICAL | {"target": f"orders-{number}"})

    rows = lin.get("/queue?tab=all").rows

    folded = {row.attributes["data-ref"] for row in rows if row.attributes.get("data-fold")}
    assert odd.ref not in folded
    assert not any("Critical" in row.text for row in rows if row.attributes.get("data-fold"))


def test_questions_have_a_tab_of_their_own(lin: Browser, robo: Agent) -> None:
    asked = cast.request(robo)
    cast.request(robo, **cast.HIGH)
    cast.decide(asked, lin.person, Verdict.INVESTIGATE, "Which cluster is this?")

    assert refs(lin, "/queue?tab=questions") == [asked.ref]
    assert "Questions 1" in [link.text for link in lin.get("/queue").every("a")]


def test_a_row_says_that_it_changed_since_it_was_seen(lin: Browser, robo: Agent) -> None:
    row = cast.request(robo)
    now = clock.now()
    RequestLook.objects.create(request=row, person=lin.person, version=1, first_at=now, last_at=now)
    assert "changed since" not in lin.get("/queue").rows[0].text

    cast.decide(row, lin.person, Verdict.INVESTIGATE, "Which cluster is this?")

    assert "changed since you saw it" in lin.get("/queue?tab=all").rows[0].text


def test_what_an_agent_never_asked_before_says_so(lin: Browser, robo: Agent) -> None:
    cast.request(robo)
    cast.request(robo, target="production-web")

    texts = [row.text for row in lin.get("/queue").rows]

    assert ["first time in 30 days" in text for text in texts] == [True, False]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x" * 30_000, "long, so not all of it was searched"),
        ("x" * 6_000 + "\n" * 40 + "rm -rf", "padding"),
        ("\u202e" + "x" * 6_000, "direction override"),
        ("x" * 100, ""),
    ],
)
def test_a_long_text_is_searched_up_to_a_size_and_the_row_says_so(
    lin: Browser, robo: Agent, text: str, said: str
) -> None:
    cast.request(robo, **RESTART, target="shop", parameters={"text": text})

    flags = [
        e.text
        for e in lin.get("/queue").rows[0].every("span")
        if e.attributes.get("class") == "flag"
    ]

    assert said in flags if said else flags == []


def test_a_saved_view_is_one_click_away_and_others_see_it_once_shared(
    lin: Browser, ada: Browser
) -> None:
    lin.post("/views/queue", name="Hot", query="tab=all&risk=high&after=1.2.3")
    assert "Hot" in [link.text for link in lin.get("/queue").every("a")]
    view = SavedView.objects.get()
    assert view.query == "tab=all&risk=high"
    assert "Hot · Lin" not in ada.get("/queue").text

    lin.post(f"/views/{view.pk}/share", shared="yes")
    assert "Hot · Lin" in ada.get("/queue").text

    assert ada.post(f"/views/{view.pk}/delete").status_code == 404
    lin.post(f"/views/{view.pk}/delete")
    assert not SavedView.objects.exists()


def test_a_view_needs_a_name_and_a_page(lin: Browser) -> None:
    assert lin.post("/views/queue", name=" ", query="tab=all").status_code == 422
    assert lin.post("/views/nowhere", name="x", query="tab=all").status_code == 422
    assert lin.post("/views/queue", name="x" * 81, query="").status_code == 422
    assert not SavedView.objects.exists()


def test_a_first_run_shows_three_steps_and_how_far_they_are(lin: Browser) -> None:
    page = lin.get("/queue")

    steps = [item.text for item in page.every("li") if "step" in item.text or item.every("a")]
    assert any("Register an agent" in step for step in steps)
    assert any("Send a first request" in step for step in steps)


def test_an_empty_queue_tells_when_you_decided_last(lin: Browser, robo: Agent) -> None:
    row = cast.request(robo)
    cast.decide(row, lin.person)

    text = lin.get("/queue").text

    assert "Nothing waits for you" in text
    assert "UTC by you." in text


def test_an_empty_queue_tells_who_is_on_call_next(lin: Browser, robo: Agent) -> None:
    cast.decide(cast.request(robo), lin.person)
    assert "Next on call" not in lin.get("/queue").text

    starts = clock.now().replace(microsecond=0) + timedelta(days=2)
    zoe = cast.person("zoe", teams=("team-leads",))
    shift = ShiftOverride.objects.create(
        team=Team.objects.get(name="team-leads"), person=zoe, made_by=zoe, made_at=clock.now(),
        starts_at=starts, ends_at=starts + timedelta(hours=8),
    )  # fmt: skip

    when = f"{starts.day} {starts:%b %Y, %H:%M} UTC"
    assert f"Next on call: Zoe from {when}" in lin.get("/queue").text
    assert "Next on call" not in lin.get("/queue?tab=all").text
    ShiftOverride.objects.filter(pk=shift.pk).update(person=lin.person)
    assert "Next on call: you from" in lin.get("/queue").text


def test_an_empty_queue_takes_as_many_statements_however_many_shifts_there_are(
    lin: Browser, robo: Agent
) -> None:
    cast.decide(cast.request(robo), lin.person)
    zoe = cast.person("zoe", teams=("team-leads",))
    team, now = Team.objects.get(name="team-leads"), clock.now()

    def statements(shifts: int) -> int:
        ShiftOverride.objects.bulk_create(
            ShiftOverride(
                team=team, person=zoe, made_by=zoe, made_at=now,
                starts_at=now + timedelta(hours=hour), ends_at=now + timedelta(hours=hour + 1),
            )
            for hour in range(1, shifts + 1)
        )  # fmt: skip
        lin.get("/queue")
        with CaptureQueriesContext(connection) as seen:
            assert "Next on call" in lin.get("/queue").text
        return len(seen)

    assert statements(1) == statements(60)


def test_who_nobody_can_decide_stands_above_everything(lin: Browser, robo: Agent) -> None:
    row = cast.request(robo)
    assert "Nobody can decide" not in lin.get("/queue?tab=all").text

    Person.objects.filter(memberships__team__name="team-leads").exclude(pk=lin.person.pk).update(
        is_active=False
    )
    lin.person.memberships.all().delete()

    assert f"Nobody can decide request {row.ref} as things stand." in lin.get("/queue?tab=all").text


def test_what_is_wrong_follows_on_an_open_page(lin: Browser, robo: Agent) -> None:
    """An open page asks for its rows, and hears with them what is wrong, or wrong no longer."""

    def told() -> list[str]:
        parts = lin.get("/queue/rows?tab=mine").every("div")
        (shown,) = [each for each in parts if each.attributes.get("data-part") == "alarms"]
        return [each.text for each in shown.every("li")]

    around = lin.get("/queue").by_id("alarms")
    assert (around.attributes["aria-live"], around.text, told()) == ("polite", "", [])

    trip = BreakerTrip.objects.create(
        agent=robo,
        policy="p",
        kind="error_rate",
        does="pause_and_alert",
        words="Too many.",
        opened_at=clock.now(),
        half_open_at=clock.now(),
    )

    assert told() == ["A circuit breaker is open for agent robo. See the guardrails"]
    trip.closed_at = clock.now()
    trip.save()
    assert told() == []


def test_the_test_of_a_channel_waits_in_nobodys_queue_but_its_own(
    lin: Browser, ada: Browser, robo: Agent
) -> None:
    asked = cast.request(robo)
    plan = trial.plan(lin.person.pk, channel="fake")
    row = cast.request(robo, target="the channel")
    stored = {"effect": trial.EFFECT, "plan": plans.to_json(plan)}
    ApprovalRequest.objects.filter(pk=row.pk).update(**stored)

    assert set(refs(lin, "/queue?tab=all")) == {asked.ref, row.ref}
    for tab in ("mine", "teams", "all", "questions"):
        assert row.ref not in refs(ada, f"/queue?tab={tab}")
    assert refs(ada, "/queue?tab=all") == [asked.ref]


def test_the_page_costs_the_same_statements_however_much_waits(lin: Browser, robo: Agent) -> None:
    def cost(address: str) -> int:
        lin.get(address)
        with CaptureQueriesContext(connection) as caught:
            lin.get(address)
        return len(caught)

    for target in ("one", "two"):
        row = cast.request(robo, **cast.HIGH | {"target": target})
        cast.decide(row, cast.person("ada"))
    few = [cost("/queue?tab=all"), cost("/queue/rows?tab=all&known=REQ-1~0,REQ-2~0")]
    for number in range(40):
        row = cast.request(robo, **cast.HIGH | {"target": f"more-{number}"})
        if number % 2:
            cast.decide(row, cast.person("ada"))
    known = ",".join(f"REQ-{number}~0" for number in range(1, 40))

    many = [cost("/queue?tab=all"), cost(f"/queue/rows?tab=all&known={known}")]

    assert many == few
    assert many[0] <= 20


def test_a_row_is_drawn_without_its_submission(lin: Browser, robo: Agent) -> None:
    cast.request(robo, parameters={"text": "x" * 50_000})
    lin.get("/queue")

    with CaptureQueriesContext(connection) as caught:
        lin.get("/queue")

    assert not [query["sql"] for query in caught if '"submission"' in query["sql"]]


def test_a_page_that_heard_of_a_change_is_told_what_was_read_since(
    lin: Browser, robo: Agent
) -> None:
    """Many pages that hear of the same change share one reading of what waits."""
    row = cast.request(robo)
    page = lin.get("/queue?tab=all")
    heard = clock.now().timestamp()
    mark = page.rows[0].attributes["data-mark"]
    address = f"/queue/rows?tab=all&known={row.ref}~{mark}&heard={heard}"
    lin.get(address)

    for _ in range(5):  # a reading is shared for a moment only, which a slow machine may miss
        with CaptureQueriesContext(connection) as caught:
            unchanged = lin.get(address)
        assert unchanged.rows == []
        if not [query["sql"] for query in caught if "decide_by" in query["sql"]]:
            return
    pytest.fail("every page read for itself what waits")


def test_a_reading_from_before_the_change_is_never_served(lin: Browser, robo: Agent) -> None:
    row = cast.request(robo)
    lin.get("/queue?tab=all")
    cast.decide(row, lin.person, Verdict.DENY, "Not today.")
    later = (clock.now() + timedelta(milliseconds=50)).timestamp()

    page = lin.get(f"/queue/rows?tab=all&known={row.ref}~0&heard={later}")

    assert "✖ Denied" in page.rows[0].text


def test_a_page_that_heard_of_nothing_for_long_is_told_what_was_read_just_now(
    lin: Browser, robo: Agent
) -> None:
    """A live page asks every half minute, in case the line did not tell it something."""
    row = cast.request(robo)
    mark = lin.get("/queue?tab=all").rows[0].attributes["data-mark"]
    cast.decide(row, lin.person, Verdict.DENY, "Not today.")
    address = f"/queue/rows?tab=all&known={row.ref}~{mark}&heard=1"

    known = boards.shared(heard=1)
    known.board = replace(known.board, began=known.board.began - queue.OLDEST_SECONDS)
    page = lin.get(address)

    assert "✖ Denied" in page.rows[0].text


def test_the_search_of_a_text_is_remembered_and_never_without_bound() -> None:
    assert len(reads._told) <= reads.REMEMBERED


def test_an_agent_of_ones_own_does_not_need_one(robo: Agent) -> None:
    sam = Browser(cast.person("sam"))
    cast.request(robo)

    assert refs(sam, "/queue") == []
    assert len(refs(sam, "/queue?tab=teams")) == 1
