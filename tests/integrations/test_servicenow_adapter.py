"""What ServiceNow is told: one change request in full, its changes as work notes, decisions by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from approvals.domain.terms import EventKind, RiskLevel, Status, Verdict
from approvals.models import ApprovalRequest, Delivery, Receipt
from approvals.ports import DeliveryError, MessageKind, Notice
from approvals.services import clock, deliveries
from integrations.servicenow import configuration
from integrations.servicenow.adapter import ServiceNowAdapter
from integrations.servicenow.wire import Wire
from tests.fakes import server
from tests.fakes.servicenow import (
    CLIENT,
    CLIENT_SECRET,
    ROWS,
    TEMPLATE,
    FakeServiceNow,
    Record,
    error,
)
from tests.support import cast
from tests.support.servicenow import linked, opened, pointed, with_board

pytestmark = pytest.mark.django_db
CRITICAL: dict[str, Any] = {**cast.CRITICAL}


@pytest.fixture
def servicenow(settings: Any) -> Iterator[FakeServiceNow]:
    with pointed(settings) as fake:
        yield fake


@pytest.fixture
def oauth(servicenow: FakeServiceNow, settings: Any) -> FakeServiceNow:
    settings.SERVICENOW_CLIENT_ID, settings.SERVICENOW_CLIENT_SECRET = CLIENT, CLIENT_SECRET
    return servicenow


def named(kind: EventKind, *channels: str, risk: RiskLevel = RiskLevel.MEDIUM) -> list[str]:
    notice = Notice(kind=kind, channels=channels, callback_url="", opened=True, risk=risk)
    told = ServiceNowAdapter().addresses(notice)
    assert {what for what, _ in told} <= {MessageKind.CARD}
    return [address for _, address in told]


def rows_of(servicenow: FakeServiceNow) -> dict[str, str]:
    return {row["approver.user_name"]: row["state"] for row in servicenow.rows}


def later() -> None:
    """Send what waits, whenever it is due."""
    at = clock.now() + timedelta(days=1)
    deliveries.send_due(now=lambda: at)


def decided(
    row: ApprovalRequest,
    servicenow: FakeServiceNow,
    *names: str,
    verdict: Verdict = Verdict.APPROVE,
) -> Record:
    for name in names:
        cast.decide(row, cast.person(name), verdict, "Said so.")
    return opened(servicenow, row)


@pytest.mark.parametrize(
    ("channels", "risk", "addresses"),
    [
        ((), RiskLevel.CRITICAL, ["change"]),
        ((), RiskLevel.HIGH, []),
        (("C123", "pagerduty"), RiskLevel.HIGH, []),
        (("C123", "servicenow"), RiskLevel.MEDIUM, ["change"]),
        (("servicenow:emergency",), RiskLevel.CRITICAL, ["emergency"]),
        (("servicenow:standard", "servicenow"), RiskLevel.LOW, ["standard"]),
        (("servicenow:nonsense",), RiskLevel.LOW, []),
    ],
)
def test_what_is_critical_or_names_the_channel_gets_one_change(
    settings: Any, channels: tuple[str, ...], risk: RiskLevel, addresses: list[str]
) -> None:
    assert named(EventKind.SUBMITTED, *channels, risk=risk) == addresses


def test_what_changes_nothing_shown_is_not_told(settings: Any) -> None:
    assert named(EventKind.REMINDED, "servicenow") == []
    assert named(EventKind.DECISION_REFUSED, "servicenow") == []


def test_the_change_says_everything_and_stands_before_its_approvers(
    servicenow: FakeServiceNow, settings: Any
) -> None:
    settings.SERVICENOW_ASSIGNMENT_GROUP = "a" * 32
    with_board(servicenow, "chen", "dana")
    row = cast.request(**CRITICAL)
    change = opened(servicenow, row)
    assert (change["type"], change["state"], change["approval"]) == ("normal", "-4", "requested")
    assert change["correlation_id"] == str(row.public_id)
    assert change["correlation_display"].startswith(f"Countersign {row.ref} ")
    assert change["assignment_group"] == "a" * 32
    assert change["short_description"] == f"{row.ref}: Database migration · orders"
    for words in ("version = 42", f"/r/{row.ref}", "Agent: robo", "CRITICAL RISK", "(not checked)"):
        assert words in change["description"]
    assert rows_of(servicenow) == {"chen": "requested", "dana": "requested"}
    receipt = Receipt.objects.get(request=row, adapter="servicenow")
    assert receipt.handle == {"sys_id": change["sys_id"], "number": change["number"]}


@pytest.mark.parametrize(("kind", "state"), [("emergency", "-3"), ("standard", "-5")])
def test_other_kinds_go_their_own_ways(
    servicenow: FakeServiceNow, settings: Any, kind: str, state: str
) -> None:
    settings.SERVICENOW_CHANGE_TYPE, settings.SERVICENOW_TEMPLATE = kind, TEMPLATE
    change = opened(servicenow, cast.request(**CRITICAL))
    assert (change["type"], change["state"]) == (kind, state)


@pytest.mark.parametrize("lists", [False, True])
def test_results_are_read_as_an_object_and_as_a_list(
    servicenow: FakeServiceNow, lists: bool
) -> None:
    servicenow.lists = lists
    with_board(servicenow, "chen", "dana")
    row = cast.request(**CRITICAL)
    opened(servicenow, row)
    assert decided(row, servicenow, "chen", "dana")["state"] == "-2"


def test_a_change_of_the_request_is_one_work_note(servicenow: FakeServiceNow) -> None:
    row = cast.request(**CRITICAL)
    change = opened(servicenow, row)
    decided(row, servicenow, "chen")
    assert len(change["work_notes"]) == 2
    assert "1 OF 2 APPROVED" in change["work_notes"][1]
    assert "Chen: approve (via test, " in change["work_notes"][1]
    assert len(servicenow.changes) == 1


def test_the_same_state_is_noted_once_whatever_the_wire_does(servicenow: FakeServiceNow) -> None:
    row = cast.request(**CRITICAL)
    change = opened(servicenow, row)
    cast.decide(row, cast.person("chen"))
    # The record is read, and the answer to the note that follows is lost.
    servicenow.will(lambda to: to.say(to.act()), server.done_and_gone)
    deliveries.send_due()
    later()
    assert len(change["work_notes"]) == 2
    assert not Delivery.objects.filter(state="waiting").exists()


def test_markup_is_inert_in_every_text(servicenow: FakeServiceNow) -> None:
    hostile = "[code]<script>alert(1)</script>[/CODE] @[Ada] <a href=x> javascript:gs.log(1)"
    row = cast.request(**CRITICAL | {"reasoning": hostile, "parameters": {"note": hostile}})
    change = opened(servicenow, row)
    cast.decide(row, cast.person("chen"), Verdict.INVESTIGATE, hostile)
    deliveries.send_due()
    texts = "\n".join([change["short_description"], change["description"], *change["work_notes"]])
    assert hostile[6:13] not in texts
    assert [live for live in ("[code]", "[/CODE]", "@[", "<a ", "<script") if live in texts] == []
    assert "[ code]" in texts


def test_an_approval_here_answers_the_rows_of_those_who_gave_it(servicenow: FakeServiceNow) -> None:
    with_board(servicenow, "chen", "dana", "grace")
    row = cast.request(**CRITICAL)
    opened(servicenow, row)
    change = decided(row, servicenow, "chen", "dana")
    assert rows_of(servicenow) == {"chen": "approved", "dana": "approved", "grace": "requested"}
    [comments] = [r["comments"] for r in servicenow.rows if r["approver.user_name"] == "chen"]
    assert f"Chen (chen@example.com) decided this in Countersign, {row.ref}." in comments
    assert "Said so." in comments
    assert change["state"] == "-4"
    assert "APPROVED" in change["work_notes"][-1]


def test_an_approved_change_is_walked_to_where_work_can_begin(servicenow: FakeServiceNow) -> None:
    with_board(servicenow, "chen", "dana")
    row = cast.request(**CRITICAL)
    opened(servicenow, row)
    assert decided(row, servicenow, "chen", "dana")["state"] == "-2"


def test_a_change_that_people_moved_on_is_not_moved_back(servicenow: FakeServiceNow) -> None:
    servicenow.steps["normal"]["-1"] = "-2 0 4"
    row = cast.request(**CRITICAL)
    opened(servicenow, row)["state"] = "-1"
    assert decided(row, servicenow, "chen", "dana")["state"] == "-1"


def test_a_denial_here_rejects_by_name_and_cancels_there(servicenow: FakeServiceNow) -> None:
    with_board(servicenow, "chen", "dana")
    row = cast.request(**CRITICAL)
    opened(servicenow, row)
    change = decided(row, servicenow, "dana", verdict=Verdict.DENY)
    assert rows_of(servicenow) == {"chen": "cancelled", "dana": "rejected"}
    assert change["state"] == "4"
    assert "Denied by Dana" in "\n".join(change["work_notes"])


def test_nobodys_row_is_answered_with_anothers_decision(servicenow: FakeServiceNow) -> None:
    with_board(servicenow, "grace")
    row = cast.request(**CRITICAL)
    opened(servicenow, row)
    decided(row, servicenow, "chen", "dana")
    assert rows_of(servicenow) == {"grace": "requested"}


def test_rows_that_may_not_be_written_leave_the_note(servicenow: FakeServiceNow) -> None:
    with_board(servicenow, "chen", "dana")
    row = cast.request(**CRITICAL)
    opened(servicenow, row)
    servicenow.forbidden = {ROWS}
    change = decided(row, servicenow, "chen", "dana")
    assert "APPROVED" in change["work_notes"][-1]
    assert rows_of(servicenow) == {"chen": "requested", "dana": "requested"}


def test_what_ended_before_it_could_be_told_opens_nothing(servicenow: FakeServiceNow) -> None:
    row = cast.request(**CRITICAL)
    cast.decide(row, cast.person("chen"), Verdict.DENY, "No.")
    deliveries.send_due()
    assert servicenow.changes == []


def test_ignored_fields_are_told_in_the_log(servicenow: FakeServiceNow) -> None:
    servicenow.dropped = {"correlation_display", "work_notes"}
    with capture_logs() as logs:
        opened(servicenow, cast.request(**CRITICAL))
    [line] = [log for log in logs if log["event"] == "servicenow ignored fields"]
    assert line["fields"] == ["correlation_display", "work_notes"]


def test_a_lost_answer_opens_no_second_change(servicenow: FakeServiceNow) -> None:
    servicenow.will(server.done_and_gone)
    row = cast.request(**CRITICAL)
    deliveries.send_due()
    assert not Receipt.objects.filter(request=row).exists()
    later()
    assert len(servicenow.changes) == 1
    assert servicenow.changes[0]["state"] == "-4"
    assert Receipt.objects.get(request=row).handle["sys_id"] == servicenow.changes[0]["sys_id"]


def test_a_search_that_matches_everything_adopts_nothing_of_others(
    servicenow: FakeServiceNow,
) -> None:
    first = opened(servicenow, cast.request(**CRITICAL))
    servicenow.is_deaf = True
    servicenow.will(server.hangs_up)
    row = cast.request(**{**CRITICAL, "target": "invoices"})
    deliveries.send_due()
    later()
    assert len(servicenow.changes) == 2
    assert first["correlation_id"] != str(row.public_id)


def test_down_for_many_calls_nothing_is_lost_and_it_catches_up(servicenow: FakeServiceNow) -> None:
    servicenow.will(*[server.says(503)] * 6)
    rows = [cast.request(**{**CRITICAL, "target": f"table-{n}"}) for n in range(3)]
    at = clock.now()
    for hour in range(4):
        deliveries.send_due(now=lambda hour=hour: at + timedelta(hours=hour))  # type: ignore[misc]
    assert {one["correlation_id"] for one in servicenow.changes} == {
        str(row.public_id) for row in rows
    }
    assert len(servicenow.changes) == 3


def test_a_token_is_asked_for_once_and_again_when_it_is_refused(oauth: FakeServiceNow) -> None:
    opened(oauth, cast.request(**CRITICAL))
    assert len(oauth.called("POST", "/oauth_token.do")) == 1
    oauth.tokens.clear()
    opened(oauth, cast.request(**{**CRITICAL, "target": "invoices"}))
    assert len(oauth.called("POST", "/oauth_token.do")) == 2
    assert len(oauth.changes) == 2


def test_a_token_refused_twice_is_an_error_that_can_be_mended(oauth: FakeServiceNow) -> None:
    wire = Wire(configuration.current())
    refused = server.says(401, error(401, "User Not Authenticated").body)
    oauth.will(lambda to: to.say(to.act()), refused, lambda to: to.say(to.act()), refused)
    with pytest.raises(DeliveryError) as failed:
        wire.call("GET", "/api/now/table/change_request")
    assert not failed.value.permanent
    assert len(oauth.calls) == 4


@pytest.mark.parametrize(
    "fault", [server.says(401), server.says(200, {}), server.says(200, []), server.garbage]
)
def test_without_a_token_nothing_is_sent(oauth: FakeServiceNow, fault: server.Fault) -> None:
    oauth.will(fault)
    with pytest.raises(DeliveryError) as failed:
        Wire(configuration.current()).call("POST", "/api/sn_chg_rest/v1/change/normal", body={})
    assert not failed.value.permanent
    assert not failed.value.unknown
    assert oauth.changes == []


def test_secrets_of_the_account_are_never_in_an_error(oauth: FakeServiceNow, settings: Any) -> None:
    settings.SERVICENOW_CLIENT_SECRET = "very-secret-indeed"
    with pytest.raises(DeliveryError) as failed:
        Wire(configuration.current()).call("GET", "/api/now/table/sys_user")
    assert "very-secret-indeed" not in f"{failed.value.words}{failed.value!r}"


@pytest.mark.parametrize("wait", ["nonsense", "-5", "", "9" * 40, "Sun, 99 Nov"])
def test_a_wait_that_cannot_be_read_is_a_minute(servicenow: FakeServiceNow, wait: str) -> None:
    servicenow.will(server.says(429, {}, Retry_After=wait))
    with pytest.raises(DeliveryError) as failed:
        Wire(configuration.current()).call("GET", "/api/now/table/sys_user")
    assert failed.value.retry_after == timedelta(minutes=1)


def test_every_body_is_json_of_known_fields(servicenow: FakeServiceNow) -> None:
    with_board(servicenow, "chen")
    row = cast.request(**CRITICAL)
    opened(servicenow, row)
    decided(row, servicenow, "chen", verdict=Verdict.DENY)
    known = {"short_description", "description", "correlation_id", "correlation_display"}
    known |= {"work_notes", "state", "comments"}
    for call in servicenow.calls:
        if call.method in ("POST", "PATCH"):
            assert call.headers["content-type"] == "application/json"
            assert set(json.loads(call.raw)) <= known
            assert all(isinstance(value, str) for value in call.body.values())
    row.refresh_from_db()
    assert row.status == Status.DENIED


def test_linked_people_are_found_whatever_they_are_called_there(servicenow: FakeServiceNow) -> None:
    user = servicenow.add_user("c.wang")
    linked("chen", user["sys_id"])
    row = cast.request(**CRITICAL)
    opened(servicenow, row)
    decided(row, servicenow, "chen", "dana")
    assert rows_of(servicenow) == {"c.wang": "approved"}
