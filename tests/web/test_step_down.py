"""Move an agent down at once, and say why after: the words are tied to the change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.domain import errors
from approvals.domain.terms import EventKind, Stage
from approvals.models import Agent, AgentStage, AuditEvent
from approvals.services import autonomy, clock, reasons_after, stewards
from tests.support import cast
from tests.web.conftest import Browser

At = Callable[[str], Browser]
SCALING = "scaling_events"

pytestmark = pytest.mark.django_db


@pytest.fixture
def trusted(robo: Agent) -> Agent:
    AgentStage.objects.create(
        agent=robo, action_class=SCALING, stage=Stage.AUTONOMOUS, since=clock.now(),
        changed_by="Ada", reason="It did well.",
    )  # fmt: skip
    return robo


def stage(agent: Agent) -> str:
    return autonomy.stages_of(agent, at=clock.now())[SCALING].value


def changed() -> AuditEvent:
    return AuditEvent.objects.filter(type=EventKind.STAGE_CHANGED.value).latest("seq")


def told() -> list[dict[str, object]]:
    events = AuditEvent.objects.filter(type=EventKind.STAGE_EXPLAINED.value).order_by("seq")
    return [event.entry["detail"] for event in events]


def down(browser: Browser, to: str = "supervised", **more: str) -> object:
    fields = {"class": SCALING, "stage": to, "act": "down"} | more
    return browser.post("/agents/robo/stage", **fields)


def test_one_press_moves_it_down_and_the_page_then_asks_why(at: At, trusted: Agent) -> None:
    sam = at("sam")
    buttons = sam.get(f"/agents/robo?class={SCALING}").buttons
    assert "Step down to supervised for scaling events" in buttons
    assert "Pause: down to shadow for scaling events" in buttons

    down(sam)

    assert stage(trusted) == "supervised"
    page = sam.get(f"/agents/robo?class={SCALING}")
    assert "Say why" in page.text
    sam.post(f"/agents/robo/why/{changed().seq}", reason="Too many rollbacks.")

    assert [each["reason"] for each in told()] == ["Too many rollbacks."]
    assert told()[0]["change"] == changed().seq
    page = sam.get(f"/agents/robo?class={SCALING}")
    assert "Say why" not in page.text
    assert "Too many rollbacks." in page.text


def test_a_pause_goes_down_to_shadow_at_once(at: At, trusted: Agent) -> None:
    down(at("ada"), "shadow")
    assert stage(trusted) == "shadow"


def test_nothing_is_raised_without_a_reason_before(at: At, trusted: Agent) -> None:
    refused = down(at("ada"), "full")

    assert refused.status_code == 409  # type: ignore[attr-defined]
    assert stage(trusted) == "autonomous"
    with pytest.raises(errors.Invalid, match="reason"):
        stewards.change_stage(
            agent=trusted, action_class=SCALING, stage=Stage.SUPERVISED, reason=" ",
            by=cast.person("ada"), at=clock.now(),
        )  # fmt: skip


def test_nobody_else_moves_it_down_or_says_why_and_nobody_says_it_twice(
    at: At, trusted: Agent
) -> None:
    assert down(at("mallory")).status_code == 403  # type: ignore[attr-defined]
    down(at("sam"))
    seq, why = changed().seq, "Because of the weekend."
    assert at("mallory").post(f"/agents/robo/why/{seq}", reason=why).status_code == 403
    assert at("sam").post(f"/agents/robo/why/{seq}", reason=" ").status_code == 422
    assert at("sam").post("/agents/robo/why/999999", reason=why).status_code == 404
    assert told() == []

    assert at("ada").post(f"/agents/robo/why/{seq}", reason=why).status_code == 302
    assert at("sam").post(f"/agents/robo/why/{seq}", reason="Another.").status_code == 409
    assert [each["reason"] for each in told()] == [why]


def test_words_of_somebody_else_do_not_pass_for_those_of_who_made_the_change(
    at: At, trusted: Agent
) -> None:
    down(at("sam"))
    at("ada").post(f"/agents/robo/why/{changed().seq}", reason="Because of the weekend.")

    row = AgentStage.objects.get(agent=trusted, action_class=SCALING, until=None)
    assert row.reason == "Because of the weekend. (said later by Ada)"
    assert told()[0]["reason"] == "Because of the weekend."


def test_a_change_of_another_agent_is_not_explained_here(at: At, trusted: Agent) -> None:
    cast.agent("digger", owner=cast.person("sam"))
    down(at("sam"))

    answer = at("sam").post(f"/agents/digger/why/{changed().seq}", reason="Mixed up.")

    assert (answer.status_code, told()) == (404, [])


def test_changes_say_what_has_no_reason_and_what_was_said_later(at: At, trusted: Agent) -> None:
    ada = at("ada")
    down(ada)
    seq = changed().seq
    assert "Reason still to come" in ada.get("/history/changes").text
    assert "Reason still to come" in ada.get(f"/history/changes/{seq}").text

    reasons_after.explain(
        agent=trusted, seq=seq, reason="It failed twice.", by=cast.person("ada"), at=clock.now()
    )

    listed = ada.get("/history/changes").text
    assert "Reason still to come" not in listed
    assert "Reason said after a change of stage" in listed
    assert "It failed twice." in ada.get(f"/history/changes/{seq}").text


def test_after_an_hour_a_change_says_that_no_reason_was_given(at: At, trusted: Agent) -> None:
    stewards.change_stage(
        agent=trusted, action_class=SCALING, stage=Stage.SUPERVISED, reason="",
        by=cast.person("ada"), at=clock.now() - timedelta(hours=2), says_why_later=True,
    )  # fmt: skip
    assert "No reason was given" in at("ada").get("/history/changes").text


def test_the_pages_cost_as_much_however_many_reasons_are_missing(at: At, trusted: Agent) -> None:
    ada, counts = at("ada"), []
    ada.get("/agents/robo")
    for to in ("supervised", "shadow"):
        down(ada, to)
        with CaptureQueriesContext(connection) as asked:
            ada.get(f"/agents/robo?class={SCALING}")
            ada.get("/history/changes")
        # The database's clock is read again every now and then, whatever the page.
        counts.append(sum("clock_timestamp()" not in each["sql"] for each in asked))

    assert counts[0] == counts[1]
