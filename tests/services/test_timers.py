"""What must happen later happens once, in time, and one bad request holds up no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from approvals import queries
from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest, Timer
from approvals.services import lifecycle, timers
from tests.domain.scene import NOON, minutes
from tests.support import cast

History = Callable[[ApprovalRequest], list[str]]


def fire(*moments: datetime) -> list[int]:
    return [timers.fire_due(at=moment) for moment in moments]


def test_silence_reminds_escalates_reminds_again_and_expires(kinds: History) -> None:
    row = cast.request(at=NOON)
    quarter = timedelta(seconds=15)
    for step in range(1, 41):
        timers.fire_due(at=NOON + step * quarter)
    assert kinds(row) == [
        "request.submitted",
        "request.reminded",
        "request.reminded",
        "request.escalated",
        "request.reminded",
        "request.reminded",
        "request.expired",
    ]
    fired = row.timers.exclude(fired_at=None).order_by("due_at").values_list("kind", flat=True)
    assert list(fired) == ["remind", "remind", "deadline", "remind", "remind", "deadline"]
    assert queries.request(row.ref).status == "expired"


def test_nothing_fires_before_its_time_or_twice(kinds: History) -> None:
    row = cast.request(at=NOON)
    assert fire(minutes(2), minutes(2.5), minutes(2.5), minutes(2.6)) == [0, 1, 0, 0]
    assert kinds(row) == ["request.submitted", "request.reminded"]


def test_a_service_that_slept_too_long_does_not_remind_of_the_past(kinds: History) -> None:
    row = cast.request(at=NOON)
    fire(minutes(6))
    assert kinds(row) == ["request.submitted", "request.escalated"]
    [remind] = row.timers.filter(kind="remind", fired_at=None, dropped_at=None)
    assert remind.due_at == minutes(8.5)


def test_a_pause_ends_by_itself(kinds: History) -> None:
    row = cast.request(at=NOON)
    cast.decide(row, cast.person("lin"), Verdict.INVESTIGATE, "Why?", at=minutes(1))
    assert fire(minutes(15), minutes(16)) == [0, 1]
    assert "request.resumed" in kinds(row)
    assert queries.request(row.ref).decide_by == minutes(20)


def test_an_unused_grant_ends(kinds: History) -> None:
    row = cast.request(at=NOON, **cast.LOW)
    assert fire(minutes(14), minutes(15)) == [0, 1]
    assert kinds(row)[-1] == "grant.expired"
    found = queries.request(row.ref)
    assert (found.status, found.grant_lapsed) == ("approved", True)
    assert queries.is_over(found)


def test_what_is_no_longer_wanted_is_dropped_not_fired() -> None:
    row = cast.request(at=NOON)
    lifecycle.cancel(ref=row.ref, agent=row.agent, at=minutes(1))
    assert row.timers.exclude(dropped_at=None).count() == 2
    assert fire(minutes(60)) == [0]


def test_a_hundred_requests_due_at_once_all_fire() -> None:
    agent, _ = cast.agent()
    for number in range(100):
        cast.request(agent, at=NOON, expires_in="1m", target=f"service-{number}")
    assert (
        timers.fire_due(at=minutes(2), limit=60) + timers.fire_due(at=minutes(2), limit=200) == 100
    )
    assert ApprovalRequest.objects.filter(status="expired").count() == 100
    assert not Timer.objects.filter(fired_at=None, dropped_at=None).exists()


def test_a_request_that_cannot_be_read_holds_up_no_other() -> None:
    bad, good = cast.request(at=NOON), cast.request(at=NOON, target="another")
    ApprovalRequest.objects.filter(pk=bad.pk).update(plan={"nonsense": True})
    assert fire(minutes(60)) == [1]
    assert queries.request(good.ref).status == "expired"
    assert timers.oldest_due(at=minutes(60)) > 0


def test_the_oldest_due_timer_has_an_age() -> None:
    assert timers.oldest_due(at=NOON) == 0.0
    cast.request(at=NOON)
    assert timers.oldest_due(at=minutes(2)) == 0.0
    assert timers.oldest_due(at=minutes(3.5)) == 60.0


@pytest.mark.parametrize(("expires_in", "ends"), [("2m", 2), ("6m", 6)])
def test_an_agent_in_a_hurry_ends_at_its_own_time(expires_in: str, ends: int) -> None:
    row = cast.request(at=NOON, expires_in=expires_in)
    fire(minutes(5) if ends > 5 else minutes(1), minutes(ends))
    assert queries.request(row.ref).status == "expired"
