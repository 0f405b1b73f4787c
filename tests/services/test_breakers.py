"""Breakers open by what agents report, try one request after their rest, and close."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from approvals.domain import errors
from approvals.domain.terms import AlertKind, Phase, Stage, Verdict
from approvals.models import Agent, AgentStage, Alert, ApprovalRequest, AuditEvent, BreakerTrip
from approvals.services import breakers, ledger, lifecycle, tripped
from approvals.services.breakers import BreakerClosed, NoSuchBreaker, NotAManager
from tests.domain.scene import MINUTE, NOON, SECOND
from tests.services.limits import ask, everybody, in_force, report, run, somebody, step_of, use
from tests.support import cast

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ERRORS = "circuit_breakers: {error_rate: {threshold: 10%, window: 5m, rest: 5m}}"
ROLLBACKS = "circuit_breakers: {rollback_count: {threshold: 3, window: 1h}}"
COST = "circuit_breakers: {cost_spike: {threshold: 200%, baseline: 7d_average}}"
OPENED = NOON + 4 * SECOND  # when `failing` is done


@pytest.fixture
def robo(db: None) -> Agent:
    return everybody()


def failing(robo: Agent, at: datetime = NOON) -> BreakerTrip:
    """Four successes and a failure: the fifth outcome opens the breaker."""
    for number in range(4):
        run(robo, at=at + number * SECOND)
    run(robo, "failure", at=at + 4 * SECOND)
    return the_open_one()


def the_open_one() -> BreakerTrip:
    return BreakerTrip.objects.get(closed_at=None)


def history() -> list[str]:
    events = AuditEvent.objects.filter(type__startswith="breaker.").order_by("id")
    return [event.type for event in events]


# --- opening ---------------------------------------------------------------------------------


def test_a_tenth_of_failures_pauses_the_agent_and_alerts(robo: Agent) -> None:
    in_force(ERRORS)
    trip = failing(robo)

    assert (trip.kind, trip.does, trip.opened_at) == ("error_rate", "pause_and_alert", OPENED)
    denied = ask(robo, "restart_pod", at=NOON + MINUTE)
    assert (denied.status, denied.reason_code) == ("denied", "breaker_open")
    assert "1 of 5 outcomes" in step_of(denied, "circuit_breaker")["words"]
    assert history() == ["breaker.opened"]
    [event] = AuditEvent.objects.filter(type="breaker.opened")
    assert event.entry["detail"]["values"]["failures"] == 1
    [alert] = Alert.objects.filter(kind=AlertKind.BREAKER_OPENED.value)
    assert (alert.agent, alert.values["breaker"]) == (robo, trip.pk)


def test_fewer_outcomes_than_the_minimum_mean_nothing(robo: Agent) -> None:
    in_force(ERRORS)
    for number in range(4):
        run(robo, "failure", at=NOON + number * SECOND)

    assert not BreakerTrip.objects.exists()
    run(robo, at=NOON + MINUTE)
    assert the_open_one().values["failures"] == 4


def test_what_was_reported_exactly_a_window_ago_no_longer_counts(robo: Agent) -> None:
    in_force(ERRORS)
    run(robo, "failure", at=NOON)
    for _ in range(5):
        run(robo, at=NOON + 5 * MINUTE)
    assert not BreakerTrip.objects.exists()

    run(robo, "failure", at=NOON + 5 * MINUTE)
    assert the_open_one().values["outcomes"] == 6


def test_three_rollbacks_within_an_hour_ask_a_person(robo: Agent) -> None:
    in_force(ROLLBACKS)
    rows = [run(robo, at=NOON + n * SECOND) for n in range(3)]
    report(rows[0], "rolled_back", at=NOON + MINUTE)
    run(robo, "rolled_back", at=NOON + 2 * MINUTE)
    assert ask(robo, at=NOON + 3 * MINUTE).status == "approved"
    report(rows[1], "rolled_back", at=NOON + 4 * MINUTE)

    asked = ask(robo, at=NOON + 5 * MINUTE)
    assert (asked.status, asked.asked) == ("pending", True)
    assert "a person is asked about everything" in step_of(asked, "circuit_breaker")["words"]


def spend(robo: Agent, cost: float, at: datetime) -> None:
    run(robo, action="scale_up", at=at, cost=cost)


def test_twice_the_average_cost_freezes_scaling_alone(robo: Agent) -> None:
    in_force(COST)
    for day in range(7):
        spend(robo, 100, NOON - (8 - day) * DAY + HOUR)
    spend(robo, 199, NOON)
    assert ask(robo, "scale_up", at=NOON).status == "approved"
    spend(robo, 1, NOON + SECOND)

    assert the_open_one().values["average"] == 100
    assert ask(robo, "scale_up", at=NOON + MINUTE).reason_code == "breaker_open"
    assert ask(robo, "deploy_service", at=NOON + MINUTE).status == "approved"


def test_on_its_first_day_an_agent_has_no_average_to_exceed(robo: Agent) -> None:
    in_force(COST)
    for number in range(20):
        spend(robo, 10.0**number, NOON + number * HOUR)

    assert not BreakerTrip.objects.exists()


def test_days_without_cost_lower_the_average(robo: Agent) -> None:
    in_force(COST)
    spend(robo, 70, NOON - 8 * DAY + MINUTE)
    spend(robo, 19, NOON)
    assert not BreakerTrip.objects.exists()
    spend(robo, 1, NOON)

    assert the_open_one().values == {
        "cost": 20, "average": 10, "days": 7, "percent": 200, "threshold_percent": 200,
        "rest_s": 3600,
    }  # fmt: skip


def test_an_agents_stages_go_down_when_its_breaker_opens(robo: Agent) -> None:
    AgentStage.objects.create(
        agent=robo, action_class="restarts", stage=Stage.AUTONOMOUS.value, since=NOON - DAY,
        changed_by="tests",
    )  # fmt: skip
    in_force(ERRORS + "\nautonomy: {demote: {on_breaker: true}}\n")
    failing(robo)

    stage = AgentStage.objects.get(agent=robo, until=None)
    assert (stage.stage, stage.since) == (Stage.SUPERVISED.value, OPENED)


def test_another_agent_goes_on(robo: Agent) -> None:
    digger = cast.agent("digger")[0]
    in_force(ERRORS)
    failing(robo)

    assert ask(digger, at=NOON + MINUTE).status == "approved"


def test_a_breaker_gone_from_the_policy_stops_nobody(robo: Agent) -> None:
    in_force(ERRORS)
    failing(robo)
    in_force("rate_limits: {deployments: {max_per_hour: 100}}")

    assert ask(robo, at=NOON + MINUTE).status == "approved"


def test_the_same_report_again_counts_once(robo: Agent) -> None:
    in_force(ERRORS)
    row = run(robo, "failure", at=NOON)
    for _ in range(9):
        report(row, "failure", at=NOON)

    assert not BreakerTrip.objects.exists()


def test_an_agent_without_breakers_pays_two_queries_for_them(robo: Agent) -> None:
    row = use(ask(robo, "create_ticket", at=NOON), at=NOON)
    with CaptureQueriesContext(connection) as seen:
        breakers.reported(row, at=NOON)

    assert len(seen) == 2


# --- half-open -------------------------------------------------------------------------------


def test_after_its_rest_one_request_is_tried_and_the_others_are_not(robo: Agent) -> None:
    in_force(ERRORS)
    trip = failing(robo)
    half = OPENED + 5 * MINUTE
    assert ask(robo, at=half - SECOND).status == "denied"
    assert tripped.phase(trip, at=half - SECOND) is Phase.OPEN
    assert tripped.phase(trip, at=half) is Phase.HALF_OPEN

    trial = ask(robo, at=half)
    assert trial.status == "approved"
    assert the_open_one().trial == trial
    second = ask(robo, at=half + SECOND)
    assert second.reason_code == "breaker_open"
    assert f"{trial.ref} is on trial" in step_of(second, "circuit_breaker")["words"]
    assert history() == ["breaker.opened", "breaker.half_open"]


def test_the_trials_success_closes_and_what_was_before_is_forgotten(robo: Agent) -> None:
    in_force("circuit_breakers: {error_rate: {threshold: 10%, window: 1h, rest: 1m}}")
    trip = failing(robo)
    report(ask(robo, at=NOON + 2 * MINUTE), at=NOON + 3 * MINUTE)

    trip.refresh_from_db()
    assert (trip.closed_at, trip.closed_by) == (NOON + 3 * MINUTE, "policy:policy")
    assert history()[-1] == "breaker.closed"
    for number in range(5):
        run(robo, at=NOON + 4 * MINUTE + number * SECOND)
    assert ask(robo, at=NOON + 5 * MINUTE).status == "approved"
    run(robo, "failure", at=NOON + 6 * MINUTE)
    assert the_open_one().values["outcomes"] == 6


@pytest.mark.parametrize("status", ["failure", "rolled_back"])
def test_any_other_outcome_opens_it_anew_with_a_new_rest(robo: Agent, status: str) -> None:
    in_force(ERRORS)
    failing(robo)
    at = OPENED + 5 * MINUTE
    report(ask(robo, at=at), status, at=at + MINUTE)

    again = the_open_one()
    assert (again.trial, again.half_open_at) == (None, at + 6 * MINUTE)
    assert ask(robo, at=at + 6 * MINUTE - SECOND).status == "denied"
    assert ask(robo, at=at + 6 * MINUTE).status == "approved"
    assert history() == [
        "breaker.opened", "breaker.half_open", "breaker.opened", "breaker.half_open",
    ]  # fmt: skip
    assert Alert.objects.filter(kind=AlertKind.BREAKER_OPENED.value).count() == 2


def end(row: ApprovalRequest, how: str, at: datetime) -> datetime:
    """Bring a trial to an end in which it never runs; the moment from which that is so."""
    if how == "denied":
        cast.decide(row, somebody("lin"), Verdict.DENY, "No.", at=at)
    elif how == "cancelled":
        lifecycle.cancel(ref=row.ref, agent=row.agent, at=at)
    elif how == "expired":
        at = row.expires_at
        ledger.let_time_pass(row.number, at=at)
    elif how == "revoked":
        cast.decide(row, somebody("lin"), at=at)
        lifecycle.revoke(ref=row.ref, person=somebody("sam"), at=at)
    else:
        row = cast.decide(row, somebody("lin"), at=at)
        assert row.grant_expires_at is not None
        at = row.grant_expires_at
    return at


@pytest.mark.parametrize("how", ["denied", "cancelled", "expired", "revoked", "lapsed"])
def test_a_trial_that_never_runs_gives_its_place_to_another(robo: Agent, how: str) -> None:
    in_force(ERRORS)
    failing(robo)
    at = OPENED + 5 * MINUTE
    trial = ask(robo, "promote_release", at=at)
    assert (trial.status, the_open_one().trial) == ("pending", trial)
    assert ask(robo, at=at).reason_code == "breaker_open"
    free = end(trial, how, at + SECOND)

    second = ask(robo, at=free)
    assert (second.status, the_open_one().trial) == ("approved", second)
    assert ask(robo, at=free).reason_code == "breaker_open"


def test_a_request_denied_for_another_reason_is_no_trial(robo: Agent) -> None:
    in_force(ERRORS)
    failing(robo)
    at = OPENED + 5 * MINUTE
    assert ask(robo, "drop_database", at=at).reason_code == "action_forbidden"

    assert the_open_one().trial is None
    assert ask(robo, at=at).status == "approved"


def test_where_scaling_is_frozen_only_scaling_is_tried(robo: Agent) -> None:
    in_force("circuitBreaker: {errorRate: 10%, action: freeze_scaling}")
    failing(robo)
    at = OPENED + 5 * MINUTE
    report(ask(robo, at=at), at=at)
    assert the_open_one().trial is None

    report(ask(robo, "scale_up", at=at), at=at)
    assert not BreakerTrip.objects.filter(closed_at=None).exists()


def test_other_outcomes_meanwhile_neither_close_it_nor_open_another(robo: Agent) -> None:
    in_force(ERRORS)
    before = [ask(robo, at=NOON) for _ in range(3)]
    failing(robo)
    for row, status in zip(before, ("success", "failure", "success"), strict=True):
        report(row, status, at=OPENED + SECOND)

    assert the_open_one().trial is None
    assert BreakerTrip.objects.count() == 1


# --- closing by hand -------------------------------------------------------------------------


def test_a_manager_closes_it_for_a_reason(robo: Agent) -> None:
    in_force(ERRORS)
    trip = failing(robo)
    ada = somebody("ada")
    closed = breakers.reset(
        number=str(trip.pk), person=ada, reason=" The node was replaced. ", at=NOON + MINUTE
    )

    assert (closed.closed_by, closed.close_reason) == (
        "person:ada@example.com", "The node was replaced.",
    )  # fmt: skip
    [event] = AuditEvent.objects.filter(type="breaker.closed")
    assert event.actor == "person:ada@example.com"
    assert event.entry["detail"]["reason"] == "The node was replaced."
    assert ask(robo, at=NOON + MINUTE).status == "approved"
    run(robo, at=NOON + MINUTE)
    assert ask(robo, at=NOON + MINUTE).status == "approved", "the old failure counts no longer"
    with pytest.raises(BreakerClosed) as refused:
        breakers.reset(number=str(trip.pk), person=ada, reason="Again.", at=NOON + 2 * MINUTE)
    assert "person:ada@example.com closed this breaker at 2026-03-02T12:01" in str(refused.value)


@pytest.mark.parametrize("name", ["lin", "grace", "sam", "mallory"])
def test_nobody_else_closes_it(robo: Agent, name: str) -> None:
    in_force(ERRORS)
    trip = failing(robo)
    with pytest.raises(NotAManager):
        breakers.reset(number=str(trip.pk), person=somebody(name), reason="Now.", at=NOON)

    assert the_open_one() == trip


def test_who_answers_for_the_agent_does_not_close_its_breakers(robo: Agent) -> None:
    in_force(ERRORS)
    trip = failing(robo)
    Agent.objects.filter(pk=robo.pk).update(owner=somebody("ada"))
    with pytest.raises(NotAManager, match="You answer for robo"):
        breakers.reset(number=str(trip.pk), person=somebody("ada"), reason="Now.", at=NOON)


@pytest.mark.parametrize("number", ["0", "99", "-1", "one", "1e3", "9" * 40, "１", ""])
def test_a_number_that_is_no_breakers_is_not_found(robo: Agent, number: str) -> None:
    with pytest.raises(NoSuchBreaker):
        breakers.reset(number=number, person=somebody("ada"), reason="Now.", at=NOON)


def test_a_reason_is_wanted(robo: Agent) -> None:
    in_force(ERRORS)
    trip = failing(robo)
    with pytest.raises(errors.Invalid, match="The breaker stays open"):
        breakers.reset(number=str(trip.pk), person=somebody("ada"), reason=" ", at=NOON)


def test_breakers_are_listed_by_agent_and_phase(robo: Agent) -> None:
    in_force(ERRORS)
    trip = failing(robo)

    def found(at: datetime, *phases: str, agent: str | None = None) -> list[BreakerTrip]:
        return list(tripped.matching(agent=agent, phases=phases or None, at=at))

    half = trip.half_open_at
    assert found(half - SECOND, "open") == found(half, "half_open") == found(half) == [trip]
    assert found(half, "open", "closed") == found(half - SECOND, "half_open") == []
    assert found(half, agent="robo") == [trip]
    assert found(half, agent="digger") == []


def test_the_table_holds_one_open_breaker_of_a_kind(robo: Agent) -> None:
    in_force(ERRORS)
    trip = failing(robo)
    trip.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        trip.save(force_insert=True)
