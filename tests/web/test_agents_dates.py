"""An agent's page about dates: a move up from a day until a day, what is planned, and calling it off."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.domain.terms import Stage
from approvals.models import Agent, AgentStage, ApprovalRequest, StageStart
from approvals.services import autonomy, clock, promotions
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import moment

At = Callable[[str], Browser]
DAY = timedelta(days=1)
FORM = {"class": "scaling_events", "stage": "autonomous", "act": "up", "reason": "Earned."}


@pytest.fixture
def supervised(robo: Agent) -> Agent:
    cast.request(robo)
    autonomy.set_stage(
        agent=robo, action_class="scaling_events", stage=Stage.SUPERVISED, reason="New.",
        actor=cast.OPERATOR, at=clock.now(),
    )  # fmt: skip
    return robo


def typed(at: datetime) -> str:
    """As a browser's own field sends a moment."""
    return f"{at:%Y-%m-%dT%H:%M}"


def said(at: datetime) -> str:
    return moment(at, today=clock.now())


def written(at: datetime) -> str:
    return f"{at.day} {at:%b %Y %H:%M} UTC"


def agreed(ada: Browser, **fields: Any) -> ApprovalRequest:
    assert ada.post("/agents/robo/stage", **FORM, **fields).status_code == 302
    row = ApprovalRequest.objects.filter(effect="change_stage").latest("number")
    cast.decide(row, cast.person("mia", teams=["managers"]))
    return cast.decide(row, cast.person("grace"))


def test_a_move_up_is_asked_for_from_a_day_until_a_day(ada: Browser, supervised: Agent) -> None:
    starts, ends = clock.now() + DAY, clock.now() + 30 * DAY

    ada.post("/agents/robo/stage", **FORM, starts=typed(starts), ends=typed(ends))

    row = ApprovalRequest.objects.get(effect="change_stage")
    asked = row.submission["parameters"]
    assert (asked["starts"], asked["ends"]) == (f"{typed(starts)}:00Z", f"{typed(ends)}:00Z")
    words = f"from {written(starts)} until {written(ends)}, then supervised"
    assert f"asks for autonomous for scaling_events {words}" in ada.get("/agents/robo").text
    assert words in ada.get(f"/r/{row.ref}?full=1").text


@pytest.mark.parametrize(
    ("fields", "wrong", "words"),
    [
        ({"starts": "2020-01-01T00:00"}, "up-starts", "The start is over already"),
        ({"starts": "2999-01-01T00:00"}, "up-starts", "begins within 366 days"),
        ({"ends": "2020-01-01T00:00"}, "up-ends", "The end comes after the start"),
        ({"ends": "soon"}, "up-ends", "Write the moment as 2026-12-01T09:00"),
        ({"ends": "0001-01-01T00:00+14:00"}, "up-ends", "Write the moment as"),
    ],
)
def test_odd_dates_come_back_with_what_was_typed(
    ada: Browser, supervised: Agent, fields: dict[str, str], wrong: str, words: str
) -> None:
    answer = ada.post("/agents/robo/stage", **FORM, **fields)

    assert answer.status_code == 422
    html = answer.content.decode()
    assert words in html
    assert ">Earned.</textarea>" in html
    assert "Ask for autonomous for scaling events" in html
    field = html[html.index(f'id="{wrong}"') :].partition(">")[0]
    assert 'aria-invalid="true"' in field
    assert next(iter(fields.values())) in field
    assert not ApprovalRequest.objects.filter(effect="change_stage").exists()


def test_the_page_says_what_is_planned_who_agreed_and_what_follows(
    ada: Browser, lin: Browser, supervised: Agent
) -> None:
    starts, ends = clock.now() + DAY, clock.now() + 30 * DAY

    row = agreed(ada, starts=typed(starts), ends=typed(ends))

    text = ada.get("/agents/robo").text
    assert f"from {said(starts)} until {said(ends)}: autonomous. Rules and the risk" in text
    assert f"then supervised. Agreed by Mia and Grace in {row.ref}" in text
    assert "Call off autonomous for scaling events from" in " ".join(
        button.name for button in ada.get("/agents/robo").every("button")
    )
    assert "Call off" not in lin.get("/agents/robo").text


def test_a_plan_is_called_off_with_one_button_and_the_page_says_by_whom(
    ada: Browser, at: At, supervised: Agent
) -> None:
    agreed(ada, starts=typed(clock.now() + DAY))
    start = StageStart.objects.get()
    address = f"/agents/robo/planned/{start.pk}/call-off"
    assert at("lin").post(address).status_code == 403

    done = at("sam").post(address, **{"class": "scaling_events"})

    assert (done.status_code, done["Location"]) == (302, "/agents/robo?class=scaling_events#trust")
    page = ada.get("/agents/robo").text
    assert "Did not begin Autonomous for scaling_events" in page
    assert "Called off by Sam." in page
    again = ada.post(address)
    assert again.status_code == 409
    assert "Nothing was changed" in again.content.decode()
    assert ada.client.get(address).status_code == 405
    assert ada.post("/agents/robo/planned/99999999999999999999/call-off").status_code == 409
    assert "Planned stage dropped" in ada.get("/history/changes?kind=stages").text


def test_the_ladder_says_until_when_and_shows_what_counts_once_it_is_over(
    ada: Browser, supervised: Agent
) -> None:
    ends = clock.now() + DAY
    agreed(ada, ends=typed(ends))
    assert f"until {said(ends)}, then supervised" in ada.get("/agents/robo").text
    assert "Autonomous" in ada.get("/agents?stage=autonomous").text

    past = clock.now() - timedelta(minutes=1)
    AgentStage.objects.filter(until=None).update(since=past - DAY, ends_at=past)

    text = ada.get("/agents/robo").text
    assert "then supervised" not in text
    assert "Its end date came." in text
    assert "No agent matches" in ada.get("/agents?stage=autonomous").text
    row = ada.get("/agents?stage=supervised").text
    assert "robo" in row
    assert "Supervised" in row


def test_many_plans_need_no_more_statements_than_one(ada: Browser, supervised: Agent) -> None:
    agreed(ada, starts=typed(clock.now() + DAY))
    with CaptureQueriesContext(connection) as few:
        ada.get("/agents/robo")
    for days in (2, 3, 4):
        agreed(ada, starts=typed(clock.now() + days * DAY))
    with CaptureQueriesContext(connection) as many:
        ada.get("/agents/robo")
    assert len(many) == len(few)


def test_what_went_wrong_before_the_day_is_told_where_the_plan_was(
    ada: Browser, supervised: Agent
) -> None:
    agreed(ada, starts=typed(clock.now() + DAY))
    autonomy.breaker_opened(agent=supervised, words="Error rate 12 %.", at=clock.now())
    promotions.settle(at=clock.now() + 2 * DAY)
    text = ada.get("/agents/robo").text
    assert "Did not begin Autonomous" in text
    assert "Error rate 12 %." in text
