"""What ends badly is said aloud in the Teams conversation, once; what ends well only changes the card."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from approvals.models import ApprovalRequest, Delivery
from approvals.models.workspaces import Shows
from approvals.services import clock, deliveries, grants, outcomes, showing, timers
from tests.fakes import adaptive
from tests.fakes.server import done_and_gone
from tests.fakes.teams import ROOM, FakeTeams, Sent
from tests.support import cast
from tests.support.teams import let_in

pytestmark = pytest.mark.django_db
NOON = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(autouse=True)
def _(teams: FakeTeams) -> None:
    let_in(teams)


def send(at: datetime | None = None) -> None:
    deliveries.send_due(limit=200, now=lambda: at or clock.now())


def beside(teams: FakeTeams) -> list[str]:
    """What was written beside cards."""
    return ["\n".join(adaptive.runs(m.card)) for m in teams.sent if "replyToId" in m.activity]


def report(row: ApprovalRequest, status: str) -> None:
    outcomes.report(ref=row.ref, agent=row.agent, outcome={"status": status}, at=clock.now())


def ran(teams: FakeTeams, status: str, **changes: Any) -> ApprovalRequest:
    """An approved request that was used, and of which its agent reports this."""
    row = cast.approved(**changes)
    send()
    grants.consume(ref=row.ref, agent=row.agent, key="", parameters=None, at=clock.now())
    report(row, status)
    send()
    return row


def expired(**changes: Any) -> datetime:
    """A request that nobody decided; the moment it expired."""
    row = cast.request(at=NOON, **changes)
    send(NOON)
    for _ in range(20):
        due = row.timers.filter(fired_at=None, dropped_at=None).order_by("due_at").first()
        assert due is not None
        timers.fire_due(at=due.due_at)
        row.refresh_from_db()
        if row.closed_at is not None:
            return due.due_at
    raise AssertionError("It never expired.")


def test_only_what_went_wrong_after_an_approval_is_said_beside_its_card(teams: FakeTeams) -> None:
    ran(teams, "success", target="fine")
    assert beside(teams) == []
    row = ran(teams, "failure", target="broken")
    assert beside(teams) == [f"{row.ref} was approved, and the agent reports that it failed."]
    [reply] = [message for message in teams.sent if "replyToId" in message.activity]
    assert reply.activity["replyToId"] == card_of(teams, row).id
    assert reply.buttons == {}
    report(row, "failure")
    send()
    assert len(beside(teams)) == 1


def card_of(teams: FakeTeams, row: ApprovalRequest) -> Sent:
    cards = [message for message in teams.sent if "replyToId" not in message.activity]
    return next(message for message in cards if row.ref in message.text)


@pytest.mark.parametrize("kind", [cast.HIGH, cast.CRITICAL])
def test_what_is_grave_and_expires_undecided_is_said_aloud(
    teams: FakeTeams, kind: dict[str, Any]
) -> None:
    send(expired(**kind))
    said = [words for words in beside(teams) if "Nobody decided" in words]
    assert len(said) == 1
    assert "Nothing ran" in said[0]
    assert "denied" not in said[0].lower()


def test_what_is_less_grave_expires_in_silence(teams: FakeTeams) -> None:
    send(expired())
    assert not any("Nobody decided" in words for words in beside(teams))


def test_a_room_that_may_see_nothing_reads_no_word_of_the_request(teams: FakeTeams) -> None:
    showing.change(
        adapter="teams",
        address=f"teams:{ROOM}",
        shows=Shows.NOTHING,
        actor=cast.OPERATOR,
        at=clock.now(),
    )
    ran(teams, "failure", target="secret-target")
    told = "\n".join(message.text for message in teams.sent)
    assert "secret-target" not in told
    assert len(beside(teams)) == 1


def test_a_worker_that_dies_after_it_told_tells_once_more_at_most(teams: FakeTeams) -> None:
    """Teams gives no way to look for what was said, so twice is the bound; never not at all."""
    row = cast.approved()
    send()
    grants.consume(ref=row.ref, agent=row.agent, key="", parameters=None, at=clock.now())
    send()
    report(row, "failure")
    Delivery.objects.filter(kind="card", state="waiting").update(state="superseded")
    teams.will(done_and_gone)
    send()
    for minutes in (1, 10, 100):
        send(clock.now() + timedelta(minutes=minutes))
    assert 1 <= len(beside(teams)) <= 2
    assert list(Delivery.objects.filter(kind="note").values_list("state", flat=True)) == ["sent"]
