"""Decide by the forms of a request's page; every refusal is said in words and keeps the text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from approvals import queries
from approvals.domain.terms import Verdict
from approvals.models import Agent, ApprovalRequest, AuditEvent
from approvals.services import clock, lifecycle
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page

At = Callable[[str], Browser]
HOSTILE = "<b>x</b> *x* <!channel> [a](http://b) {{ request.user }} {% now 'Y' %}"
LONG_AGO = timedelta(minutes=30)


@pytest.fixture
def row(robo: Agent) -> ApprovalRequest:
    return cast.request(robo)


def read(answer: object) -> Page:
    return Page(answer.content.decode())  # type: ignore[attr-defined]  # Django's test response


def test_an_approval_is_recorded_with_what_was_shown(lin: Browser, row: ApprovalRequest) -> None:
    answer = lin.send(row.ref, "approve", comment="Fine.")

    assert (answer.status_code, answer.headers["Location"]) == (302, f"/r/{row.ref}")
    decision = row.decisions.get()
    assert (decision.verdict, decision.comment, decision.channel) == ("approve", "Fine.", "web")
    assert decision.authenticated_by == "password_session"
    assert decision.shown_sha256 == row.action_sha256
    page = lin.get(f"/r/{row.ref}")
    assert "Approved by Lin at " in page.by_id("actions").text
    assert "Lin approved in the dashboard; the request is approved. “Fine.”" in page.text


def test_a_denial_without_a_reason_is_sent_back_to_its_open_form(
    lin: Browser, row: ApprovalRequest
) -> None:
    answer = lin.send(row.ref, "deny", comment="   ")

    assert answer.status_code == 422
    dialog = read(answer).by_id("dialog-deny")
    assert "open" in dialog.attributes
    assert "A denial needs a reason" in dialog.text
    assert not row.decisions.exists()


def test_a_question_pauses_the_clock_and_the_thread_goes_on(
    lin: Browser, row: ApprovalRequest
) -> None:
    lin.send(row.ref, "investigate", comment="Why not wait?")
    page = lin.get(f"/r/{row.ref}")
    assert "Clock paused" in page.text
    assert "Why not wait?" in page.text

    answer = lin.post(f"/r/{row.ref}/messages", text="Never mind.", go_on="yes")

    assert answer.status_code == 302
    row.refresh_from_db()
    assert row.status == "pending"
    assert "Never mind." in lin.get(f"/r/{row.ref}").text


def test_an_empty_message_is_refused_in_words(lin: Browser, row: ApprovalRequest) -> None:
    answer = lin.post(f"/r/{row.ref}/messages", text=" ")

    assert answer.status_code == 422
    assert "Nothing was sent" in read(answer).text


def test_too_many_messages_are_refused_in_words_and_the_text_kept(
    at: At, row: ApprovalRequest
) -> None:
    mallory = at("mallory")
    for _ in range(5):
        assert mallory.post(f"/r/{row.ref}/messages", text="Hello?").status_code == 302

    answer = mallory.post(f"/r/{row.ref}/messages", text="Hello again?")

    assert answer.status_code == 429
    assert "You wrote 5 messages within an hour here" in read(answer).text
    assert "Hello again?" in read(answer).text


def test_a_click_on_an_old_version_is_refused_and_the_text_kept(
    lin: Browser, row: ApprovalRequest
) -> None:
    cast.decide(row, lin.person, Verdict.INVESTIGATE, "Why?")
    lifecycle.add_message(ref=row.ref, text="Because.", agent=row.agent, at=clock.now())

    answer = lin.send(row.ref, "deny", version="1", comment="Not convinced yet.")

    page = read(answer)
    assert answer.status_code == 409
    assert "The request changed after what you saw was drawn" in page.text
    assert page.by_id("deny-comment").text == "Not convinced yet."
    assert not row.decisions.filter(verdict="deny").exists()


def test_a_click_on_another_action_than_was_shown_is_refused(
    lin: Browser, row: ApprovalRequest
) -> None:
    assert lin.send(row.ref, "approve", shown="0" * 64).status_code == 409
    assert not row.decisions.exists()


@pytest.mark.parametrize(
    "broken",
    [
        {"version": "", "shown": "x"},
        {"version": "99999999999999"},
        {"verdict": "maybe"},
    ],
)
def test_a_broken_form_decides_nothing(
    lin: Browser, row: ApprovalRequest, broken: dict[str, str]
) -> None:
    assert lin.send(row.ref, "approve", **broken).status_code == 422
    assert not row.decisions.exists()


def test_a_stranger_is_told_why_not_and_who_can(at: At, row: ApprovalRequest) -> None:
    mallory, lin = at("mallory"), at("lin")

    bar = mallory.get(f"/r/{row.ref}").by_id("actions").text
    fields = lin.get(f"/r/{row.ref}").form("approve")
    answer = mallory.client.post(f"/r/{row.ref}/decide", fields)

    assert bar.startswith(
        "You cannot decide this. This waits for team-leads, and you are not one of them. Lin can."
    )
    assert answer.status_code == 403
    assert "Your click changed nothing" in read(answer).headings
    assert not row.decisions.exists()
    assert AuditEvent.objects.filter(request=row, type="decision.refused").count() == 1


def test_the_owner_of_the_agent_may_withdraw_but_not_approve(at: At, row: ApprovalRequest) -> None:
    sam, lin = at("sam"), at("lin")
    fields = lin.get(f"/r/{row.ref}").form("approve")

    assert sam.client.post(f"/r/{row.ref}/decide", fields).status_code == 403
    assert lin.post(f"/r/{row.ref}/cancel").status_code == 403
    assert sam.post(f"/r/{row.ref}/cancel").status_code == 302
    assert "Nothing ran." in lin.get(f"/r/{row.ref}").by_id("actions").text


def test_the_second_to_click_reads_who_decided_and_when(at: At, robo: Agent) -> None:
    row = cast.request(robo, **cast.HIGH)
    ada, grace = at("ada"), at("grace")
    fields = grace.get(f"/r/{row.ref}").form("deny") | {"why": "other"}
    ada.send(row.ref, "deny", comment="Not in the freeze.")

    answer = grace.client.post(f"/r/{row.ref}/decide", fields | {"comment": "Mine too."})

    assert answer.status_code == 409
    assert "Already denied: Ada at " in read(answer).text
    assert "Mine too." in read(answer).text


def test_two_people_are_needed_for_two_seats(ada: Browser, robo: Agent) -> None:
    cast.person("grace")
    row = cast.request(robo, **cast.HIGH)
    assert "Approve config change · production-api (1 of 2)" in ada.get(f"/r/{row.ref}").buttons

    fields = ada.get(f"/r/{row.ref}").form("approve")
    ada.send(row.ref, "approve")
    again = ada.client.post(f"/r/{row.ref}/decide", fields)

    assert again.status_code == 409
    assert "You already approved this at " in read(again).text
    page = ada.get(f"/r/{row.ref}")
    assert not any(button.startswith("Approve") for button in page.buttons)
    assert any(button.startswith("Deny") for button in page.buttons)


def test_too_late_is_expired_and_never_denied(lin: Browser, robo: Agent) -> None:
    row = cast.request(robo, at=clock.now() - LONG_AGO)
    fields = {"verdict": "approve", "version": "1", "shown": row.action_sha256}

    answer = lin.client.post(f"/r/{row.ref}/decide", fields)

    assert answer.status_code == 410
    text = read(answer).text
    assert "so the request expired. Nothing ran." in text
    # The evaluation counts earlier denials; the rest of the page must not speak of one.
    before, _, after = text.partition("See the whole evaluation")
    assert "enied" not in before + after.partition("in the order they were made")[2]


def test_a_critical_request_wants_a_fact_typed(at: At, robo: Agent) -> None:
    row = cast.request(robo, **cast.CRITICAL)
    chen = at("chen")

    asked = chen.get(f"/r/{row.ref}?full=1").text
    assert "Type “ders”, the last 4 characters of the target" in asked
    assert chen.send(row.ref, "approve", confirm="", comment="Checked.").status_code == 422
    assert chen.send(row.ref, "approve", confirm="Ders", comment="Checked.").status_code == 422
    assert not row.decisions.exists()
    assert chen.send(row.ref, "approve", confirm="ders", comment="Checked.").status_code == 302


def test_spaces_behind_a_target_do_not_spare_the_typing(at: At, robo: Agent) -> None:
    row = cast.request(robo, **cast.CRITICAL | {"target": "orders \u3000\u00a0  "})
    chen = at("chen")

    assert chen.send(row.ref, "approve", confirm="", comment="Checked.").status_code == 422
    assert not row.decisions.exists()
    assert chen.send(row.ref, "approve", confirm="ders", comment="Checked.").status_code == 302


def test_an_unused_approval_can_be_revoked(lin: Browser, robo: Agent) -> None:
    row = cast.approved(robo)

    assert lin.post(f"/r/{row.ref}/revoke").status_code == 302

    assert "Revoked by Lin" in lin.get(f"/r/{row.ref}").by_id("actions").text
    assert lin.post(f"/r/{row.ref}/revoke").status_code == 409


def test_a_form_without_its_token_is_refused(lin: Browser, row: ApprovalRequest) -> None:
    forged = Client(enforce_csrf_checks=True)
    forged.force_login(lin.person)
    fields = {"verdict": "approve", "version": "1", "shown": row.action_sha256}

    answer = forged.post(f"/r/{row.ref}/decide", fields)

    assert answer.status_code == 403
    assert "nothing was counted" in answer.content.decode()
    assert not row.decisions.exists()


def test_a_form_sent_after_signing_out_leads_back_to_its_request(row: ApprovalRequest) -> None:
    answer = Client().post(f"/r/{row.ref}/decide", {"verdict": "approve"})

    assert answer.headers["Location"] == f"/sign-in?next=%2Fr%2F{row.ref}"


def test_one_click_decides_the_identical_requests_it_was_shown(lin: Browser, robo: Agent) -> None:
    first, second = cast.request(robo), cast.request(robo)
    page = lin.get(f"/r/{first.ref}")
    assert "robo wants to run scale deployment on production-api ×2" in page.text
    shown = f"This counts for 2 identical requests: {first.ref}, {second.ref}."
    assert shown in page.by_id("dialog-approve").text
    third = cast.request(robo)

    lin.send(first.ref, "approve", version="2")

    assert [queries.request(row.ref).status for row in (first, second, third)] == [
        "approved", "approved", "pending",
    ]  # fmt: skip
    about = lin.get(f"/r/{first.ref}").text
    assert f"Decided together with{second.ref}" in about.replace(" with ", " with")
    timeline = lin.get(f"/r/{third.ref}").text
    assert f"Took over the card of {first.ref}." in timeline


def test_the_page_of_a_joiner_decides_it_alone(lin: Browser, robo: Agent) -> None:
    first, second = cast.request(robo), cast.request(robo)
    page = lin.get(f"/r/{second.ref}")
    assert f"{first.ref}; a decision here counts for {second.ref} alone" in page.text

    lin.send(second.ref, "deny", comment="Once is enough.")

    assert [queries.request(row.ref).status for row in (first, second)] == ["pending", "denied"]
    assert f"{second.ref} left this card." in lin.get(f"/r/{first.ref}").text
