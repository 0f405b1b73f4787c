"""Stages with dates: begun on the day people named, over when they said, and never above what they agreed."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from approvals.domain import errors
from approvals.domain.stage_dates import Dates, read
from approvals.domain.terms import EventKind, OutcomeStatus, Stage, Verdict
from approvals.models import Agent, AgentStage, ApprovalRequest, AuditEvent, StageStart
from approvals.services import (
    actors,
    agents,
    asking,
    autonomy,
    clock,
    grants,
    outcomes,
    promotions,
    proposals,
    record,
    replay,
    stewards,
)
from tests.services import limits
from tests.support import cast

pytestmark = pytest.mark.django_db
SCALING = "scaling_events"
DAY = timedelta(days=1)
MOMENT = timedelta(seconds=1)


@pytest.fixture
def robo() -> Agent:
    return cast.agent()[0]


def at_stage(
    robo: Agent, stage: Stage, *, kind: str = SCALING, ends: datetime | None = None, then: str = ""
) -> AgentStage:
    """Put the agent there an hour ago, past every refusal."""
    AgentStage.objects.filter(agent=robo, action_class=kind, until=None).delete()
    return AgentStage.objects.create(
        agent=robo, action_class=kind, stage=stage, since=clock.now() - timedelta(hours=1),
        ends_at=ends, falls_to=then, changed_by="tests",
    )  # fmt: skip


def ask(
    robo: Agent, stage: Stage, *, starts: datetime | None = None, ends: datetime | None = None,
    kind: str = SCALING,
) -> ApprovalRequest:  # fmt: skip
    ada = cast.person("ada")
    asked = proposals.change_stage(
        agent=robo, action_class=kind, stage=stage, reason="It did well.", by=ada,
        actor=actors.person(ada), at=clock.now(), dates=Dates(starts, ends),
    )  # fmt: skip
    assert isinstance(asked, ApprovalRequest)
    return asked


def agree(row: ApprovalRequest) -> ApprovalRequest:
    cast.decide(row, cast.person("mia", teams=["managers"]))
    return cast.decide(row, cast.person("grace"))


def plan(robo: Agent, stage: Stage = Stage.AUTONOMOUS, **dates: Any) -> StageStart:
    """A later start that Mia and Grace agreed to."""
    row = agree(ask(robo, stage, **{"starts": clock.now() + DAY, **dates}))
    return StageStart.objects.get(request=row)


def stage(robo: Agent, at: datetime | None = None, kind: str = SCALING) -> str | None:
    held = autonomy.governing(robo, kind, at=at or clock.now())
    return held.stage if held else None


def events(kind: EventKind) -> list[dict[str, Any]]:
    found = AuditEvent.objects.filter(type=kind.value).order_by("id")
    return [event.entry["detail"] for event in found]


def lower(robo: Agent, stage: Stage, kind: str = SCALING, at: datetime | None = None) -> AgentStage:
    return autonomy.set_stage(
        agent=robo, action_class=kind, stage=stage, reason="To be careful.",
        actor=cast.OPERATOR, at=at or clock.now(),
    )  # fmt: skip


# --- asking ----------------------------------------------------------------------------------


def test_people_approve_the_dates_themselves(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    starts = clock.now() + DAY

    row = ask(robo, Stage.AUTONOMOUS, starts=starts, ends=starts + 30 * DAY)

    asked = row.submission["parameters"]
    assert Dates(read(asked["starts"], field=""), read(asked["ends"], field="")) == Dates(
        starts, starts + 30 * DAY
    )
    assert asked["then"] == "supervised"
    told = row.submission["impact"]["summary"]
    assert f" from {starts.day} {starts:%b %Y %H:%M} UTC until " in told
    assert told.endswith(
        ", then supervised; now supervised. Its evidence will be 1 day old when it begins."
    )


def test_without_dates_the_request_is_as_it_always_was(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)

    row = ask(robo, Stage.AUTONOMOUS)

    assert set(row.submission["parameters"]) == {"agent", "class", "from", "to"}
    assert row.submission["impact"]["summary"].endswith(
        "stage autonomous for scaling_events, now supervised."
    )


@pytest.mark.parametrize(
    ("starts", "ends", "field"),
    [
        (-MOMENT, None, "starts"),
        (timedelta(), None, "starts"),
        (367 * DAY, None, "starts"),
        (None, -MOMENT, "ends"),
        (DAY, DAY, "ends"),
        (DAY, timedelta(hours=1), "ends"),
    ],
)
def test_odd_dates_are_refused_in_words_and_ask_nothing(
    robo: Agent, starts: timedelta | None, ends: timedelta | None, field: str
) -> None:
    at_stage(robo, Stage.SUPERVISED)
    now = clock.now()

    with pytest.raises(errors.Invalid, match="Nothing was asked") as refused:
        ask(robo, Stage.AUTONOMOUS, starts=now + starts if starts is not None else None,
            ends=now + ends if ends is not None else None)  # fmt: skip

    assert refused.value.facts["field"] == field
    assert not ApprovalRequest.objects.exists()


@pytest.mark.parametrize("text", ["soon", "2026-13-01", "0001-01-01T00:00+14:00", "9" * 400])
def test_what_is_no_moment_is_refused_by_its_field(text: str) -> None:
    with pytest.raises(errors.Invalid) as refused:
        read(text, field="ends")
    assert refused.value.facts["field"] == "ends"


def test_a_lower_stage_takes_no_dates(robo: Agent) -> None:
    at_stage(robo, Stage.AUTONOMOUS)

    with pytest.raises(errors.Invalid, match="leave the dates out"):
        ask(robo, Stage.SUPERVISED, ends=clock.now() + DAY)

    assert stage(robo) == "autonomous"


def test_no_start_is_asked_for_after_the_stage_below_has_ended(robo: Agent) -> None:
    now = clock.now()
    at_stage(robo, Stage.SUPERVISED, ends=now + DAY, then="shadow")

    with pytest.raises(errors.Invalid, match="would rise from ends"):
        ask(robo, Stage.AUTONOMOUS, starts=now + 2 * DAY)


# --- a start -----------------------------------------------------------------------------------


def test_what_begins_later_changes_nothing_before_its_day(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)

    start = plan(robo)

    assert (stage(robo), start.began_at, start.dropped_at) == ("supervised", None, None)
    [told] = events(EventKind.STAGE_PLANNED)
    assert told["by"] == f"Mia and Grace ({start.request.ref})"
    promotions.settle(at=start.starts_at - MOMENT)
    assert stage(robo, start.starts_at - MOMENT) == "supervised"


def test_it_begins_on_its_day_once_and_in_the_name_of_those_who_agreed(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    start = plan(robo)

    for _ in range(2):
        promotions.settle(at=start.starts_at)

    start.refresh_from_db()
    assert (stage(robo, start.starts_at), start.began_at) == ("autonomous", start.starts_at)
    [changed] = events(EventKind.STAGE_CHANGED)
    assert changed["by"] == f"Mia and Grace ({start.request.ref})"
    assert events(EventKind.STAGE_DROPPED) == []


def test_agreed_after_its_start_it_begins_at_once(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    row = ask(robo, Stage.AUTONOMOUS, starts=clock.now() + MOMENT)

    promotions.take_effect(row, at=clock.now() + 2 * MOMENT)

    assert stage(robo, clock.now() + 2 * MOMENT) == "autonomous"
    assert not StageStart.objects.exists()


def test_agreed_after_its_end_nothing_is_decided_and_nothing_raised(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    row = ask(robo, Stage.AUTONOMOUS, ends=clock.now() + MOMENT)

    with pytest.raises(errors.Conflict, match=r"would have ended at .* nothing was raised"):
        promotions.take_effect(row, at=clock.now() + 2 * MOMENT)

    assert stage(robo) == "supervised"


def test_a_start_that_nobody_kept_until_its_end_is_dropped(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    start = plan(robo, ends=clock.now() + 2 * DAY)

    promotions.settle(at=clock.now() + 3 * DAY)

    start.refresh_from_db()
    assert "would have ended" in start.why_not
    assert stage(robo, clock.now() + 3 * DAY) == "supervised"


def failed(robo: Agent) -> None:
    row = cast.approved(robo, context={})
    grants.consume(ref=row.ref, agent=robo, key="k", parameters=None, at=clock.now())
    outcomes.report(
        ref=row.ref, agent=robo, outcome={"status": OutcomeStatus.FAILURE.value}, at=clock.now()
    )


def denied(robo: Agent) -> None:
    cast.decide(cast.request(robo), cast.person("lin"), Verdict.DENY, "No.")


@pytest.mark.parametrize("went_wrong", [failed, denied])
def test_what_went_wrong_since_it_was_asked_drops_it_on_its_day(
    robo: Agent, went_wrong: Any
) -> None:
    at_stage(robo, Stage.SUPERVISED)
    start = plan(robo)
    went_wrong(robo)

    promotions.settle(at=start.starts_at)

    start.refresh_from_db()
    assert stage(robo, start.starts_at) == "supervised"
    assert "1 of its requests were" in start.why_not
    [told] = events(EventKind.STAGE_DROPPED)
    assert (told["request"], told["by"]) == (start.request.ref, "the service")


def _lower(robo: Agent) -> None:
    lower(robo, Stage.SHADOW)


def _lower_for_all(robo: Agent) -> None:
    AgentStage.objects.filter(agent=robo).update(action_class="*")
    lower(robo, Stage.SHADOW, "*")


def _report(robo: Agent) -> None:
    autonomy.incident(
        agent=robo, action_class=SCALING, reason="INC-7", actor=cast.OPERATOR, at=clock.now()
    )


def _report_for_all(robo: Agent) -> None:
    autonomy.incident(
        agent=robo, action_class=None, reason="INC-7", actor=cast.OPERATOR, at=clock.now()
    )


def _stand_at(robo: Agent, before: Stage | None) -> Stage:
    """Put it there, or nowhere; the stage that follows."""
    if before is None:
        return Stage.FULL
    at_stage(robo, before)
    return list(Stage)[before.rank + 1]


def _report_without_stage(robo: Agent) -> None:
    AgentStage.objects.filter(agent=robo).delete()
    _report(robo)


def _break(robo: Agent) -> None:
    autonomy.breaker_opened(agent=robo, words="Error rate 12 %.", at=clock.now())


def _break_under_a_lenient_policy(robo: Agent) -> None:
    limits.everybody()
    limits.in_force("autonomy: {demote: {on_breaker: false}}")
    _break(robo)


def _stop(robo: Agent) -> None:
    agents.stop(agent=robo, at=clock.now(), actor=cast.OPERATOR, reason="It loops.")


def _stop_and_start(robo: Agent) -> None:
    _stop(robo)
    agents.start(agent=robo, at=clock.now(), actor=cast.OPERATOR)


@pytest.mark.parametrize(
    "lost",
    [_lower, _lower_for_all, _report, _report_without_stage, _break, _break_under_a_lenient_policy,
     _stop],
)  # fmt: skip
def test_whatever_costs_trust_drops_what_was_planned_at_once(robo: Agent, lost: Any) -> None:
    at_stage(robo, Stage.SUPERVISED)
    start = plan(robo)

    lost(robo)

    start.refresh_from_db()
    assert start.dropped_at is not None
    assert start.why_not
    assert len(events(EventKind.STAGE_DROPPED)) == 1
    before = stage(robo)
    promotions.settle(at=start.starts_at)
    assert stage(robo, start.starts_at) == before


@pytest.mark.parametrize("later", [None, DAY])
@pytest.mark.parametrize("before", [None, Stage.SHADOW, Stage.SUPERVISED])
@pytest.mark.parametrize("lost", [_report, _report_for_all, _break, _break_under_a_lenient_policy,
                                  _stop])  # fmt: skip
def test_whatever_costs_trust_withdraws_what_still_waits_to_be_agreed(
    robo: Agent, lost: Any, before: Stage | None, later: timedelta | None
) -> None:
    wanted = _stand_at(robo, before)
    row = ask(robo, wanted, starts=clock.now() + later if later else None)

    lost(robo)

    row.refresh_from_db()
    assert (row.status, row.reason_code) == ("cancelled", "overtaken")
    assert row.closed_by == "the service, since it can take effect no more"
    assert AuditEvent.objects.filter(request=row).latest("id").entry["detail"]["reason"]
    with pytest.raises(errors.AlreadyDecided):
        agree(row)


def test_a_lower_stage_withdraws_what_was_asked_from_the_one_before(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    row = ask(robo, Stage.AUTONOMOUS)

    lower(robo, Stage.SHADOW)

    row.refresh_from_db()
    assert (row.status, row.reason_code) == ("cancelled", "overtaken")


@pytest.mark.parametrize("lost", [_report, _report_for_all, _stop_and_start, _stop])
@pytest.mark.parametrize("before", [None, Stage.SHADOW])
def test_a_raise_that_was_being_decided_meanwhile_is_refused_in_words(
    robo: Agent, lost: Any, before: Stage | None
) -> None:
    """As a click meets it that held its request when the trust was lost, so that it was passed by."""
    row = ask(robo, _stand_at(robo, before))
    lost(robo)

    with pytest.raises(errors.Conflict, match=r"incident was reported|stopped.*nothing was raised"):
        promotions.take_effect(row, at=clock.now())

    assert stage(robo) == before


def test_an_incident_of_another_class_withdraws_nothing(robo: Agent) -> None:
    at_stage(robo, Stage.SHADOW)
    at_stage(robo, Stage.AUTONOMOUS, kind="deployments")
    row = ask(robo, Stage.SUPERVISED)

    autonomy.incident(
        agent=robo, action_class="deployments", reason="INC-7", actor=cast.OPERATOR, at=clock.now()
    )

    agree(row)
    assert stage(robo) == "supervised"


def test_a_reported_incident_stands_in_history_though_nothing_could_fall(robo: Agent) -> None:
    _report(robo)

    [told] = events(EventKind.INCIDENT_REPORTED)
    assert (told["agent"], told["class"], told["reason"]) == ("robo", SCALING, "INC-7")


def test_two_clicks_ask_once(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    ends = clock.now() + 30 * DAY

    first, again = (ask(robo, Stage.AUTONOMOUS, ends=ends) for _ in range(2))

    assert first == again
    assert ApprovalRequest.objects.filter(effect="change_stage").count() == 1


def test_while_a_raise_waits_no_other_of_its_class_is_asked(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    ends = clock.now() + 30 * DAY
    row = ask(robo, Stage.AUTONOMOUS, ends=ends)

    for other in (ends + DAY, None):
        with pytest.raises(errors.Conflict, match=f"{row.ref} asks for stage autonomous"):
            ask(robo, Stage.AUTONOMOUS, ends=other)
    with pytest.raises(errors.Conflict, match=f"{row.ref} asks for exactly that"):
        proposals.change_stage(
            agent=robo, action_class=SCALING, stage=Stage.AUTONOMOUS, reason="It did well.",
            by=cast.person("sam"), actor=cast.OPERATOR, at=clock.now(), dates=Dates(ends=ends),
        )  # fmt: skip

    assert ApprovalRequest.objects.filter(effect="change_stage").count() == 1


def test_what_can_take_effect_no_more_keeps_nobody_from_asking_anew(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    row = ask(robo, Stage.AUTONOMOUS)
    denied(robo)

    new = ask(robo, Stage.AUTONOMOUS)

    row.refresh_from_db()
    assert (row.status, row.reason_code, new.status) == ("cancelled", "overtaken", "pending")


def test_an_incident_of_another_class_leaves_a_plan_alone(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    at_stage(robo, Stage.AUTONOMOUS, kind="deployments")
    start = plan(robo)

    autonomy.incident(
        agent=robo, action_class="deployments", reason="INC-7", actor=cast.OPERATOR, at=clock.now()
    )

    start.refresh_from_db()
    assert start.dropped_at is None


def test_a_stopped_agent_begins_nothing_even_if_the_plan_was_overlooked(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    start = plan(robo)
    Agent.objects.filter(pk=robo.pk).update(is_enabled=False)

    promotions.settle(at=start.starts_at)

    assert stage(robo, start.starts_at) == "supervised"


def test_managers_and_the_owner_call_a_plan_off_and_others_do_not(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    start = plan(robo)
    with pytest.raises(errors.NotAllowed):
        stewards.call_off(agent=robo, number=start.pk, by=cast.person("lin"), at=clock.now())

    stewards.call_off(agent=robo, number=start.pk, by=cast.person("sam"), at=clock.now())

    start.refresh_from_db()
    assert start.why_not == "Called off by Sam."
    assert events(EventKind.STAGE_DROPPED)[0]["by"] == "Sam"
    with pytest.raises(errors.Conflict, match="planned for robo any more"):
        stewards.call_off(agent=robo, number=start.pk, by=cast.person("ada"), at=clock.now())


def test_a_plan_is_called_off_at_its_own_agent_alone(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    start = plan(robo)
    other, _ = cast.agent("digger", owner=cast.person("chen"))

    with pytest.raises(errors.Conflict):
        stewards.call_off(agent=other, number=start.pk, by=cast.person("chen"), at=clock.now())

    start.refresh_from_db()
    assert start.dropped_at is None


def test_of_two_plans_for_a_class_the_first_that_begins_drops_the_other(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    first, second = plan(robo), plan(robo, starts=clock.now() + 2 * DAY)

    promotions.settle(at=second.starts_at)

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.began_at is None, second.dropped_at is None) == (False, False)
    assert len(autonomy.history(robo, at=clock.now())) == 2


# --- an end ------------------------------------------------------------------------------------


def dated(robo: Agent, *, of: Stage = Stage.AUTONOMOUS) -> datetime:
    """A stage that Mia and Grace gave until tomorrow; returns when it ends."""
    ends = clock.now() + DAY
    agree(ask(robo, of, ends=ends))
    return ends


def test_from_its_end_on_it_counts_as_before_though_nobody_wrote_it_down(robo: Agent) -> None:
    at_stage(robo, Stage.SHADOW)
    ends = dated(robo, of=Stage.SUPERVISED)

    assert (stage(robo, ends - MOMENT), stage(robo, ends)) == ("supervised", "shadow")
    assert autonomy.stages_of(robo, at=ends - MOMENT) == {SCALING: Stage.SUPERVISED}
    assert autonomy.stages_of(robo, at=ends) == {SCALING: Stage.SHADOW}
    held = autonomy.governing(robo, SCALING, at=ends)
    assert record.evidence(robo, SCALING, stage=held, at=ends).since == ends
    now, before = autonomy.history(robo, at=ends)[:2]
    assert (now.stage, now.until, before.until) == ("shadow", None, ends)
    assert AgentStage.objects.filter(until=None).get().stage == "supervised"


def test_a_request_is_judged_by_what_holds_at_its_own_moment(robo: Agent) -> None:
    at_stage(robo, Stage.SHADOW)
    ends = dated(robo, of=Stage.SUPERVISED)

    before = asking.judge(agent="robo", submission=cast.submission(), at=ends - MOMENT)
    after = asking.judge(agent="robo", submission=cast.submission(), at=ends)

    assert (before.reason_code, after.reason_code) == (
        "risk_medium_required",
        "shadow_mode",
    )


def test_a_replay_of_the_past_knows_the_end_too(robo: Agent) -> None:
    at_stage(robo, Stage.SHADOW)
    ends = dated(robo, of=Stage.SUPERVISED)
    stages = replay._Stages()

    assert stages.of(robo.pk, ends - MOMENT) == {SCALING: Stage.SUPERVISED}
    assert stages.of(robo.pk, ends) == {SCALING: Stage.SHADOW}


def test_the_tick_writes_the_end_down_once(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    ends = dated(robo)

    for later in (timedelta(), MOMENT, DAY):
        promotions.settle(at=ends + later)

    fallen, raised = autonomy.history(robo, at=ends + DAY)[:2]
    assert (raised.until, fallen.since, fallen.stage) == (ends, ends, "supervised")
    assert (fallen.ends_at, fallen.changed_by) == (None, "the service")
    last = events(EventKind.STAGE_CHANGED)[-1]
    assert (last["from"], last["to"]) == ("autonomous", "supervised")
    assert last["reason"] == "Its end date came."
    assert len(events(EventKind.STAGE_CHANGED)) == 2


def test_where_no_stage_was_it_falls_to_autonomous_which_is_what_none_means(robo: Agent) -> None:
    ends = dated(robo, of=Stage.FULL)

    promotions.settle(at=ends)

    assert stage(robo, ends) == "autonomous"


def test_a_stage_that_has_ended_cannot_be_the_ground_of_a_raise(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    ends = dated(robo)
    row = ask(robo, Stage.FULL)

    with pytest.raises(errors.Conflict, match="has changed since"):
        promotions.take_effect(row, at=ends)

    assert stage(robo, ends) == "supervised"


def test_lowering_what_has_ended_unwritten_lowers_what_it_fell_to(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    ends = dated(robo)

    [row] = autonomy.demote_by_rule(agent=robo, action_class=None, reason="It failed.", at=ends)

    assert row.stage == "shadow"
    path = [each.stage for each in reversed(autonomy.history(robo, at=ends))]
    assert path == ["supervised", "autonomous", "supervised", "shadow"]


def test_lowering_keeps_the_end_where_what_follows_is_lower_still(robo: Agent) -> None:
    at_stage(robo, Stage.FULL, ends=clock.now() + DAY, then="supervised")

    lowered = lower(robo, Stage.AUTONOMOUS)

    assert (lowered.falls_to, stage(robo, clock.now() + 2 * DAY)) == ("supervised", "supervised")
    assert lower(robo, Stage.SUPERVISED).ends_at is None


def test_a_class_of_its_own_does_not_outlive_the_end_of_the_stage_for_all(robo: Agent) -> None:
    at_stage(robo, Stage.AUTONOMOUS, kind="*", ends=clock.now() + DAY, then="shadow")

    own = lower(robo, Stage.AUTONOMOUS)

    assert (own.falls_to, stage(robo, clock.now() + 2 * DAY)) == ("shadow", "shadow")


def test_a_lower_stage_is_never_raised_by_an_end(robo: Agent) -> None:
    at_stage(robo, Stage.SHADOW, ends=clock.now() + DAY, then="full")
    later = clock.now() + 2 * DAY

    assert stage(robo, later) == "shadow"
    promotions.settle(at=later)
    assert stage(robo, later) == "shadow"


def test_a_raise_for_a_while_on_a_dated_stage_falls_to_the_bottom_of_both(robo: Agent) -> None:
    at_stage(robo, Stage.AUTONOMOUS, ends=clock.now() + 2 * DAY, then="shadow")

    ends = dated(robo, of=Stage.FULL)

    assert stage(robo, ends) == "shadow"


# --- the tick -----------------------------------------------------------------------------------


def test_while_nothing_is_due_a_tick_is_two_statements(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    at_stage(robo, Stage.SUPERVISED, kind="deployments", ends=clock.now() + DAY, then="shadow")
    plan(robo)
    now = clock.now()

    with CaptureQueriesContext(connection) as asked:
        promotions.settle(at=now)

    assert len(asked) == 2


def test_one_that_fails_holds_up_no_other(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    at_stage(robo, Stage.SUPERVISED, kind="deployments")
    bad, good = plan(robo), plan(robo, kind="deployments")
    request = ApprovalRequest.objects.filter(pk=bad.request_id)
    whole = request.get().submission
    request.update(submission=whole | {"parameters": {}})

    promotions.settle(at=good.starts_at)

    request.update(submission=whole)
    assert stage(robo, good.starts_at) == "supervised"
    assert stage(robo, good.starts_at, "deployments") == "autonomous"


def test_those_that_keep_failing_do_not_use_up_a_tick(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    at_stage(robo, Stage.SUPERVISED, kind="deployments")
    bad, good = plan(robo), plan(robo, kind="deployments")
    request = ApprovalRequest.objects.filter(pk=bad.request_id)
    whole = request.get().submission
    request.update(submission=whole | {"parameters": {}})

    promotions.settle(at=good.starts_at, limit=1)

    request.update(submission=whole)
    assert stage(robo, good.starts_at, "deployments") == "autonomous"


def test_on_its_day_a_stage_begins_however_old_its_evidence_was_said_to_be(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    start = plan(robo, starts=clock.now() + 60 * DAY)

    promotions.settle(at=start.starts_at)

    told = start.request.submission["impact"]["summary"]
    assert told.endswith("Its evidence will be 60 days old when it begins.")
    assert stage(robo, start.starts_at) == "autonomous"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_many_clicks_at_once_one_asks() -> None:
    robo, _ = cast.agent()
    at_stage(robo, Stage.SUPERVISED)
    ada, now = cast.person("ada"), clock.now()
    together = threading.Barrier(6)
    heard: list[str] = []

    def asks() -> None:
        try:
            together.wait(30)
            row = proposals.change_stage(
                agent=robo, action_class=SCALING, stage=Stage.AUTONOMOUS, reason="It did well.",
                by=ada, actor=actors.person(ada), at=now,
            )  # fmt: skip
            assert isinstance(row, ApprovalRequest)
            heard.append(row.ref)
        finally:
            connections.close_all()

    _at_once([asks] * 6)

    assert (len(heard), len(set(heard))) == (6, 1)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("lost", [_report_for_all, _stop])
def test_a_last_yes_at_the_moment_of_an_incident_raises_nothing_after_it(lost: Any) -> None:
    robo, _ = cast.agent()
    for number in range(4):
        at_stage(robo, Stage.SHADOW, kind=f"class_{number}")
    rows = [ask(robo, Stage.SUPERVISED, kind=f"class_{number}") for number in range(4)]
    grace, mia = cast.person("grace"), cast.person("mia", teams=["managers"])
    for row in rows:
        cast.decide(row, mia)
    together = threading.Barrier(5)

    def agrees(row: ApprovalRequest) -> None:
        try:
            together.wait(30)
            cast.decide(row, grace)
        except errors.Refusal:
            pass
        finally:
            connections.close_all()

    def loses() -> None:
        try:
            together.wait(30)
            lost(robo)
        finally:
            connections.close_all()

    _at_once([loses, *(partial(agrees, row) for row in rows)])

    kind = EventKind.AGENT_STOPPED if lost is _stop else EventKind.INCIDENT_REPORTED
    [end] = AuditEvent.objects.filter(type=kind.value).values_list("id", flat=True)
    changed = AuditEvent.objects.filter(type=EventKind.STAGE_CHANGED.value, id__gt=end)
    assert not [each for each in changed if each.entry["detail"]["to"] == "supervised"]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_many_ticks_at_once_begin_and_end_each_stage_once() -> None:
    robo, _ = cast.agent()
    at_stage(robo, Stage.SUPERVISED)
    at_stage(robo, Stage.AUTONOMOUS, kind="deployments", ends=clock.now() + DAY, then="shadow")
    start = plan(robo)
    together = threading.Barrier(6)

    def tick() -> None:
        try:
            together.wait(30)
            promotions.settle(at=start.starts_at + DAY)
        finally:
            connections.close_all()

    _at_once([tick] * 6)

    assert len(events(EventKind.STAGE_CHANGED)) == 2
    assert AgentStage.objects.filter(until=None).count() == 2
    assert AgentStage.objects.count() == 4


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_whatever_lowers_trust_beats_a_start_that_begins_at_the_same_moment() -> None:
    robo, _ = cast.agent()
    for number in range(6):
        at_stage(robo, Stage.SUPERVISED, kind=f"class_{number}")
    starts = [plan(robo, kind=f"class_{number}") for number in range(6)]
    due = starts[-1].starts_at
    together = threading.Barrier(3)

    def tick() -> None:
        try:
            together.wait(30)
            promotions.settle(at=due)
        finally:
            connections.close_all()

    def opens() -> None:
        try:
            together.wait(30)
            autonomy.breaker_opened(agent=robo, words="Error rate 12 %.", at=due)
        finally:
            connections.close_all()

    _at_once([tick, tick, opens])

    for number in range(6):
        assert stage(robo, due, f"class_{number}") in {"shadow", "supervised"}


def _at_once(steps: list[Any]) -> None:
    threads = [threading.Thread(target=step) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


# --- the law ------------------------------------------------------------------------------------

SPANS = st.sampled_from([None, 1, 2, 3, 5])
STEPS = st.one_of(
    st.tuples(st.just("raise"), SPANS, SPANS),
    st.tuples(st.just("lower"), st.sampled_from(list(Stage)), st.none()),
    st.tuples(st.just("demote"), st.none(), st.none()),
    st.tuples(st.just("tick"), st.none(), st.none()),
    st.tuples(st.just("wait"), st.none(), st.none()),
)


class Law(TestCase):
    """What counts at a moment is never above what people had agreed for that moment."""

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps=st.lists(STEPS, max_size=8), ticks=st.booleans())
    def test_a_stage_is_never_above_what_people_agreed_for_that_moment(
        self, steps: list[Any], ticks: bool
    ) -> None:
        robo, _ = cast.agent(name="robo")
        now = clock.now()
        at_stage(robo, Stage.SHADOW)
        allowed: list[tuple[Stage, datetime, datetime | None]] = []  # what was agreed, from, until
        base = Stage.SHADOW
        for kind, one, other in steps:
            now += timedelta(hours=1)
            if kind == "raise":
                allowed += _raise_now(robo, one, other, now)
            elif kind == "lower":
                _quietly(lower, robo, one, at=now)
            elif kind == "demote":
                autonomy.demote_by_rule(agent=robo, action_class=SCALING, reason="No.", at=now)
            elif kind == "tick" or ticks:
                promotions.settle(at=now)
            for hours in range(12):
                then = now + timedelta(hours=hours)
                agreed = [
                    stage.rank for stage, since, until in allowed
                    if since <= then and (until is None or then < until)
                ]  # fmt: skip
                stands = Stage(str(stage(robo, then)))
                assert stands.rank <= max([base.rank, *agreed]), (steps, then, allowed)


def _raise_now(
    robo: Agent, starts: int | None, span: int | None, now: datetime
) -> list[tuple[Stage, datetime, datetime | None]]:
    """Ask for the next stage and let it take effect; what people then agreed to."""
    following = Stage(str(stage(robo, now))).rank + 1
    if following >= len(Stage):
        return []
    begins = now + timedelta(hours=starts) if starts else None
    ends = (begins or now) + timedelta(hours=span) if span else None
    ada, wanted = cast.person("ada"), list(Stage)[following]
    try:
        row = proposals.change_stage(
            agent=robo, action_class=SCALING, stage=wanted, reason="Well.", by=ada,
            actor=actors.person(ada), at=now, dates=Dates(begins, ends),
        )  # fmt: skip
        assert isinstance(row, ApprovalRequest)
        ApprovalRequest.objects.filter(pk=row.pk).update(
            status="approved", basis="person", closed_at=now
        )
        promotions.take_effect(row, at=now)
    except errors.Refusal:
        return []
    return [(wanted, begins or now, ends)]


def _quietly(verb: Any, *args: Any, **named: Any) -> None:
    try:
        verb(*args, **named)
    except errors.Refusal:
        return
