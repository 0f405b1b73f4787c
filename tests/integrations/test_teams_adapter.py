"""Messages go out to a Teams that limits, breaks, forgets and refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from approvals.domain.terms import EventKind, Status, Verdict
from approvals.models import ApprovalRequest
from approvals.ports import Adapter, DeliveryError, MessageKind
from approvals.services import deliveries
from integrations.teams.adapter import TeamsAdapter
from integrations.teams.workflow import WorkflowAdapter
from tests.fakes import adaptive, server
from tests.fakes.server import done_and_gone, hangs_up, says
from tests.fakes.teams import ROOM, FakeTeams
from tests.integrations.contract import a_message, a_notice, decided
from tests.support import cast
from tests.support.teams import clicked, knock, let_in, linked, shown

pytestmark = pytest.mark.django_db
REFUSED = {"error": {"code": "BotNotInConversationRoster", "message": "x"}}


class Beside:
    """What the contract's messages need to know of a stand."""

    address = f"teams:{ROOM}"


@pytest.fixture
def adapter(teams: FakeTeams) -> Adapter:
    let_in(teams)
    return TeamsAdapter()


def message(**changes: Any) -> Any:
    return a_message(Beside(), **changes)  # type: ignore[arg-type]


def refusal(adapter: Adapter, **changes: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as error:
        adapter.deliver(message(**changes))
    return error.value


def test_the_plans_channels_are_told_or_the_default_one(adapter: Adapter) -> None:
    named = adapter.addresses(a_notice(EventKind.SUBMITTED, "#ops", "teams:Ops/A", "teams:Ops/A"))
    assert named == [(MessageKind.CARD, "teams:Ops/A")]
    assert adapter.addresses(a_notice(EventKind.APPROVED, "#ops")) == [
        (MessageKind.CARD, f"teams:{ROOM}")
    ]


def test_without_a_default_only_the_plans_channels_are_told(teams: Any, settings: Any) -> None:
    settings.TEAMS_CHANNEL = ""
    adapter = TeamsAdapter()
    assert adapter.addresses(a_notice(EventKind.SUBMITTED, "#ops")) == []
    assert len(adapter.addresses(a_notice(EventKind.SUBMITTED, "teams:Ops"))) == 1


def test_a_reminder_is_a_note_and_an_escalation_is_both(adapter: Adapter) -> None:
    kinds = [kind for kind, _ in adapter.addresses(a_notice(EventKind.REMINDED))]
    assert kinds == [MessageKind.NOTE]
    kinds = [kind for kind, _ in adapter.addresses(a_notice(EventKind.ESCALATED))]
    assert kinds == [MessageKind.CARD, MessageKind.NOTE]


def test_a_note_stands_beside_the_card_and_reads_as_it_is(
    teams: FakeTeams, adapter: Adapter
) -> None:
    receipt = adapter.deliver(message())
    words = "Still waiting: [Approve](https://evil.example) {{DATE(2026-11-22T12:00:00Z)}}"
    note = message(kind=MessageKind.NOTE, words=words, receipt=receipt)
    assert adapter.deliver(note) == receipt
    [card, told] = teams.sent
    assert told.activity["replyToId"] == card.id
    assert "evil" not in "".join(adaptive.read_as_markup(told.card))
    assert "{{" not in "".join(adaptive.runs(told.card))
    assert told.buttons == {}


def test_the_bots_token_is_asked_for_once(teams: FakeTeams, adapter: Adapter) -> None:
    for _ in range(5):
        adapter.deliver(message())
    assert len([call for call in teams.calls if call.path.endswith("/token")]) == 1


def test_a_token_that_ends_soon_is_replaced(teams: FakeTeams, adapter: Adapter) -> None:
    adapter.deliver(message())
    teams.tokens.clear()
    adapter.deliver(message())
    assert len(teams.sent) == 2
    assert len([call for call in teams.calls if call.path.endswith("/token")]) == 2


def test_a_token_that_is_refused_twice_is_a_failure_with_words(
    teams: FakeTeams, adapter: Adapter
) -> None:
    teams.will(says(401), says(401))
    error = refusal(adapter)
    assert "401" in error.words
    assert not error.permanent


def test_a_wrong_password_names_the_settings_and_may_be_mended(
    teams: FakeTeams, settings: Any
) -> None:
    let_in(teams)
    settings.TEAMS_APP_PASSWORD = "run out"
    error = refusal(TeamsAdapter())
    assert "invalid_client" in error.words
    assert "TEAMS_APP_PASSWORD" in error.words
    assert not error.permanent
    assert b"run out" not in error.words.encode()


@pytest.mark.parametrize("fault", [says(500), hangs_up, server.garbage, server.nonsense, says(404)])
def test_a_token_that_cannot_be_had_now_may_be_had_later(
    teams: FakeTeams, adapter: Adapter, fault: server.Fault
) -> None:
    teams.token_faults.append(fault)
    assert not refusal(adapter).permanent
    assert teams.sent == []
    adapter.deliver(message())
    assert len(teams.sent) == 1


@pytest.mark.parametrize("status", [429, 412])
def test_without_a_time_named_half_a_minute_is_waited(
    teams: FakeTeams, adapter: Adapter, status: int
) -> None:
    teams.will(says(status))
    assert refusal(adapter).retry_after == timedelta(seconds=30)


@pytest.mark.parametrize(
    ("named", "seconds"), [("42", 42), ("999999999", 3_600), ("soon", 30), ("-5", 30), ("", 30)]
)
def test_a_time_to_wait_is_read_and_bounded(
    teams: FakeTeams, adapter: Adapter, named: str, seconds: int
) -> None:
    teams.will(says(429, None, retry_after=named))
    assert refusal(adapter).retry_after == timedelta(seconds=seconds)


def test_a_moment_to_wait_for_is_read_too(teams: FakeTeams, adapter: Adapter) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=90)
    teams.will(says(429, None, retry_after=f"{moment:%a, %d %b %Y %H:%M:%S GMT}"))
    wait = refusal(adapter).retry_after
    assert wait is not None
    assert timedelta(seconds=80) < wait < timedelta(seconds=91)


