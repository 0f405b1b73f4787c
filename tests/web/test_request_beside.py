"""Beside deciding: more time within the hard end, and somebody asked by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from approvals.models import Agent, AuditEvent, Timer
from approvals.models.desk import Assignment, ReminderMute
from approvals.services import clock
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page

At = Callable[[str], Browser]


def read(answer: Any) -> Page:
    return Page(answer.content.decode())


def bar(browser: Browser, ref: str) -> str:
    return browser.get(f"/r/{ref}").by_id("actions").text


def test_whoever_may_decide_adds_time_once_and_the_hard_end_stays(at: At, robo: Agent) -> None:
    row = cast.request(robo, **cast.HIGH)
    ada = at("ada")
    form = ada.get(f"/r/{row.ref}?open=add-time").by_id("dialog-add-time").text
    assert "Add 30 min to decide about" in form
    assert "Ends for good at" in form

    assert ada.post(f"/r/{row.ref}/add-time").status_code == 302
    before = (row.decide_by, row.expires_at)
    row.refresh_from_db()
    assert (row.decide_by, row.expires_at) == (before[0] + timedelta(minutes=30), before[1])
    deadline = Timer.objects.get(request=row, kind="deadline", fired_at=None, dropped_at=None)
    assert deadline.due_at == row.decide_by
    page = ada.get(f"/r/{row.ref}")
    assert "ada@example.com added 30 minutes: decide by" in page.text
    assert "Add 30 min" not in page.by_id("actions").text
    again = ada.post(f"/r/{row.ref}/add-time")
    assert again.status_code == 409
    assert "You added time before" in read(again).text
    assert "Add 30 min…" in bar(at("grace"), row.ref)


def test_time_is_added_by_nobody_who_may_not_decide(at: At, robo: Agent) -> None:
    row = cast.request(robo)
    mallory = at("mallory")
    assert "Add 15 min" not in bar(mallory, row.ref)
    assert mallory.post(f"/r/{row.ref}/add-time").status_code == 403
    assert not AuditEvent.objects.filter(request=row, type="request.time_added").exists()


def test_somebody_is_asked_by_name_from_the_page_of_a_request(lin: Browser, robo: Agent) -> None:
    ada = cast.person("ada")
    row = cast.request(robo, at=clock.now())
    assert "Ask somebody by name…" in bar(lin, row.ref)

    nobody = lin.post(f"/r/{row.ref}/assign", person="")
    assert nobody.status_code == 422
    assert "Choose somebody from the list. Nobody was asked." in read(nobody).text

    assert lin.post(f"/r/{row.ref}/assign", person=str(ada.pk)).status_code == 302
    assert Assignment.objects.get(request=row).person == ada
    assert "asked ada@example.com to look at this." in lin.get(f"/r/{row.ref}").text


def test_my_reminders_of_one_request_are_muted_from_its_page_and_had_again(
    lin: Browser, at: At, robo: Agent
) -> None:
    row = cast.request(robo)
    assert "Mute my reminders" in bar(lin, row.ref)

    answer = lin.post(f"/r/{row.ref}/mute", mute="yes")

    page = lin.get(answer.headers["Location"])
    assert "You are not reminded of this one any more." in page.text
    assert "Remind me again" in page.by_id("actions").text
    assert "Approve" in page.by_id("actions").text
    assert "Mute my reminders" in bar(at("sam"), row.ref)
    again = lin.post(f"/r/{row.ref}/mute", mute="no")
    assert "You are reminded of this one again" in lin.get(again.headers["Location"]).text
    assert "Mute my reminders" in bar(lin, row.ref)


def test_an_old_address_does_not_say_of_reminders_what_is_not_so(lin: Browser, robo: Agent) -> None:
    row = cast.request(robo)
    assert "not reminded" not in lin.get(f"/r/{row.ref}?done=muted").text


def test_whoever_only_reads_a_request_mutes_it_too_and_nobody_else_learns_of_it(
    at: At, robo: Agent
) -> None:
    row = cast.request(robo)
    at("mallory").post(f"/r/{row.ref}/mute", mute="yes")
    assert "Remind me again" in bar(at("mallory"), row.ref)
    assert "muted" not in at("mallory").get(f"/r/{row.ref}/evidence").text
    assert "You muted your reminders" in at("mallory").get(f"/r/{row.ref}/live").text
    for page in (f"/r/{row.ref}", f"/r/{row.ref}/live", f"/r/{row.ref}/evidence"):
        assert "muted" not in at("lin").get(page).text


def test_what_is_over_cannot_be_muted_and_says_so(lin: Browser, robo: Agent) -> None:
    row = cast.approved(robo)
    assert "Mute" not in bar(lin, row.ref)
    answer = lin.post(f"/r/{row.ref}/mute", mute="yes")
    assert answer.status_code == 409
    assert "nobody is reminded of it. Nothing was changed." in read(answer).text
    assert not ReminderMute.objects.exists()
    assert lin.post("/r/REQ-99999/mute", mute="yes").status_code == 404
