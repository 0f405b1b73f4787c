"""Stages of agents: set and lowered at once, raised by people alone, and measured on the record."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from approvals import queries
from approvals.domain import errors
from approvals.domain.terms import (
    BreakerAction,
    BreakerKind,
    EventKind,
    OutcomeStatus,
    Stage,
    Verdict,
)  # fmt: skip
from approvals.models import Agent, AgentStage, ApprovalRequest, AuditEvent, BreakerTrip
from approvals.services import (
    actors,
    asking,
    autonomy,
    clock,
    grants,
    lifecycle,
    outcomes,
    promotions,
    proposals,
    record,
    suggestions,
)
from tests.services import limits
from tests.support import cast

pytestmark = pytest.mark.django_db
SCALING = "scaling_events"


@pytest.fixture
def robo() -> Agent:
    return cast.agent()[0]


def at_stage(robo: Agent, stage: Stage, *, action_class: str = SCALING) -> AgentStage:
    """Put the agent there, past every refusal."""
    AgentStage.objects.filter(agent=robo, action_class=action_class, until=None).delete()
    return AgentStage.objects.create(
        agent=robo, action_class=action_class, stage=stage, since=clock.now(), changed_by="tests"
    )


def lower(robo: Agent, stage: Stage, action_class: str = SCALING) -> AgentStage:
    return autonomy.set_stage(
        agent=robo,
        action_class=action_class,
        stage=stage,
        reason="To be careful.",
        actor=cast.OPERATOR,
        at=clock.now(),
    )


def raised(robo: Agent, stage: Stage, *, by: str = "ada") -> ApprovalRequest:
    asked = proposals.change_stage(
        agent=robo,
        action_class=SCALING,
        stage=stage,
        reason="It did well.",
        by=cast.person(by),
        actor=actors.person(cast.person(by)),
        at=clock.now(),
    )
    assert isinstance(asked, ApprovalRequest)
    return asked


def stage(robo: Agent) -> str | None:
    held = autonomy.governing(robo, SCALING, at=clock.now())
    return held.stage if held else None


def changes() -> list[dict[str, Any]]:
    events = AuditEvent.objects.filter(type=EventKind.STAGE_CHANGED.value).order_by("id")
    return [event.entry["detail"] for event in events]


def another_manager() -> Any:
    return cast.person("mia", teams=["managers"])


def ran(row: ApprovalRequest, status: OutcomeStatus, *, at: datetime | None = None) -> None:
    grants.consume(ref=row.ref, agent=row.agent, key="k", parameters=None, at=at or clock.now())
    outcomes.report(
        ref=row.ref, agent=row.agent, outcome={"status": status.value}, at=at or clock.now()
    )


# --- setting and lowering --------------------------------------------------------------------


def test_without_a_stage_the_rules_decide_alone(robo: Agent) -> None:
    assert (autonomy.stages_of(robo, at=clock.now()), cast.request(robo).status) == ({}, "pending")


def test_in_shadow_mode_a_request_is_denied_with_what_would_have_been(robo: Agent) -> None:
    lower(robo, Stage.SHADOW, "*")

    asked, automatic = cast.request(robo), cast.request(robo, **cast.LOW)

    assert [asked.status, asked.basis, asked.reason_code] == ["denied", "policy", "shadow_mode"]
    assert (asked.would_be, automatic.would_be) == ("required", "auto")
    assert asked.asked is False


def test_a_lower_stage_is_set_at_once_with_reason_and_history(robo: Agent) -> None:
    lower(robo, Stage.AUTONOMOUS)
    lower(robo, Stage.SUPERVISED)

    rows = autonomy.history(robo, at=clock.now())
    assert [row.stage for row in rows] == ["supervised", "autonomous"]
    assert rows[1].until == rows[0].since
    assert [(each["from"], each["to"]) for each in changes()] == [
        ("none", "autonomous"),
        ("autonomous", "supervised"),
    ]
    assert changes()[1]["reason"] == "To be careful."


def test_a_stage_of_its_own_may_not_be_a_way_around_the_one_for_every_class(robo: Agent) -> None:
    lower(robo, Stage.SHADOW, "*")

    with pytest.raises(errors.Conflict, match="people must approve"):
        lower(robo, Stage.SUPERVISED)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("scale_up", "counts in scaling_events"),
        ("scaling_event", "did you mean 'scaling_events'"),
        ("Scaling!", "is no class of action"),
        ("", "is no class of action"),
    ],
)
def test_a_class_that_nothing_counts_in_is_refused(robo: Agent, name: str, words: str) -> None:
    with pytest.raises(errors.Invalid, match=words):
        lower(robo, Stage.SHADOW, name)


def test_a_stage_needs_a_reason_and_a_change(robo: Agent) -> None:
    lower(robo, Stage.SHADOW)

    with pytest.raises(errors.Conflict, match="already"):
        lower(robo, Stage.SHADOW)
    with pytest.raises(errors.Invalid, match="reason"):
        autonomy.set_stage(
            agent=robo,
            action_class="*",
            stage=Stage.SHADOW,
            reason=" ",
            actor=cast.OPERATOR,
            at=clock.now(),
        )


# --- raising ---------------------------------------------------------------------------------


def test_the_evidence_counts_what_its_agent_took_back_after_a_question(robo: Agent) -> None:
    lin, statements = cast.person("lin"), []
    for name in ("asked", "kept", "alone"):
        row = cast.request(robo, target=name)
        if name != "alone":
            cast.decide(row, lin, Verdict.INVESTIGATE, "Why 8?")
        if name != "kept":
            lifecycle.cancel(ref=row.ref, agent=robo, at=clock.now())
        with CaptureQueriesContext(connection) as made:
            found = record.evidence(robo, "*", stage=None, at=clock.now())
        statements.append(len(made))

    assert (found.requests, found.taken_back) == (3, 1)
    assert len(set(statements)) == 1


def test_a_higher_stage_is_a_request_of_high_risk_with_its_evidence(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    cast.decide(cast.request(robo), cast.person("lin"), Verdict.DENY, "Not now.")
    cast.approved(robo, target="other")

    row = raised(robo, Stage.AUTONOMOUS)

    assert (row.status, row.risk, row.action) == ("pending", "high", "change_agent_stage")
    evidence = row.submission["context"]["evidence"]
    assert (evidence["requests"], evidence["decided"], evidence["agreement"]) == (2, 2, 0.5)
    assert evidence["denials"][0]["reason"] == "Not now."
    assert row.submission["reasoning"] == "It did well."
    card = queries.card(row)
    facts = {fact.name: fact.value for fact in card.facts}
    assert "weak evidence" in facts["Beware"]
    assert facts["Evidence"].startswith("2 requests at this stage, 2 decided, people agreed: 50%, ")
    assert "succeeded: no data" in facts["Evidence"]
    assert [claim.shown.text for claim in card.claims] == ["It did well."]
    assert card.because[0] == "Giving an agent more freedom takes a second person."
    assert "None" not in str(card.facts)
    assert stage(robo) == "supervised"


def test_a_promotion_takes_effect_once_manager_and_security_agreed(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    row = raised(robo, Stage.AUTONOMOUS)

    cast.decide(row, another_manager())
    assert stage(robo) == "supervised"
    done = cast.decide(row, cast.person("grace"))

    assert (done.status, done.outcome_status, stage(robo)) == ("approved", "success", "autonomous")
    assert changes()[-1]["by"] == f"Mia and Grace ({row.ref})"


def test_neither_the_agents_owner_nor_the_proposer_can_approve(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)

    by_manager = raised(robo, Stage.AUTONOMOUS)
    for name in ("sam", "ada"):
        with pytest.raises((errors.OwnAgent, errors.SelfApproval)):
            cast.decide(by_manager, cast.person(name))
    lifecycle.cancel(ref=by_manager.ref, person=cast.person("ada"), at=clock.now())

    by_owner = raised(robo, Stage.AUTONOMOUS, by="sam")
    with pytest.raises((errors.OwnAgent, errors.SelfApproval)):
        cast.decide(by_owner, cast.person("sam"))
    cast.decide(by_owner, cast.person("ada"))


def test_no_stage_is_skipped_upwards(robo: Agent) -> None:
    at_stage(robo, Stage.SHADOW)

    with pytest.raises(errors.Invalid, match="the next for scaling_events is supervised"):
        raised(robo, Stage.AUTONOMOUS)


def test_a_promotion_is_refused_when_the_stage_has_changed_since(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    row = raised(robo, Stage.AUTONOMOUS)
    AgentStage.objects.filter(agent=robo).update(stage=Stage.SHADOW.value)
    cast.decide(row, another_manager())

    with pytest.raises(errors.Conflict, match="has changed since"):
        cast.decide(row, cast.person("grace"))
    row.refresh_from_db()
    assert (row.status, stage(robo)) == ("pending", "shadow")


def test_a_promotion_is_refused_when_something_went_wrong_meanwhile(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    running = cast.approved(robo)
    row = raised(robo, Stage.AUTONOMOUS)
    cast.decide(row, another_manager())
    ran_badly = cast.approved(robo, context={})
    ran(ran_badly, OutcomeStatus.FAILURE)

    with pytest.raises(errors.Conflict, match="1 of its requests were reported as failed"):
        cast.decide(row, cast.person("grace"))
    assert (stage(robo), running.status) == ("supervised", "approved")


def test_a_denied_promotion_leaves_all_as_it_was(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)

    cast.decide(raised(robo, Stage.AUTONOMOUS), cast.person("grace"), Verdict.DENY, "Too early.")

    assert (stage(robo), len(autonomy.history(robo, at=clock.now()))) == ("supervised", 1)


@pytest.mark.parametrize(("name", "may"), [("ada", True), ("sam", True), ("mallory", False)])
def test_managers_and_owners_may_propose(robo: Agent, name: str, may: bool) -> None:
    if may:
        return proposals.refuse_outsider(cast.person(name), robo)
    with pytest.raises(errors.NotAllowed):
        proposals.refuse_outsider(cast.person(name), robo)
    return None


def test_the_service_itself_is_never_trusted_more_or_less(robo: Agent) -> None:
    itself = raised_once(robo)

    for stage_wanted in (Stage.FULL, Stage.SHADOW):
        with pytest.raises(errors.Invalid, match="never trusted more or less"):
            raised(itself, stage_wanted)


def raised_once(robo: Agent) -> Agent:
    at_stage(robo, Stage.SHADOW)
    return raised(robo, Stage.SUPERVISED).agent


def test_an_agent_earns_its_way_up_and_falls_in_one_step(robo: Agent) -> None:
    lower(robo, Stage.SHADOW)
    suggestion = cast.request(robo)
    suggestions.mark(ref=suggestion.ref, person=cast.person("lin"), is_right=True, at=clock.now())

    for following in (Stage.SUPERVISED, Stage.AUTONOMOUS, Stage.FULL):
        row = raised(robo, following)
        cast.decide(row, another_manager())
        cast.decide(row, cast.person("grace"))
        ran(cast.approved(robo, target=following.value), OutcomeStatus.SUCCESS)
    autonomy.breaker_opened(agent=robo, words="Error rate 12 %.", at=clock.now())

    path = [row.stage for row in reversed(autonomy.history(robo, at=clock.now()))]
    assert path == ["shadow", "supervised", "autonomous", "full", "autonomous"]


# --- lowering by rule ------------------------------------------------------------------------


def test_a_rule_lowers_one_stage_and_never_below_shadow(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    at_stage(robo, Stage.SHADOW, action_class="deployments")

    changed = autonomy.breaker_opened(agent=robo, words="Error rate 12 %.", at=clock.now())

    assert [(row.action_class, row.stage) for row in changed] == [(SCALING, "shadow")]
    assert autonomy.breaker_opened(agent=robo, words="Again.", at=clock.now()) == []
    assert changes()[-1]["reason"] == "Error rate 12 %."


def test_one_class_falls_out_of_the_stage_for_every_class(robo: Agent) -> None:
    at_stage(robo, Stage.AUTONOMOUS, action_class="*")

    autonomy.demote_by_rule(agent=robo, action_class=SCALING, reason="It failed.", at=clock.now())

    assert autonomy.stages_of(robo, at=clock.now()) == {
        "*": Stage.AUTONOMOUS,
        SCALING: Stage.SUPERVISED,
    }


def test_an_agent_without_stages_cannot_fall(robo: Agent) -> None:
    for name in (None, SCALING):
        changed = autonomy.demote_by_rule(
            agent=robo, action_class=name, reason="It failed.", at=clock.now()
        )
        assert changed == []


def test_agreement_under_the_threshold_costs_a_stage(robo: Agent) -> None:
    at_stage(robo, Stage.AUTONOMOUS)
    lin = cast.person("lin")
    for number in range(19):
        row = cast.request(robo, target=f"api-{number}")
        cast.decide(row, lin, Verdict.DENY if number < 2 else Verdict.APPROVE, "As told.")
    assert stage(robo) == "autonomous"

    cast.decide(cast.request(robo, target="api-19"), lin, Verdict.DENY, "No.")

    assert stage(robo) == "supervised"
    assert "agreed with 85% of the last 20" in changes()[-1]["reason"]


def test_a_failure_in_an_incident_costs_a_stage(robo: Agent) -> None:
    at_stage(robo, Stage.AUTONOMOUS)

    ran(cast.approved(robo, context={}), OutcomeStatus.FAILURE)
    assert stage(robo) == "autonomous"
    ran(cast.approved(robo, target="other"), OutcomeStatus.FAILURE)

    assert stage(robo) == "supervised"
    assert "ended as failure in INC-2026-0219" in changes()[-1]["reason"]


def test_an_incident_is_reported_by_hand(robo: Agent) -> None:
    at_stage(robo, Stage.FULL)

    autonomy.incident(
        agent=robo, action_class=None, reason="INC-7", actor=cast.OPERATOR, at=clock.now()
    )

    assert stage(robo) == "autonomous"
    assert changes()[-1]["reason"] == "Incident reported by operator the tests: INC-7"


# --- marks, evidence, summaries --------------------------------------------------------------


def test_people_mark_what_shadow_mode_denied(robo: Agent) -> None:
    at_stage(robo, Stage.SHADOW)
    right, wrong = cast.request(robo), cast.request(robo, target="other")

    suggestions.mark(ref=right.ref, person=cast.person("lin"), is_right=True, at=clock.now())
    suggestions.mark(
        ref=wrong.ref,
        person=cast.person("ada"),
        is_right=False,
        comment="Wrong cluster.",
        at=clock.now(),
    )

    held = autonomy.governing(robo, SCALING, at=clock.now())
    evidence = record.evidence(robo, SCALING, stage=held, at=clock.now())
    assert (evidence.agreement, evidence.false_positives) == (0.5, 1)
    assert evidence.incident_coverage == 1.0


def test_a_mark_is_counted_once_and_never_edited(robo: Agent) -> None:
    at_stage(robo, Stage.SHADOW)
    row, lin = cast.request(robo), cast.person("lin")
    for _ in range(2):
        suggestions.mark(ref=row.ref, person=lin, is_right=True, at=clock.now())

    with pytest.raises(errors.Conflict, match="never edited"):
        suggestions.mark(ref=row.ref, person=lin, is_right=False, comment="No.", at=clock.now())
    assert row.marks.count() == 1


def test_only_those_who_would_be_asked_mark_and_only_suggestions(robo: Agent) -> None:
    waiting = cast.request(robo)
    with pytest.raises(errors.Conflict, match="no suggestion"):
        suggestions.mark(ref=waiting.ref, person=cast.person("lin"), is_right=True, at=clock.now())
    at_stage(robo, Stage.SHADOW)
    row = cast.request(robo, target="other")
    for name, refusal in (("mallory", errors.NotAnApprover), ("sam", errors.OwnAgent)):
        with pytest.raises(refusal):
            suggestions.mark(ref=row.ref, person=cast.person(name), is_right=True, at=clock.now())
    with pytest.raises(errors.Invalid, match="what is wrong"):
        suggestions.mark(ref=row.ref, person=cast.person("lin"), is_right=False, at=clock.now())


def test_evidence_begins_with_the_stage(robo: Agent) -> None:
    cast.approved(robo)
    held = lower(robo, Stage.SUPERVISED)
    cast.approved(robo, target="other")

    assert record.evidence(robo, SCALING, stage=held, at=clock.now()).requests == 1
    assert record.evidence(robo, SCALING, stage=None, at=clock.now()).requests == 2


def test_the_class_for_all_holds_what_has_no_stage_of_its_own(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    cast.request(robo)
    cast.request(robo, **cast.LOW)

    assert record.evidence(robo, "*", stage=None, at=clock.now()).requests == 1


def test_the_summary_counts_what_happened(robo: Agent) -> None:
    start = clock.now()
    cast.decide(cast.request(robo), cast.person("lin"), Verdict.DENY, "No.")
    ran(cast.approved(robo, target="other"), OutcomeStatus.SUCCESS)
    cast.request(robo, **cast.LOW)
    cast.request(robo, **cast.FORBIDDEN)
    lower(robo, Stage.SHADOW)
    cast.request(robo, target="third")

    told = record.digest(robo, since=start, at=clock.now() + timedelta(seconds=1))

    assert (told["requests"], told["automatic"], told["asked"]) == (5, 1, 2)
    assert (told["approved_by_people"], told["denied_by_people"]) == (1, 1)
    assert told["refused_because"] == {"action_forbidden": 1, "shadow_mode": 1}
    assert told["outcomes"] == {"success": 1}
    assert told["actions"]["scale_deployment"] == 3
    assert [change["stage"] for change in told["stage_changes"]] == ["shadow"]


def test_preflight_knows_the_stage(robo: Agent) -> None:
    at_stage(robo, Stage.SHADOW)

    judged = asking.judge(agent=robo.name, submission=cast.submission(), at=clock.now())

    assert judged.reason_code == "shadow_mode"


# --- the edges -------------------------------------------------------------------------------


def test_an_action_outside_every_class_is_a_class_of_its_own(robo: Agent) -> None:
    lower(robo, Stage.SHADOW, "create_ticket")

    assert cast.request(robo, **cast.LOW).reason_code == "shadow_mode"
    assert cast.request(robo).status == "pending"


def test_old_evidence_raises_nothing(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    row = raised(robo, Stage.AUTONOMOUS)

    with pytest.raises(errors.Conflict, match="older than 7 days"):
        promotions.take_effect(row, at=clock.now() + timedelta(days=7, seconds=1))


def test_a_breaker_that_opened_meanwhile_raises_nothing(robo: Agent) -> None:
    at_stage(robo, Stage.SUPERVISED)
    row, now = raised(robo, Stage.AUTONOMOUS), clock.now()
    BreakerTrip.objects.create(
        agent=robo,
        policy="limits",
        kind=BreakerKind.ERROR_RATE,
        does=BreakerAction.PAUSE_AND_ALERT,
        words="Error rate 12 %.",
        opened_at=now,
        half_open_at=now,
    )

    with pytest.raises(errors.Conflict, match="a circuit breaker opened"):
        promotions.take_effect(row, at=clock.now())


def test_a_policy_may_spare_stages_from_breakers_and_incidents() -> None:
    robo = limits.everybody()
    limits.in_force("autonomy: {demote: {on_breaker: false, on_incident: false}}")
    at_stage(robo, Stage.AUTONOMOUS)

    assert autonomy.breaker_opened(agent=robo, words="Error rate 12 %.", at=clock.now()) == []
    row = cast.request(robo)
    lin = limits.somebody("lin")
    lifecycle.decide(ref=row.ref, person=lin, verdict=Verdict.APPROVE, at=clock.now())
    ran(row, OutcomeStatus.FAILURE)
    assert stage(robo) == "autonomous"


def test_an_incident_by_hand_has_a_reason_and_a_class(robo: Agent) -> None:
    at_stage(robo, Stage.FULL)
    for name, reason in ((None, " "), ("Scaling!", "INC-7")):
        with pytest.raises(errors.Invalid):
            autonomy.incident(
                agent=robo,
                action_class=name,
                reason=reason,
                actor=cast.OPERATOR,
                at=clock.now(),
            )
    assert stage(robo) == "full"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_many_who_lower_a_stage_at_once_one_does() -> None:
    robo, _ = cast.agent()
    heard: list[str] = []
    together = threading.Barrier(8)

    def lowers() -> None:
        try:
            together.wait(30)
            heard.append(lower(robo, Stage.SHADOW).stage)
        except errors.Conflict as refusal:
            heard.append(refusal.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=lowers) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(heard) == ["conflict"] * 7 + ["shadow"]
    assert AgentStage.objects.count() == 1


def test_a_breaker_that_opens_on_the_record_costs_a_stage() -> None:
    robo = limits.everybody()
    limits.in_force(
        "circuit_breakers: {error_rate: {threshold: 10%, window: 5m, minimum: 1, action: pause_and_alert}}"
    )
    at_stage(robo, Stage.AUTONOMOUS)
    now = clock.now()

    limits.report(limits.ask(robo, "scale_up", at=now, context={}), "failure", at=now)

    assert stage(robo) == "supervised"
    assert "error rate" in changes()[-1]["reason"].lower()
