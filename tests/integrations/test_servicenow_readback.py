"""What people decide in ServiceNow counts here: theirs, proven, and once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from approvals.domain.terms import Status, Verdict
from approvals.models import ApprovalRequest, AuditEvent, Decision
from approvals.services import clock, deliveries, looking
from tests.fakes import server
from tests.fakes.servicenow import CHANGES, ROWS, USERS, FakeServiceNow
from tests.support import cast
from tests.support.servicenow import linked, look, opened, pointed, refusals, with_board

pytestmark = pytest.mark.django_db


@pytest.fixture
def servicenow(settings: Any) -> Iterator[FakeServiceNow]:
    with pointed(settings) as fake:
        yield fake


def asked(servicenow: FakeServiceNow, *board: str, **changes: Any) -> ApprovalRequest:
    """A critical request whose change request stands before this board."""
    with_board(servicenow, *board)
    row = cast.request(**{**cast.CRITICAL, **changes})
    opened(servicenow, row)
    return row


def status(row: ApprovalRequest) -> str:
    row.refresh_from_db()
    return row.status


def test_two_people_of_the_board_approve(servicenow: FakeServiceNow) -> None:
    row = asked(servicenow, "chen", "dana")
    servicenow.says("chen", "approved")
    look()
    assert status(row) == Status.PENDING
    servicenow.says("dana", "approved", "Good to go.")
    look()
    assert status(row) == Status.APPROVED
    first, second = Decision.objects.filter(request=row).order_by("id")
    assert (first.person.name, second.person.name) == ("Chen", "Dana")
    assert (second.channel, second.authenticated_by) == ("servicenow", "servicenow_record")
    assert (second.comment, second.shown_sha256) == ("Good to go.", row.action_sha256)
    assert refusals(row) == []


def test_a_rejection_is_a_denial_with_the_words_said_there(servicenow: FakeServiceNow) -> None:
    row = asked(servicenow, "chen", "dana")
    servicenow.says("chen", "rejected", "Not during the freeze.\nAsk on Monday.")
    look()
    assert status(row) == Status.DENIED
    decision = Decision.objects.get(request=row)
    assert decision.person.name == "Chen"
    assert decision.comment == "Not during the freeze.\nAsk on Monday."


def test_a_rejection_without_words_is_one_too(servicenow: FakeServiceNow) -> None:
    row = asked(servicenow, "chen")
    servicenow.says("chen", "rejected")
    look()
    assert Decision.objects.get(request=row).comment == "Rejected in ServiceNow without a comment."


def test_a_decision_counts_once_however_often_it_is_read(servicenow: FakeServiceNow) -> None:
    row = asked(servicenow, "chen", "dana")
    servicenow.says("chen", "approved")
    for _ in range(4):
        look()
    assert Decision.objects.filter(request=row).count() == 1
    assert refusals(row) == []
    assert status(row) == Status.PENDING


def test_who_decided_here_already_is_not_refused_there(servicenow: FakeServiceNow) -> None:
    row = asked(servicenow, "chen", "dana")
    cast.decide(row, cast.person("chen"))
    servicenow.says("chen", "approved")
    look()
    assert refusals(row) == []


@pytest.mark.parametrize("name", ["sys_id", "user_name"])
def test_an_account_is_known_by_its_id_or_its_name(servicenow: FakeServiceNow, name: str) -> None:
    user = servicenow.add_user("chen")
    linked("chen", user[name])
    row = asked(servicenow)
    servicenow.says("chen", "approved")
    look()
    assert Decision.objects.get(request=row).person.name == "Chen"


def test_an_account_that_could_be_two_people_is_nobody(servicenow: FakeServiceNow) -> None:
    user = servicenow.add_user("chen")
    linked("chen", user["sys_id"])
    linked("dana", "chen")
    row = asked(servicenow)
    servicenow.says("chen", "approved")
    look()
    assert refusals(row) == ["not_proven"]
    assert not Decision.objects.exists()


def test_a_user_name_that_looks_like_an_id_is_none(servicenow: FakeServiceNow) -> None:
    chen = servicenow.add_user("chen", on_board=False)
    linked("chen", chen["sys_id"])
    servicenow.add_user(chen["sys_id"])
    row = asked(servicenow)
    servicenow.says(chen["sys_id"], "approved")
    look()
    assert not Decision.objects.exists()
    assert refusals(row) == ["not_proven"]


def test_somebody_unknown_is_refused_once_and_counts_when_known(servicenow: FakeServiceNow) -> None:
    servicenow.add_user("chen")
    row = asked(servicenow)
    servicenow.says("chen", "approved")
    look()
    look()
    assert refusals(row) == ["not_proven"]
    [event] = AuditEvent.objects.filter(request=row, type="decision.refused")
    assert "chen is linked to nobody" in event.entry["detail"]["words"]
    linked("chen")
    look()
    assert Decision.objects.get(request=row).person.name == "Chen"


def test_what_an_administrator_writes_for_somebody_is_not_theirs(
    servicenow: FakeServiceNow,
) -> None:
    row = asked(servicenow, "chen", "dana")
    servicenow.says("chen", "approved", by="admin")
    servicenow.says("dana", "approved", by="system")
    look()
    look()
    assert not Decision.objects.exists()
    assert refusals(row) == ["not_proven", "not_proven"]
    assert status(row) == Status.PENDING


def test_a_delegate_decides_as_themselves(servicenow: FakeServiceNow) -> None:
    row = asked(servicenow, "chen")
    linked("dana")
    servicenow.says("chen", "approved", by="dana")
    look()
    assert Decision.objects.get(request=row).person.name == "Dana"


@pytest.mark.parametrize(("name", "why"), [("mallory", "not_an_approver"), ("sam", "own_agent")])
def test_who_may_not_decide_here_may_not_there(
    servicenow: FakeServiceNow, name: str, why: str
) -> None:
    row = asked(servicenow, name)
    servicenow.says(name, "approved")
    look()
    look()
    assert refusals(row) == [why]
    assert status(row) == Status.PENDING


def test_a_rejection_by_somebody_unknown_ends_it_all_the_same(servicenow: FakeServiceNow) -> None:
    servicenow.add_user("zoe")
    row = asked(servicenow)
    servicenow.says("zoe", "rejected", "No.")
    look()
    assert status(row) == Status.CANCELLED
    assert row.closed_by.startswith("ServiceNow (CHG")
    assert row.closed_by.endswith(" was rejected there)")
    assert not Decision.objects.exists()


def test_cancelled_there_is_withdrawn_here(servicenow: FakeServiceNow) -> None:
    row = asked(servicenow, "chen")
    servicenow.cancels(servicenow.changes[0])
    look()
    assert status(row) == Status.CANCELLED
    assert row.closed_by.endswith(" was cancelled there)")


def test_a_summary_approves_nothing(servicenow: FakeServiceNow) -> None:
    row = asked(servicenow, "chen")
    servicenow.changes[0]["approval"] = "approved"
    look()
    assert status(row) == Status.PENDING


def test_an_edited_description_approves_nothing_and_still_denies(
    servicenow: FakeServiceNow,
) -> None:
    row = asked(servicenow, "chen", "dana")
    change = servicenow.changes[0]
    change["description"] = change["description"].replace("42", "41")
    servicenow.says("chen", "approved")
    look()
    assert refusals(row) == ["not_proven"]
    assert not Decision.objects.exists()
    servicenow.says("dana", "rejected", "What is this?")
    look()
    assert status(row) == Status.DENIED


def test_a_description_of_another_request_approves_nothing(servicenow: FakeServiceNow) -> None:
    row = asked(servicenow, "chen")
    opened(servicenow, cast.request(**{**cast.CRITICAL, "parameters": {"version": 1}}))
    mine, other = servicenow.changes
    mine["description"] = other["description"]
    servicenow.says("chen", "approved", change=mine)
    look()
    assert refusals(row) == ["not_proven"]


def test_line_breaks_of_a_form_do_not_break_the_seal(servicenow: FakeServiceNow) -> None:
    row = asked(servicenow, "chen")
    change = servicenow.changes[0]
    change["description"] = change["description"].replace("\n", "\r\n") + "\r\n"
    servicenow.says("chen", "approved")
    look()
    assert Decision.objects.filter(request=row).count() == 1


def test_what_does_not_fit_cannot_be_approved_there(servicenow: FakeServiceNow) -> None:
    row = asked(servicenow, "chen", "dana", parameters={f"step_{n}": "x" * 90 for n in range(60)})
    assert servicenow.changes[0]["description"].startswith("NOT SHOWN IN FULL.")
    servicenow.says("chen", "approved")
    look()
    assert refusals(row) == ["not_proven"]
    assert not Decision.objects.exists()
    servicenow.says("dana", "rejected", "Too much at once.")
    look()
    assert status(row) == Status.DENIED


def test_a_description_nobody_may_write_approves_nothing(servicenow: FakeServiceNow) -> None:
    servicenow.dropped = {"description"}
    row = asked(servicenow, "chen")
    servicenow.says("chen", "approved")
    look()
    assert refusals(row) == ["not_proven"]


def test_a_change_that_cannot_be_read_is_not_one_without_decisions(
    servicenow: FakeServiceNow,
) -> None:
    row = asked(servicenow, "chen", "dana")
    look()
    good = looking.last_well("servicenow")
    servicenow.hidden = {servicenow.changes[0]["sys_id"]}
    servicenow.says("chen", "approved")
    look(after=timedelta(minutes=30))
    assert looking.last_well("servicenow") == good
    assert not Decision.objects.exists()
    servicenow.hidden = set()
    look(after=timedelta(minutes=31))
    assert Decision.objects.filter(request=row).count() == 1


def test_a_change_made_over_for_something_else_is_not_ours(servicenow: FakeServiceNow) -> None:
    row = asked(servicenow, "chen")
    servicenow.changes[0]["correlation_id"] = "another"
    servicenow.says("chen", "approved")
    look()
    assert looking.last_well("servicenow") is None
    assert status(row) == Status.PENDING


def test_one_that_cannot_be_read_does_not_hold_up_the_others(servicenow: FakeServiceNow) -> None:
    asked(servicenow, "chen")
    servicenow.hidden = {servicenow.changes[0]["sys_id"]}
    other = cast.request(**{**cast.CRITICAL, "target": "invoices"})
    change = opened(servicenow, other)
    servicenow.says("chen", "approved", change=change)
    look()
    assert Decision.objects.get().request == other


def test_a_query_that_matches_everything_counts_nothing_of_others(
    servicenow: FakeServiceNow,
) -> None:
    row = asked(servicenow, "chen")
    foreign = servicenow.add_user("dana", on_board=False)
    linked("dana")
    servicenow.is_deaf = True
    stray = {"sysapproval": "f" * 32, "approver": foreign["sys_id"], "approver.user_name": "dana"}
    servicenow.add_row(stray | {"state": "approved", "sys_updated_by": "dana"})
    servicenow.says("chen", "approved")
    look()
    assert [one.person.name for one in Decision.objects.filter(request=row)] == ["Chen"]
    assert looking.last_well("servicenow") is not None


def test_many_rows_are_read_page_by_page(servicenow: FakeServiceNow) -> None:
    row = asked(servicenow, "chen", "dana")
    change = servicenow.changes[0]["sys_id"]
    for number in range(430):
        name = f"extra{number}"
        extra = {"sysapproval": change, "approver.user_name": name, "state": "approved"}
        servicenow.add_row(extra | {"sys_updated_by": "x", "sys_updated_on": "2020-01-01 00:00:00"})
    servicenow.says("chen", "approved")
    servicenow.says("dana", "approved")
    look()
    assert status(row) == Status.APPROVED
    pages = servicenow.called("GET", "/api/now/table/sysapproval_approver")
    assert [page.query["sysparm_offset"] for page in pages] == ["0", "200", "400"]


def look_at(at: datetime) -> None:
    looking.soon("servicenow", at=at)
    assert looking.look_due(now=lambda: at) == 1


def test_later_looks_read_what_is_new_and_now_and_then_everything(
    servicenow: FakeServiceNow,
) -> None:
    row = asked(servicenow, "chen", "dana")
    began = clock.now().replace(minute=51, second=0) + timedelta(hours=1)
    look_at(began)
    servicenow.says("chen", "approved")["sys_updated_on"] = f"{began:%Y-%m-%d %H}:41:00"
    servicenow.says("dana", "approved")["sys_updated_on"] = f"{began:%Y-%m-%d %H}:40:59"
    look_at(began + timedelta(minutes=1))
    assert [one.person.name for one in Decision.objects.filter(request=row)] == ["Chen"]
    look_at(began + timedelta(minutes=9))
    assert status(row) == Status.APPROVED


def test_down_for_a_while_nothing_is_lost(servicenow: FakeServiceNow) -> None:
    row = asked(servicenow, "chen", "dana")
    servicenow.says("chen", "approved")
    servicenow.says("dana", "approved")
    servicenow.will(server.says(503), server.hangs_up, server.garbage, server.says(502))
    for minute in range(1, 5):
        look(after=timedelta(minutes=minute))
        assert status(row) == Status.PENDING
    look(after=timedelta(minutes=6))
    assert status(row) == Status.APPROVED


def test_a_limit_delays_the_next_look(servicenow: FakeServiceNow) -> None:
    asked(servicenow, "chen")
    servicenow.will(server.says(429, {"error": {"message": "Rate"}}, Retry_After="300"))
    at = clock.now()
    looking.soon("servicenow", at=at)
    assert looking.look_due(now=lambda: at) == 1
    assert looking.look_due(now=lambda: at + timedelta(seconds=299)) == 0
    assert looking.look_due(now=lambda: at + timedelta(seconds=300)) == 1


@pytest.mark.parametrize("comment", ["a\x00b", "\ud800", "[code]<b>x</b>[/code]", "x" * 9_000])
def test_any_comment_can_be_kept(servicenow: FakeServiceNow, comment: str) -> None:
    row = asked(servicenow, "chen")
    servicenow.says("chen", "rejected", comment)
    look()
    assert status(row) == Status.DENIED
    assert "\x00" not in Decision.objects.get(request=row).comment


@pytest.mark.parametrize(
    ("on", "fields", "counts"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"locked_out": "true"}, False),
        (True, {"active": "false"}, False),
        (True, {"email": "somebody@example.com"}, False),
    ],
)
def test_an_address_speaks_for_somebody_only_where_the_operator_says_so(
    servicenow: FakeServiceNow, settings: Any, on: bool, fields: dict[str, str], counts: bool
) -> None:
    settings.SERVICENOW_LINK_BY_EMAIL = on
    cast.person("chen")
    servicenow.add_user("chen", on_board=True, **fields)
    row = asked(servicenow)
    servicenow.says("chen", "approved")
    look()
    assert Decision.objects.filter(request=row).exists() is counts


def test_an_address_of_two_accounts_speaks_for_nobody(
    servicenow: FakeServiceNow, settings: Any
) -> None:
    settings.SERVICENOW_LINK_BY_EMAIL = True
    cast.person("chen")
    servicenow.add_user("chen")
    servicenow.add_user("other", on_board=False, email="chen@example.com")
    asked(servicenow)
    servicenow.says("chen", "approved")
    look()
    assert not Decision.objects.exists()


def test_what_is_decided_here_ends_the_looking(servicenow: FakeServiceNow) -> None:
    row = asked(servicenow, "chen", "dana")
    cast.decide(row, cast.person("chen"), Verdict.DENY, "No.")
    deliveries.send_due()
    servicenow.says("dana", "approved")
    before = len(servicenow.calls)
    assert look() == 1
    assert len(servicenow.calls) == before
    assert status(row) == Status.DENIED


def test_tables_that_may_not_be_read_fail_the_look(servicenow: FakeServiceNow) -> None:
    asked(servicenow, "chen")
    for table in (CHANGES, ROWS, USERS):
        servicenow.forbidden = {table}
        look()
        assert (looking.last_well("servicenow") is None) is (table != USERS)
