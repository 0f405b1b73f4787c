"""One request: everything that would run, in a fixed order, and the forms to decide it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from approvals.domain.terms import Verdict
from approvals.models import Agent, ApprovalRequest, AuditEvent
from approvals.services import clock, grants, lifecycle
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


def test_the_facts_stand_before_what_the_agent_says(lin: Browser, row: ApprovalRequest) -> None:
    page = lin.get(f"/r/{row.ref}")

    body = [heading for heading in page.headings if heading not in {"Who can decide", "About"}]
    assert body[:7] == [
        "What will run",
        "What changes",
        "Why a person is asked",
        "Checked by us",
        "The agent says · not checked",
        "Questions and answers",
        "History here",
    ]
    assert page.every("h1")[0].text == "robo wants to scale deployment · production-api"
    before, _, after = page.text.partition("The agent says · not checked")
    assert "CPU utilization exceeded" in after
    assert "CPU utilization exceeded" not in before


def test_every_parameter_is_shown_as_it_is_with_its_type(lin: Browser, robo: Agent) -> None:
    values = {
        "amount": 124000,
        "order": "1182",
        "force": True,
        "owner": None,
        "note": "",
        "deep": {"list": [1.5]},
    }
    row = cast.request(robo, parameters=values)

    page = lin.get(f"/r/{row.ref}")

    table = next(table for table in page.every("table") if "Parameter" in table.text)
    lines = [[cell.text for cell in line.every("td")][:3] for line in table.every("tr")[1:]]
    assert lines == [
        ["amount", "124000", "integer"],
        ["order", '"1182"', "text"],
        ["force", "true", "true/false"],
        ["owner", "null", "null"],
        ["note", '""', "empty text"],
        ["deep.list[0]", "1.5", "number"],
    ]
    assert "6 of 6 shown" in page.text


def test_hostile_text_is_shown_letter_for_letter(lin: Browser, robo: Agent) -> None:
    row = cast.request(
        robo, target=HOSTILE, parameters={"text": HOSTILE, HOSTILE: 1}, reasoning=HOSTILE
    )

    answer = lin.client.get(f"/r/{row.ref}").content.decode()

    assert "<b>x</b>" not in answer
    page = Page(answer)
    values = [cell.text for cell in page.every("td") if cell.attributes.get("class") == "value"]
    assert f'"{HOSTILE}"' in values
    assert HOSTILE in [claim.text for claim in page.every("dd")]
    links = {link.attributes["href"] for link in page.every("a")}
    assert not [link for link in links if link.startswith("http")]


def test_what_changes_is_drawn_from_pairs_or_says_why_it_is_not(lin: Browser, robo: Agent) -> None:
    paired = lin.get(f"/r/{cast.request(robo).ref}")
    unknown = lin.get(f"/r/{cast.request(robo, **cast.HIGH, rollback=None).ref}")

    assert [paired.every(tag)[0].text for tag in ("del", "ins")] == ["removed: 5", "added: 8"]
    assert "because the agent gave no state before" in unknown.text


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


def test_the_buttons_name_what_they_do(lin: Browser, row: ApprovalRequest) -> None:
    buttons = lin.get(f"/r/{row.ref}").buttons

    for name in (
        "Approve… scale deployment · production-api",
        "Approve scale deployment · production-api",
        "Deny… scale deployment · production-api",
        "Deny scale deployment · production-api",
        "Investigate… scale deployment · production-api",
    ):
        assert name in buttons


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


def test_an_answer_of_the_agent_is_marked_as_its_claim(lin: Browser, row: ApprovalRequest) -> None:
    cast.decide(row, lin.person, Verdict.INVESTIGATE, "Why?")
    lifecycle.add_message(ref=row.ref, text="<i>Trust me</i>", agent=row.agent, at=clock.now())

    thread = [line for line in lin.get(f"/r/{row.ref}").every("li") if "Trust me" in line.text]

    assert thread[0].text.startswith("The agent says · not checked")
    assert "<i>Trust me</i>" in thread[0].text


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
        {"comment": "a\x00b"},
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

    assert bar == (
        "You cannot decide this. This waits for team-leads, and you are not one of them. Lin can."
    )
    assert answer.status_code == 403
    assert "Your click changed nothing" in read(answer).headings
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
    fields = grace.get(f"/r/{row.ref}").form("deny")
    ada.send(row.ref, "deny", comment="Freeze.")

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
    bar = ada.get(f"/r/{row.ref}").by_id("actions").text
    assert "A different person must decide next." in bar
    assert bar.endswith("Grace can.")


def test_too_late_is_expired_and_never_denied(lin: Browser, robo: Agent) -> None:
    row = cast.request(robo, at=clock.now() - LONG_AGO)
    fields = {"verdict": "approve", "version": "1", "shown": row.action_sha256}

    answer = lin.client.post(f"/r/{row.ref}/decide", fields)

    assert answer.status_code == 410
    text = read(answer).text
    assert "so the request expired. Nothing ran." in text
    assert "enied" not in text


def test_a_critical_request_wants_a_fact_typed(at: At, robo: Agent) -> None:
    row = cast.request(robo, **cast.CRITICAL)
    chen = at("chen")

    assert "Type “ders”, the last 4 characters of the target" in chen.get(f"/r/{row.ref}").text
    assert chen.send(row.ref, "approve", confirm="").status_code == 422
    assert not row.decisions.exists()
    assert chen.send(row.ref, "approve", confirm="ders").status_code == 302


def test_an_unused_approval_can_be_revoked(lin: Browser, robo: Agent) -> None:
    row = cast.approved(robo)

    assert lin.post(f"/r/{row.ref}/revoke").status_code == 302

    assert "Revoked by Lin" in lin.get(f"/r/{row.ref}").by_id("actions").text
    assert lin.post(f"/r/{row.ref}/revoke").status_code == 409


def test_a_used_approval_says_that_it_ran(lin: Browser, robo: Agent) -> None:
    row = cast.approved(robo)
    grants.consume(ref=row.ref, agent=robo, key="k", parameters=None, at=clock.now())

    page = lin.get(f"/r/{row.ref}")

    assert "▷ Running" in page.text
    assert not [name for name in page.buttons if "Revoke" in name]


@pytest.mark.parametrize("verb", ["decide", "messages", "cancel", "revoke"])
def test_looking_never_changes_anything(lin: Browser, row: ApprovalRequest, verb: str) -> None:
    address = f"/r/{row.ref}/{verb}?verdict=approve&version=1&shown={row.action_sha256}&text=x"

    assert lin.client.get(address).status_code == 405
    assert lin.client.head(address).status_code == 405
    row.refresh_from_db()
    assert (row.status, row.position) == ("pending", 1)


def test_a_form_without_its_token_is_refused(lin: Browser, row: ApprovalRequest) -> None:
    forged = Client(enforce_csrf_checks=True)
    forged.force_login(lin.person)
    fields = {"verdict": "approve", "version": "1", "shown": row.action_sha256}

    assert forged.post(f"/r/{row.ref}/decide", fields).status_code == 403
    assert not row.decisions.exists()


def test_a_form_sent_after_signing_out_leads_back_to_its_request(row: ApprovalRequest) -> None:
    answer = Client().post(f"/r/{row.ref}/decide", {"verdict": "approve"})

    assert answer.headers["Location"] == f"/sign-in?next=%2Fr%2F{row.ref}"


@pytest.mark.parametrize(
    "ref", ["REQ-999999999999999999999", "REQ-0", "nonsense", "REQ-٣", "%00", "REQ-1%27"]
)
def test_what_does_not_exist_is_not_here(lin: Browser, ref: str) -> None:
    assert lin.get(f"/r/{ref}", status=404).every("h1")[0].text == "Not here"
    assert lin.post(f"/r/{ref}/cancel").status_code == 404
    fields = {"verdict": "deny", "version": "1", "shown": "0" * 64, "comment": "x"}
    assert lin.post(f"/r/{ref}/decide", **fields).status_code == 404


def test_a_form_can_be_opened_without_a_script(lin: Browser, row: ApprovalRequest) -> None:
    page = lin.get(f"/r/{row.ref}?open=deny")

    assert "open" in page.by_id("dialog-deny").attributes
    assert "open" not in page.by_id("dialog-approve").attributes


def test_a_request_decided_by_policy_says_that_nobody_was_asked(lin: Browser, robo: Agent) -> None:
    page = lin.get(f"/r/{cast.request(robo, **cast.LOW).ref}")

    assert "Why nobody was asked" in page.headings
    assert "Approved by policy at " in page.by_id("actions").text


def test_the_parts_of_an_open_page_can_be_drawn_again(lin: Browser, row: ApprovalRequest) -> None:
    page = lin.get(f"/r/{row.ref}/live", x_live="1")

    regions = [element.attributes.get("data-region") for element in page.every_element()]
    assert {"top", "people", "thread", "timeline", "dialogs", "actions"} <= set(regions)
