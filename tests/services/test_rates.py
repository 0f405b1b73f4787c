"""Rates, counted from rows: exact at their edges, and slots that come back by themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.domain.policy.documents import load
from approvals.domain.policy.subject import subject_of
from approvals.domain.terms import Verdict
from approvals.models import Agent, ApprovalRequest, Recipient
from approvals.services import asking, clock, ledger, lifecycle, policies, usage
from tests.domain.scene import MINUTE, NOON, SECOND
from tests.services.limits import ask, everybody, in_force, report, run, somebody, step_of, use
from tests.support import cast

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOMENT = timedelta(microseconds=1)
LIMITS = """
rate_limits:
  deployments: {max_per_hour: 5, max_per_day: 20, cooldown_after_failure: 30m}
  notifications: {max_per_hour: 20, max_per_recipient_per_day: 5}
  restarts: {max_per_day: 2}
"""


@pytest.fixture
def robo(db: None) -> Agent:
    agent = everybody()
    in_force(LIMITS)
    return agent


def statuses(rows: list[ApprovalRequest]) -> list[str]:
    return [row.status for row in rows]


def test_the_sixth_deployment_of_an_hour_is_denied_and_told_when(robo: Agent) -> None:
    rows = [ask(robo, at=NOON + number * MINUTE) for number in range(6)]

    assert statuses(rows) == ["approved"] * 5 + ["denied"]
    assert (rows[5].basis, rows[5].reason_code) == ("policy", "rate_limited")
    step = step_of(rows[5], "rate_limit", "per_hour")
    assert step["words"] == (
        "5 deployments an hour: 5 were let through since 12:00 UTC; "
        "there is room again at 13:00 UTC."
    )
    assert step["values"] == {
        "limit": 5, "used": 5, "window": "hour", "counts": "deployments",
        "room_at": "2026-03-02T13:00:00Z",
    }  # fmt: skip
    assert (step["file"], step["line"]) == ("limits.yaml", 3)


def test_a_request_asked_exactly_an_hour_ago_no_longer_counts(robo: Agent) -> None:
    for number in range(5):
        ask(robo, at=NOON + number * SECOND)

    assert ask(robo, at=NOON + HOUR - MOMENT).status == "denied"
    assert ask(robo, at=NOON + HOUR).status == "approved"
    assert ask(robo, at=NOON + HOUR).status == "denied"
    assert ask(robo, at=NOON + HOUR + SECOND).status == "approved"


def test_no_hour_ever_holds_more_than_its_limit(robo: Agent) -> None:
    """Asked every seven minutes for half a day, refused or not."""
    rows = [ask(robo, at=NOON + number * 7 * MINUTE) for number in range(100)]
    passed = [row.created_at for row in rows if row.status == "approved"]

    most = max(sum(start <= at < start + HOUR for at in passed) for start in passed)
    of_a_day = max(sum(start <= at < start + DAY for at in passed) for start in passed)
    assert (most, of_a_day) == (5, 20)


def test_a_day_is_counted_too(robo: Agent) -> None:
    rows = [ask(robo, "restart_pod", at=NOON + number * HOUR) for number in range(3)]

    assert statuses(rows) == ["approved", "approved", "denied"]
    assert "there is room again at 12:00 UTC on 3 Mar." in str(rows[2].evaluation)
    assert ask(robo, "restart_pod", at=NOON + DAY).status == "approved"


def test_other_classes_and_other_agents_have_their_own_room(robo: Agent) -> None:
    digger = cast.agent("digger")[0]
    in_force(LIMITS + "  # digger is here now\n")
    for number in range(6):
        ask(robo, at=NOON + number * SECOND)

    assert ask(robo, "scale_up", at=NOON + MINUTE).status == "approved"
    assert ask(digger, at=NOON + MINUTE).status == "approved"
    assert ask(robo, "rollback", at=NOON + MINUTE).reason_code == "rate_limited"


def test_a_request_that_came_to_nothing_gives_its_slot_back(robo: Agent) -> None:
    waiting = [ask(robo, "promote_release", at=NOON + n * SECOND) for n in range(5)]
    assert statuses(waiting) == ["pending"] * 5
    denied, cancelled, revoked, late = waiting[:4]

    def full(at: Any) -> bool:
        row = ask(robo, at=at)
        if row.status == "approved":
            lifecycle.revoke(ref=row.ref, person=somebody("sam"), at=at)
        return row.status == "denied"

    lin, at = somebody("lin"), NOON + MINUTE
    assert full(at)
    cast.decide(denied, lin, Verdict.DENY, "No.", at=at)
    assert not full(at)
    cast.decide(revoked, lin, at=at)
    ask(robo, at=at)
    assert full(at)
    lifecycle.cancel(ref=cancelled.ref, agent=robo, at=at)
    assert not full(at)
    ask(robo, at=at)
    lifecycle.revoke(ref=revoked.ref, person=somebody("sam"), at=at)
    assert not full(at)
    ask(robo, at=at)
    assert full(at)
    ledger.let_time_pass(late.number, waiting[4].number, at=NOON + 50 * MINUTE)
    late.refresh_from_db()
    assert late.status == "expired"
    assert not full(NOON + 51 * MINUTE)


def test_a_denied_request_takes_no_slot(robo: Agent) -> None:
    for number in range(50):
        ask(robo, at=NOON + number * SECOND)

    assert ask(robo, at=NOON + HOUR).status == "approved"


@pytest.mark.parametrize("status", ["failure", "rolled_back"])
def test_after_a_failure_deployments_rest(robo: Agent, status: str) -> None:
    run(robo, status, at=NOON)

    cooling = ask(robo, at=NOON + 30 * MINUTE - MOMENT)
    assert (cooling.status, cooling.reason_code) == ("denied", "cooling_down")
    assert "asked again at 12:30 UTC" in step_of(cooling, "rate_limit", "cooldown")["words"]
    assert ask(robo, "scale_up", at=NOON + MINUTE).status == "approved"
    assert ask(robo, at=NOON + 30 * MINUTE).status == "approved"


def test_a_success_rolled_back_later_rests_from_then_on(robo: Agent) -> None:
    row = run(robo, at=NOON)
    assert ask(robo, at=NOON + MINUTE).status == "approved"
    report(row, "rolled_back", at=NOON + HOUR)

    assert ask(robo, at=NOON + HOUR + MINUTE).reason_code == "cooling_down"


def test_one_person_hears_five_times_a_day_however_written(robo: Agent) -> None:
    written = ["ops@example.com", "Ops@Example.com", "The Ops <OPS@example.com>",
               "ｏｐｓ@example.com", " ops@example.com"]  # fmt: skip
    rows = [
        ask(robo, "send_message", at=NOON + n * MINUTE, recipients=[name, f"{n}@example.com"])
        for n, name in enumerate([*written, "ops@EXAMPLE.com"])
    ]

    assert statuses(rows) == ["approved"] * 5 + ["denied"]
    assert "ops@example.com had 5 since 12:00 UTC" in str(rows[5].evaluation)
    other = ask(robo, "send_message", at=NOON + HOUR, recipients=["5@example.com"])
    assert other.status == "approved", "a message that was denied reached nobody"
    late = ask(robo, "send_message", at=NOON + DAY, recipients=["ops@example.com"])
    assert late.status == "approved"


def test_a_message_taken_back_reached_nobody(robo: Agent) -> None:
    def send(second: int) -> ApprovalRequest:
        return ask(robo, "send_message", at=NOON + second * SECOND, recipients=["a@example.com"])

    rows = [send(number) for number in range(5)]
    assert send(6).status == "denied"
    lifecycle.revoke(ref=rows[2].ref, person=somebody("sam"), at=NOON + MINUTE)

    assert [send(61).status, send(62).status] == ["approved", "denied"]


def test_a_recipient_too_long_for_its_column_is_counted_all_the_same(robo: Agent) -> None:
    long = "ﷺ" * 490
    for number in range(5):
        ask(robo, "send_message", at=NOON + number * SECOND, recipients=[long])

    assert ask(robo, "send_message", at=NOON + MINUTE, recipients=[long]).status == "denied"
    other = ask(robo, "send_message", at=NOON + MINUTE, recipients=[long + "x"])
    assert other.status == "approved"
    assert Recipient.objects.filter(agent=robo).count() == 6


def test_a_limit_counts_what_happened_before_it_was_written(robo: Agent) -> None:
    for number in range(3):
        ask(robo, "scale_up", at=NOON + number * SECOND)
    in_force("rate_limits: {scaling_events: {max_per_hour: 2}}")

    late = ask(robo, "scale_up", at=NOON + MINUTE)
    assert late.reason_code == "rate_limited"
    assert "there is no room before 13:00 UTC" in str(late.evaluation)


def test_the_preflight_says_the_same_and_takes_no_slot(robo: Agent) -> None:
    body = cast.submission(action="deploy_service", impact=None, parameters={})
    for _ in range(9):
        assert asking.judge(agent="robo", submission=body, at=NOON).verdict == "auto"
    for number in range(5):
        ask(robo, at=NOON + number * SECOND)

    assert asking.judge(agent="robo", submission=body, at=NOON).reason_code == "rate_limited"


def test_counting_takes_three_queries_at_most_and_none_without_a_rate(robo: Agent) -> None:
    every = "rate_limits: {'*': {max_per_hour: 5, max_per_day: 9, cooldown_after_failure: 1h, " \
        "max_per_recipient_per_day: 2}}"  # fmt: skip
    files = policies.read_directory(cast.POLICIES)
    limited, free = load(files | {"limits.yaml": every}), load(files)
    subject = subject_of("robo", cast.submission(recipients=["ops@example.com"]))

    at = clock.now()
    for policy, most in ((limited, 3), (free, 0)):
        with CaptureQueriesContext(connection) as seen:
            usage.of(robo, subject, policy, at=at)
        assert len(seen) == most


def test_what_was_used_still_counts(robo: Agent) -> None:
    for number in range(5):
        use(ask(robo, at=NOON + number * SECOND), at=NOON + number * SECOND)

    assert ask(robo, at=NOON + 5 * MINUTE).status == "denied"