@pytest.mark.parametrize(
    ("status", "permanent", "unknown"),
    [(400, True, False), (403, True, False), (404, True, False), (413, True, False),
     (500, False, True), (502, False, True), (504, False, True), (302, True, False)],
)  # fmt: skip
def test_each_failure_says_whether_to_try_again(
    teams: FakeTeams, adapter: Adapter, status: int, permanent: bool, unknown: bool
) -> None:
    teams.will(says(status, REFUSED))
    error = refusal(adapter)
    assert (error.permanent, error.unknown) == (permanent, unknown)


def test_teams_own_word_is_told(teams: FakeTeams, adapter: Adapter) -> None:
    teams.will(says(403, REFUSED))
    assert "BotNotInConversationRoster" in refusal(adapter).words


def test_a_message_that_was_deleted_is_posted_anew(teams: FakeTeams, adapter: Adapter) -> None:
    receipt = adapter.deliver(message())
    teams.messages.clear()
    again = adapter.deliver(message(card=decided(Verdict.DENY), receipt=receipt))
    assert again != receipt
    assert "DENIED" in teams.sent[0].text


def test_an_edit_whose_end_is_unclear_is_simply_made_again(
    teams: FakeTeams, adapter: Adapter
) -> None:
    receipt = adapter.deliver(message())
    teams.will(done_and_gone)
    refusal(adapter, receipt=receipt)
    assert adapter.deliver(message(receipt=receipt, attempt=2)) == receipt
    assert len(teams.sent) == 1


def test_a_conversation_nobody_let_us_into_is_asked_for_in_words(teams: FakeTeams) -> None:
    error = refusal(TeamsAdapter())
    assert "Install the app there" in error.words
    assert not error.permanent


def test_a_vendor_that_is_down_loses_nothing(teams: FakeTeams) -> None:
    let_in(teams)
    linked("lin")
    rows = [cast.request(target=f"api-{number}") for number in range(5)]
    teams.will(*[says(503), hangs_up] * 10)
    for _ in range(4):
        deliveries.send_due()
        due_now(rows)
    while teams.fault() is not None:
        pass
    for row in rows:
        clicked(teams, teams.click(shown(teams, row), "approve"))
    deliveries.send_due()
    assert [message.card["body"][0]["style"] for message in teams.sent] == ["good"] * 5
    assert set(ApprovalRequest.objects.values_list("status", flat=True)) == {Status.APPROVED.value}


def due_now(rows: list[ApprovalRequest]) -> None:
    for row in rows:
        row.deliveries.filter(state="waiting").update(due_at=row.created_at)


def test_what_teams_is_sent_for_a_whole_life_keeps_the_rules(teams: FakeTeams) -> None:
    let_in(teams)
    linked("lin")
    row = cast.request(reasoning="{{TIME(2026-11-22T12:00:00Z)}} " + "x" * 9_000)
    clicked(teams, teams.click(shown(teams, row), "investigate", words="Why *now*?"))
    clicked(teams, teams.click(shown(teams, row), "approve"))
    message = shown(teams, row)
    assert message.edits == 2
    sent = teams.called("POST", "/emea") + teams.called("PUT", "/emea")
    assert [call.status for call in sent] == [201, 200, 200]
    assert max(adaptive.weight(call.body) for call in sent) < adaptive.MOST_BYTES


def test_a_workflow_is_told_once_and_again_when_people_are_called_for(
    teams: FakeTeams, settings: Any
) -> None:
    settings.TEAMS_WORKFLOW_URL = teams.workflow_url
    adapter = WorkflowAdapter()
    kinds = {kind: [each for each, _ in adapter.addresses(a_notice(kind))] for kind in EventKind}
    assert {kind: told for kind, told in kinds.items() if told} == {
        EventKind.SUBMITTED: [MessageKind.CARD],
        EventKind.REMINDED: [MessageKind.NOTE],
        EventKind.ESCALATED: [MessageKind.NOTE],
    }
    receipt = adapter.deliver(message(address="workflow"))
    adapter.deliver(message(address="workflow", card=decided(Verdict.DENY), receipt=receipt))
    adapter.deliver(message(address="workflow", card=decided(Verdict.DENY)))
    assert len(teams.told) == 1
    adapter.deliver(message(address="workflow", kind=MessageKind.NOTE, words="Still waiting."))
    assert "Still waiting." in str(teams.told[1])


def test_a_workflow_that_refuses_its_address_says_what_to_do(
    teams: FakeTeams, settings: Any
) -> None:
    settings.TEAMS_WORKFLOW_URL = teams.workflow_url.replace("sig=", "sig=x")
    error = refusal(WorkflowAdapter(), address="workflow")
    assert error.words.endswith("Copy it anew into TEAMS_WORKFLOW_URL.")
    assert error.permanent


def test_the_bot_is_reached_below_the_services_own_address(teams: FakeTeams) -> None:
    assert knock(teams.signed(teams.update("installationUpdate", action="add"))).status_code == 200
