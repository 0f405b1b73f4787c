"""Rate controls: every limit below, at and above its edge, and words that say when there is room again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.domain.policy import rates
from approvals.domain.policy.checks import Check, Result
from approvals.domain.policy.circumstances import Circumstances, Count, Reported, Sent
from approvals.domain.policy.rates import Rate, address
from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.policy.subject import Subject
from approvals.domain.policy.yaml_text import documents
from approvals.domain.terms import Approval, OutcomeStatus

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
LIMITS = """
deployments: {max_per_hour: 5, max_per_day: 20, cooldown_after_failure: 30m}
scaling_events: {max_per_hour: 10, max_increase_per_event: 50%}
notifications: {max_per_hour: 20, max_per_recipient_per_day: 5}
"""
FORM = "{actionsPerHour: 20, actionsPerDay: 100, cooldownAfterFailure: 10m}"


def found(text: str) -> tuple[Rate, ...]:
    [value] = documents("limits.yaml", text)
    return rates.read(value, policy="limits")


def checked(
    text: str,
    action: str,
    now: Circumstances | None = None,
    recipients: tuple[str, ...] = ("ops@example.com",),
    **parameters: Any,
) -> dict[str, Check]:
    """The checks of an action by the last part of their rule's name."""
    subject = Subject("robo", action, "shop", parameters, recipients=recipients)
    made = rates.check(found(text), subject, now or Circumstances(NOON))
    return {each.rule.rpartition(".")[2]: each for each in made}


def refusal(text: str) -> str:
    with pytest.raises(PolicyInvalid) as refused:
        found(text)
    return str(refused.value)


def so_many(hour: int = 0, day: int = 0) -> Count:
    return Count(hour, day, NOON - 20 * MINUTE if hour else None, NOON - 20 * HOUR if day else None)


@pytest.mark.parametrize(
    ("action", "limit", "number"),
    [
        ("deploy_release", "per_hour", 5),
        ("deploy_release", "per_day", 20),
        ("scale_up", "per_hour", 10),
        ("send_message", "per_hour", 20),
    ],
)
@pytest.mark.parametrize(("beside", "verdict"), [(-1, "auto"), (0, "forbidden"), (1, "forbidden")])
def test_a_window_holds_as_many_as_its_limit(
    action: str, limit: str, number: int, beside: int, verdict: str
) -> None:
    used = number + beside
    count = so_many(hour=used) if limit == "per_hour" else so_many(day=used)

    check = checked(LIMITS, action, Circumstances(NOON, passed={action: count}))[limit]

    assert check.leads_to == verdict
    assert (check.values["limit"], check.values["used"]) == (number, used)
    assert check.reason == ("" if verdict == "auto" else "rate_limited")


def test_a_refusal_says_since_when_and_when_there_is_room_again() -> None:
    thirteen = datetime(2026, 3, 2, 13, 5, tzinfo=UTC)
    now = Circumstances(NOON + 2 * HOUR, passed={"deploy_release": Count(5, 5, thirteen, thirteen)})

    check = checked(LIMITS, "deploy_release", now)["per_hour"]

    assert check.words == (
        "5 deployments an hour: 5 were let through since 13:05 UTC; "
        "there is room again at 14:05 UTC."
    )
    assert check.values["room_at"] == "2026-03-02T14:05:00Z"


def test_the_moment_of_room_is_never_said_too_early() -> None:
    asked = NOON - 30 * MINUTE - timedelta(seconds=1)
    now = Circumstances(NOON, passed={"deploy_release": Count(5, 20, asked, asked)})

    made = checked(LIMITS, "deploy_release", now)

    assert made["per_hour"].words.endswith("since 11:29 UTC; there is room again at 12:30 UTC.")
    assert made["per_day"].words.endswith("there is room again at 11:30 UTC on 3 Mar.")


def test_more_than_a_lowered_limit_says_no_moment_it_cannot_keep() -> None:
    now = Circumstances(NOON, passed={"deploy_release": so_many(hour=7)})

    assert "there is no room before" in checked(LIMITS, "deploy_release", now)["per_hour"].words


def test_actions_of_one_class_count_together_and_others_do_not() -> None:
    passed = {
        "deploy_release": so_many(hour=3),
        "rollback": so_many(hour=2),
        "restart_pod": so_many(hour=50),
    }
    now = Circumstances(NOON, passed=passed)

    assert checked(LIMITS, "redeploy_service", now)["per_hour"].leads_to is Approval.FORBIDDEN
    assert checked(LIMITS, "scale_up", now)["per_hour"].leads_to is Approval.AUTO
    assert checked(LIMITS, "restart_pod", now) == {}


def test_the_guardrails_form_counts_every_action() -> None:
    passed = {"deploy_release": so_many(hour=12), "view_logs": so_many(hour=8)}

    made = checked(FORM, "create_ticket", Circumstances(NOON, passed=passed))

    assert made["per_hour"].words.startswith("20 actions an hour: 20 were let through")
    assert made["per_day"].leads_to is Approval.AUTO


def test_both_forms_may_stand_in_one_section() -> None:
    both = "{actionsPerHour: 20, deployments: {max_per_hour: 5}, 'send_*': {max_per_day: 3}}"

    assert [rate.counts for rate in found(both)] == ["every action", "deployments", "send_*"]


