"""Circuit breakers: when they trip, at the edge and beside it, and what they do in each phase."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from approvals.domain.policy import breakers
from approvals.domain.policy.breakers import Breaker, Counted, Spent
from approvals.domain.policy.checks import Check
from approvals.domain.policy.circumstances import Circumstances, Tripped
from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.policy.subject import Subject
from approvals.domain.policy.yaml_text import documents
from approvals.domain.terms import (
    Approval,
    BreakerAction,
    BreakerKind,
    OutcomeStatus,
    Phase,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BLOCK = """
error_rate: {threshold: 10%, window: 5m, action: pause_and_alert}
rollback_count: {threshold: 3, window: 1h, action: require_human_review}
cost_spike: {threshold: 200%, baseline: 7d_average, action: freeze_scaling}
"""


def found(text: str = BLOCK) -> tuple[Breaker, ...]:
    [value] = documents("limits.yaml", text)
    return breakers.read(value, policy="limits")


def the(kind: BreakerKind) -> Breaker:
    return next(each for each in found() if each.kind is kind)


def reported(success: int = 0, failure: int = 0, rolled_back: int = 0) -> list[Counted]:
    return [
        Counted("deploy_release", OutcomeStatus.SUCCESS, success),
        Counted("deploy_release", OutcomeStatus.FAILURE, failure),
        Counted("deploy_release", OutcomeStatus.ROLLED_BACK, rolled_back),
    ]


def checked(trip: Tripped | None, action: str = "restart_pod") -> Check:
    """The check of the one breaker that tripped, or of the first that is closed."""
    now = Circumstances(NOON, tripped=(trip,) if trip else ())
    return breakers.check(found(), Subject("robo", action, "shop", {}), now)[0]


def tripped(
    kind: BreakerKind, does: BreakerAction, phase: Phase = Phase.OPEN, trial: str = ""
) -> Tripped:
    return Tripped("limits", kind, does, phase, NOON - HOUR, "Seen.", NOON + HOUR, trial)


def test_the_plain_block_reads_as_it_stands() -> None:
    error, rollback, cost = found()

    assert (error.threshold, error.window, error.minimum, error.rest) == (
        Fraction(1, 10), 5 * MINUTE, 5, 5 * MINUTE,
    )  # fmt: skip
    assert (rollback.threshold, rollback.window, rollback.rest) == (Fraction(3), HOUR, HOUR)
    assert (cost.threshold, cost.window, cost.rest) == (Fraction(2), DAY, HOUR)
    assert [each.does.value for each in (error, rollback, cost)] == [
        "pause_and_alert", "require_human_review", "freeze_scaling",
    ]  # fmt: skip
    assert [each.place.line for each in (error, rollback, cost)] == [2, 3, 4]


def test_the_guardrails_form_means_the_same() -> None:
    [formed] = found("{errorRate: 0.1, window: 5m}")
    [percent] = found("{errorRate: 10%, window: 5m}")
    error = the(BreakerKind.ERROR_RATE)

    assert formed == percent
    assert (formed.kind, formed.threshold, formed.window, formed.does, formed.minimum) == (
        error.kind, error.threshold, error.window, error.does, error.minimum,
    )  # fmt: skip


def test_several_may_be_listed() -> None:
    listed = found("[{errorRate: 10%}, {rollbacks: 3, rest: 2h}, {costSpike: 150%}]")

    assert [each.kind for each in listed] == list(BreakerKind)
    assert listed[1].rest == 2 * HOUR


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "a breaker is named by one of"),
        ("[]", "a breaker is wanted here"),
        ("{window: 5m}", "here are 0"),
        ("{errorRate: 10%, rollbacks: 3}", "here are 2"),
        ("[{rollbacks: 3}, {rollbacks: 4}]", "stands twice"),
        ("{errorRate: 0}", "a share of more than nothing"),
        ("{errorRate: 0%}", "a share of more than nothing"),
        ("{errorRate: 101%}", "a share of more than nothing"),
        ("{errorRate: 10}", "a share of more than nothing"),
        ("{rollbacks: 0}", "at least 1"),
        ("{rollbacks: 3, minimum: 5}", "minimum"),
        ("{errorRate: 10%, minimum: 0}", "at least 1"),
        ("{cost_spike: {threshold: 100%}}", "the average itself is 100%"),
        ("{cost_spike: {threshold: 200%, baseline: 30d_average}}", "7d_average"),
        ("{error_rate: {window: 5m}}", "'threshold' is missing"),
        ("{error_rates: {threshold: 10%}}", "error_rates"),
        (
            "{error_rate: {threshold: 10%, action: pause_and_alarm}}",
            "did you mean 'pause_and_alert'?",
        ),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(text: str, words: str) -> None:
    with pytest.raises(PolicyInvalid) as refused:
        found(text)

    assert words in str(refused.value)
    assert str(refused.value).startswith("limits.yaml:1:")


@pytest.mark.parametrize(
    ("success", "bad", "trips"),
    [(91, 9, False), (90, 10, True), (89, 11, True), (4, 0, False), (3, 1, False), (4, 1, True),
     (9, 1, True), (10, 1, False)],
)  # fmt: skip
def test_an_error_rate_trips_at_its_share_and_not_before_its_minimum(
    success: int, bad: int, trips: bool
) -> None:
    trip = breakers.outcomes(the(BreakerKind.ERROR_RATE), reported(success, bad))

    assert (trip is not None) is trips


def test_roll_backs_are_errors_too() -> None:
    trip = breakers.outcomes(the(BreakerKind.ERROR_RATE), reported(8, 1, 1))

    assert trip is not None
    assert trip.words == (
        "Error rate: 2 of 10 outcomes reported within 5 min were failures or roll-backs (20 %); "
        "it trips at 10 %."
    )
    assert trip.values["failures"] == 2


@pytest.mark.parametrize(("number", "trips"), [(2, False), (3, True), (4, True)])
def test_rollbacks_trip_at_their_number(number: int, trips: bool) -> None:
    breaker = the(BreakerKind.ROLLBACK_COUNT)
    by_action = [Counted("rollback", OutcomeStatus.SUCCESS, number)]

    assert (breakers.outcomes(breaker, reported(50, 0, number)) is not None) is trips
    assert (breakers.outcomes(breaker, by_action) is not None) is trips


def test_a_rollback_told_both_ways_is_one() -> None:
    both = [*reported(0, 0, 2), Counted("rollback", OutcomeStatus.SUCCESS, 2)]

    assert breakers.outcomes(the(BreakerKind.ROLLBACK_COUNT), both) is None


@pytest.mark.parametrize(("last", "trips"), [(199.99, False), (200, True), (200.01, True)])
def test_a_cost_spike_trips_at_twice_the_average_day(last: float, trips: bool) -> None:
    trip = breakers.cost(the(BreakerKind.COST_SPIKE), Spent(last, before=700, days=7))

    assert (trip is not None) is trips
    assert trip is None or trip.values["average"] == 100


@pytest.mark.parametrize("spent", [Spent(1e9, 0, 0), Spent(1e9, 0, 7)])
def test_without_a_day_to_compare_with_cost_never_trips(spent: Spent) -> None:
    assert breakers.cost(the(BreakerKind.COST_SPIKE), spent) is None


@pytest.mark.parametrize(
    ("ago", "days"),
    [(timedelta(hours=1), 0), (DAY, 0), (DAY + MINUTE, 1), (2 * DAY, 1), (2 * DAY + MINUTE, 2),
     (8 * DAY, 7), (90 * DAY, 7)],
)  # fmt: skip
def test_days_before_the_first_cost_do_not_count(ago: timedelta, days: int) -> None:
    assert breakers.days_known(NOON - ago, at=NOON) == days
    assert breakers.days_known(None, at=NOON) == 0


def test_a_breaker_is_half_open_from_the_end_of_its_rest() -> None:
    assert breakers.phase_of(NOON + MINUTE, None, at=NOON) is Phase.OPEN
    assert breakers.phase_of(NOON, None, at=NOON) is Phase.HALF_OPEN
    assert breakers.phase_of(NOON, NOON, at=NOON) is Phase.CLOSED


@pytest.mark.parametrize(
    ("does", "action", "verdict"),
    [
        (BreakerAction.PAUSE_AND_ALERT, "view_logs", "forbidden"),
        (BreakerAction.REQUIRE_HUMAN_REVIEW, "view_logs", "required"),
        (BreakerAction.FREEZE_SCALING, "scale_up", "forbidden"),
        (BreakerAction.FREEZE_SCALING, "view_logs", "auto"),
    ],
)
def test_an_open_breaker_does_what_its_policy_said(
    does: BreakerAction, action: str, verdict: str
) -> None:
    for trip in (
        tripped(BreakerKind.COST_SPIKE, does),
        tripped(BreakerKind.COST_SPIKE, does, Phase.HALF_OPEN, trial="REQ-7"),
    ):
        check = checked(trip, action)
        assert check.leads_to == verdict
        assert check.reason == ("breaker_open" if verdict == "forbidden" else "")


def test_a_read_is_no_trial() -> None:
    half = tripped(BreakerKind.ERROR_RATE, BreakerAction.PAUSE_AND_ALERT, Phase.HALF_OPEN)
    step = checked(half, "view_logs")
    assert (step.leads_to, step.reason) == (Approval.FORBIDDEN, "breaker_open")
    assert breakers.tried([step]) == set()


def test_a_half_open_breaker_lets_one_request_go_its_usual_way() -> None:
    free = tripped(BreakerKind.ERROR_RATE, BreakerAction.PAUSE_AND_ALERT, Phase.HALF_OPEN)
    taken = tripped(BreakerKind.ERROR_RATE, BreakerAction.PAUSE_AND_ALERT, Phase.HALF_OPEN, "REQ-7")

    assert checked(free).leads_to is Approval.AUTO
    assert "on trial" in checked(free).words
    assert "REQ-7 is on trial" in checked(taken).words
    assert checked(taken).values["trial"] == "REQ-7"


def test_a_refusal_says_why_since_when_and_what_next() -> None:
    check = checked(tripped(BreakerKind.ERROR_RATE, BreakerAction.PAUSE_AND_ALERT))

    assert check.words == (
        "The circuit breaker error rate is open: the agent is paused since 11:00:00 UTC on 2 Mar. "
        "Seen. One request may be tried from 13:00:00 UTC on 2 Mar on; a manager can close it."
    )
    assert check.line == 2


def test_each_closed_breaker_is_told_and_an_open_one_even_without_its_section() -> None:
    subject = Subject("robo", "scale_up", "shop", {})
    open_one = tripped(BreakerKind.ERROR_RATE, BreakerAction.PAUSE_AND_ALERT)

    closed = breakers.check(found(), subject, Circumstances(NOON))
    alone = breakers.check((), subject, Circumstances(NOON, tripped=(open_one,)))

    assert [each.values["phase"] for each in closed] == ["closed"] * 3
    assert [each.reason for each in alone] == ["breaker_open"]
    assert breakers.check((), subject, Circumstances(NOON)) == []
