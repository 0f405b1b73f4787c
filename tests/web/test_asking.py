"""Ask a question on the page: of whom, and what each reader then sees of it."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.models import ApprovalRequest, AuditEvent
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Element, Page

pytestmark = pytest.mark.django_db


@pytest.fixture
def sam(db: None) -> Browser:
    return Browser(cast.person("sam"))


@pytest.fixture
def row(sam: Browser, lin: Browser) -> ApprovalRequest:
    return cast.request()


def thread_of(page: Page) -> str:
    regions = {part.attributes.get("data-region"): part for part in page.every("section")}
    return regions["thread"].text


def test_the_dialog_offers_whom_to_ask_and_the_question_is_kept_with_it(
    lin: Browser, row: ApprovalRequest
) -> None:
    dialog = lin.get(f"/r/{row.ref}?open=investigate").by_id("dialog-investigate")
    for words in (
        "The agent robo or its owner Sam, whoever",
        "Only the owner, Sam",
        "Only the agent",
    ):
        assert words in dialog.text

    answer = lin.send(row.ref, "investigate", comment="Why not wait?", asked_of="owner")

    assert answer.status_code == 302
    event = AuditEvent.objects.get(request=row, type="request.investigating")
    assert event.entry["detail"]["asked_of"] == "owner"
    page = lin.get(f"/r/{row.ref}")
    assert "Lin to the agent's owner" in thread_of(page)
    assert "Waits for an answer of the agent's owner." in thread_of(page)
    assert "asked a question of the agent's owner in the dashboard." in page.text


def chosen(dialog: Element) -> list[str | None]:
    radios = [each for each in dialog.every("input") if "checked" in each.attributes]
    return [radio.attributes["value"] for radio in radios]


def test_a_question_goes_to_either_unless_its_asker_chooses(
    lin: Browser, row: ApprovalRequest
) -> None:
    assert chosen(lin.get(f"/r/{row.ref}").by_id("dialog-investigate")) == ["both"]


def test_a_question_that_is_sent_back_keeps_whom_it_was_for(
    lin: Browser, row: ApprovalRequest
) -> None:
    answer = lin.send(row.ref, "investigate", comment=" ", asked_of="agent")

    assert answer.status_code == 422
    dialog = Page(answer.content.decode()).by_id("dialog-investigate")
    assert chosen(dialog) == ["agent"]


def test_the_owner_answers_on_the_page_and_the_clock_runs_again(
    lin: Browser, sam: Browser, row: ApprovalRequest
) -> None:
    lin.send(row.ref, "investigate", comment="Why not wait?", asked_of="owner")
    thread = thread_of(sam.get(f"/r/{row.ref}"))
    assert "Your answer" in thread
    assert "This answers the question" in thread

    sam.post(f"/r/{row.ref}/messages", text="Customers wait.", go_on="yes")

    row.refresh_from_db()
    assert row.status == "pending"


def test_to_an_owner_who_was_not_asked_no_way_to_end_it_is_offered(
    lin: Browser, sam: Browser, row: ApprovalRequest
) -> None:
    lin.send(row.ref, "investigate", comment="Why not wait?", asked_of="agent")

    thread = thread_of(sam.get(f"/r/{row.ref}"))

    assert "Waits for an answer of the agent." in thread
    assert "clock run again" not in thread


def test_a_question_costs_its_page_no_statement_more_for_whom_it_is(
    lin: Browser, row: ApprovalRequest
) -> None:
    other = cast.request(target="staging-api")
    lin.send(row.ref, "investigate", comment="Why not wait?", asked_of="owner")
    lin.send(other.ref, "investigate", comment="Why not wait?")
    for each in (row, other):
        lin.get(f"/r/{each.ref}")

    with CaptureQueriesContext(connection) as of_owner:
        lin.get(f"/r/{row.ref}")
    with CaptureQueriesContext(connection) as of_both:
        lin.get(f"/r/{other.ref}")

    assert len(of_owner) == len(of_both)