def test_a_name_of_the_teams_own_stands_for_the_globs_it_lists() -> None:
    own = "{payments: {max_per_hour: 1, actions: ['pay_*', refund]}}"
    now = Circumstances(NOON, passed={"refund": so_many(hour=1)})

    assert checked(own, "pay_invoice", now)["per_hour"].leads_to is Approval.FORBIDDEN
    assert "1 payment an hour: 1 was" in checked(own, "pay_invoice", now)["per_hour"].words
    assert checked(own, "payments", now) == {}


@pytest.mark.parametrize(("sent", "verdict"), [(4, "auto"), (5, "forbidden"), (6, "forbidden")])
def test_one_recipient_hears_so_often_a_day(sent: int, verdict: str) -> None:
    now = Circumstances(
        NOON, sent=(Sent("send_message", "ops@example.com", sent, NOON - 2 * HOUR),)
    )

    check = checked(LIMITS, "notify_team", now, recipients=("b@example.com", "OPS@Example.com"))

    assert check["per_recipient"].leads_to == verdict
    assert check["per_recipient"].values["recipient"] == "ops@example.com"
    other = checked(LIMITS, "notify_team", now, recipients=("dev@example.com",))
    assert other["per_recipient"].leads_to is Approval.AUTO


@pytest.mark.parametrize(
    "written",
    ["Ops@Example.COM", " ops@example.com ", "ｏｐｓ@example.com", "The Ops <ops@example.com>",
     "mailto:ops@example.com"],
)  # fmt: skip
def test_a_recipient_is_one_however_written(written: str) -> None:
    assert address(written) == "ops@example.com"


@given(st.text(max_size=60))
def test_an_address_stays_what_it_became(text: str) -> None:
    if "<" not in text and "mailto:" not in address(text):
        assert address(address(text)) == address(text)


def test_a_message_for_nobody_named_is_asked_about() -> None:
    check = checked(LIMITS, "notify_team", recipients=())["per_recipient"]

    assert (check.result, check.leads_to) == (Result.COULD_NOT_CHECK, Approval.REQUIRED)


@pytest.mark.parametrize("status", [OutcomeStatus.FAILURE, OutcomeStatus.ROLLED_BACK])
@pytest.mark.parametrize(("minutes", "cooling"), [(29.99, True), (30, False), (30.01, False)])
def test_a_class_rests_after_a_failure(
    status: OutcomeStatus, minutes: float, cooling: bool
) -> None:
    now = Circumstances(NOON, reported=(Reported("rollback", status, NOON - minutes * MINUTE),))

    check = checked(LIMITS, "deploy_release", now)["cooldown"]

    assert check.reason == ("cooling_down" if cooling else "")
    if cooling:
        assert "it may be asked again at 12:01 UTC" in check.words
    assert "cooldown" not in checked(LIMITS, "scale_up", now)


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (100, 149, "auto"), (100, 150, "auto"), (100, 151, "required"), (5, 8, "required"),
        (3, 4, "auto"), (8, 5, "auto"), (8, 0, "auto"), (0, 0, "auto"), (0, 1, "required"),
    ],
)  # fmt: skip
def test_a_step_grows_by_half_at_most(before: int, after: int, verdict: str) -> None:
    made = checked(LIMITS, "scale_up", from_replicas=before, to_replicas=after)

    assert made["increase"].leads_to == verdict


@pytest.mark.parametrize("parameters", [{}, {"to_replicas": 8}, {"from_replicas": "5"}])
def test_a_step_that_does_not_say_from_where_is_asked_about(parameters: dict[str, Any]) -> None:
    check = checked(LIMITS, "scale_up", **parameters)["increase"]

    assert (check.result, check.leads_to) == (Result.COULD_NOT_CHECK, Approval.REQUIRED)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "a limit is wanted here"),
        ("{deployment: {max_per_hour: 5}}", "did you mean 'deployments'?"),
        ("{scaling: {max_per_hour: 5}}", "did you mean 'scaling_events'?"),
        ("{deployments: {}}", "sets no limit"),
        ("{deployments: {actions: [deploy]}}", "sets no limit"),
        ("{deployments: {max_per_hour: 5, actions: [x]}}", "give other actions another name"),
        ("{payments: {max_per_hour: 5, actions: []}}", "an empty list"),
        ("{deployments: {max_per_hours: 5}}", "did you mean 'max_per_hour'?"),
        ("{deployments: {max_per_hour: 0}}", "at least 1"),
        ("{deployments: {max_per_hour: -1}}", "at least 1"),
        ("{deployments: {max_per_hour: yes}}", "at least 1"),
        ("{deployments: {max_increase_per_event: 0%}}", "a percentage"),
        ("{deployments: {max_increase_per_event: 0.5}}", "a percentage"),
        ("{deployments: {cooldown_after_failure: soon}}", "a span of time"),
        ("{actions_per_hour: 5}", "did you mean 'actionsPerHour'?"),
        ("[deployments]", "a mapping"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(text: str, words: str) -> None:
    said = refusal(text)

    assert words in said
    assert said.startswith("limits.yaml:1:")


def test_a_percentage_may_be_written_without_its_sign() -> None:
    assert found("{x: {max_increase_per_event: 50}}") == found("{x: {max_increase_per_event: 50%}}")
