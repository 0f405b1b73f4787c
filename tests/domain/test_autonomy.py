"""Stages of autonomy: what each lets pass, what none of them can, and what the figures say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.domain.autonomy import (
    Answer,
    Denied,
    Evidence,
    Record,
    fallen_below,
    one_down,
    weigh,
)  # fmt: skip
from approvals.domain.policy import autonomy
from approvals.domain.policy.autonomy import Demotion
from approvals.domain.policy.checks import Check, Layer, Result
from approvals.domain.policy.circumstances import Circumstances
from approvals.domain.policy.evaluate import Evaluation, evaluate
from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.policy.subject import Subject
from approvals.domain.terms import Approval, OutcomeStatus, RiskLevel, Stage
from tests.domain.scene import NOON
from tests.domain.test_policy import TEAM, matrix, rules, together

FULL = "  autonomy: {full: [scale_*, restart_*]}\n"
STAGES = [None, *Stage]


def judged(
    stage: Stage | None,
    *actions: str,
    section: str = "",
    action: str = "scale_up",
    by: str = "scaling_events",
    parameters: Mapping[str, Any] | None = None,
    **claims: Any,
) -> Evaluation:
    policy = together(TEAM, matrix(), rules(*actions) + section)
    stages = {by: stage} if stage else {}
    subject = Subject("robo", action, "production", parameters or {}, **claims)
    return evaluate(policy, subject, Circumstances(now=NOON, stages=stages))


def stage_check(evaluation: Evaluation) -> Check:
    [found] = [check for check in evaluation.checks if check.name is Layer.AUTONOMY]
    return found


LOW = "{name: scale_up, approval: auto, risk: low}"
MEDIUM = "{name: scale_up, approval: auto, risk: medium}"
ASKED = "{name: scale_up, approval: required, risk: medium}"
HIGH = "{name: scale_up, risk: high}"
FORBIDDEN = "{name: scale_up, approval: forbidden}"


@pytest.mark.parametrize(
    ("stage", "low", "medium", "asked", "high"),
    [
        (None, "auto", "auto", "required", "required"),
        (Stage.SHADOW, "forbidden", "forbidden", "forbidden", "forbidden"),
        (Stage.SUPERVISED, "auto", "required", "required", "required"),
        (Stage.AUTONOMOUS, "auto", "auto", "required", "required"),
        (Stage.FULL, "auto", "auto", "auto", "required"),
    ],
)
def test_each_stage_lets_pass_what_it_says(
    stage: Stage | None, low: str, medium: str, asked: str, high: str
) -> None:
    verdicts = [judged(stage, rule, section=FULL).verdict for rule in (LOW, MEDIUM, ASKED, HIGH)]

    assert verdicts == [low, medium, asked, high]


@pytest.mark.parametrize(
    ("rule", "would_be"), [(LOW, "auto"), (ASKED, "required"), (HIGH, "required")]
)
def test_shadow_mode_denies_and_says_what_would_have_been(rule: str, would_be: str) -> None:
    evaluation = judged(Stage.SHADOW, rule)

    assert (evaluation.reason_code, evaluation.plan) == ("shadow_mode", None)
    assert evaluation.would_be == would_be
    assert "never run" in stage_check(evaluation).words


def test_what_is_forbidden_anyway_is_not_denied_for_the_shadow() -> None:
    evaluation = judged(Stage.SHADOW, FORBIDDEN)

    assert (evaluation.reason_code, evaluation.would_be) == ("action_forbidden", "forbidden")


def test_without_a_shadow_nothing_would_have_been_otherwise() -> None:
    assert [judged(stage, ASKED).would_be for stage in STAGES if stage is not Stage.SHADOW] == [
        None
    ] * 4


def test_supervised_counts_the_effective_risk_not_the_rules() -> None:
    evaluation = judged(Stage.SUPERVISED, LOW, claimed=RiskLevel.MEDIUM)

    assert evaluation.verdict is Approval.REQUIRED
    assert "only low risk is automatic, and this is medium" in stage_check(evaluation).words


def test_a_supervised_ask_goes_to_the_people_of_the_matrix() -> None:
    plan = judged(Stage.SUPERVISED, MEDIUM).plan

    assert plan is not None
    assert plan.stages[0].teams(0) == ("leads",)


def test_full_frees_only_the_actions_that_a_policy_lists() -> None:
    rule = "{name: resize_disk, approval: required, risk: medium}"

    evaluation = judged(Stage.FULL, rule, section=FULL, action="resize_disk")

    assert evaluation.verdict is Approval.REQUIRED
    assert "no policy lists resize_disk" in stage_check(evaluation).words


def test_full_names_the_policy_that_lists_the_action() -> None:
    found = stage_check(judged(Stage.FULL, ASKED, section=FULL))

    assert (found.rule, found.file, found.line > 0) == ("p.autonomy", "p.yaml", True)


def test_full_does_not_lift_what_could_not_be_checked() -> None:
    unclassified = judged(Stage.FULL, "{name: other, risk: low}", section=FULL)
    untold = judged(
        Stage.FULL,
        "{name: scale_up, approval: auto, risk: low, conditions: [{maxReplicas: 5}]}",
        section=FULL,
    )

    assert [unclassified.verdict, untold.verdict] == [Approval.REQUIRED] * 2


def test_full_stays_within_every_other_layer() -> None:
    scope = FULL + "  scope: {excluded: [production]}\n"
    blast = FULL + "  blastRadius: {pods: 10}\n"

    assert judged(Stage.FULL, ASKED, section=scope).verdict is Approval.FORBIDDEN
    wide = judged(
        Stage.FULL,
        ASKED,
        section=blast,
        impact={"pods": 11},
        parameters={"from_replicas": 1, "to_replicas": 12},
    )
    assert wide.verdict is Approval.REQUIRED


def test_a_class_of_its_own_beats_the_stage_for_every_class() -> None:
    policy = together(TEAM, matrix(), rules(MEDIUM))
    stages = {"*": Stage.SHADOW, "scaling_events": Stage.AUTONOMOUS}

    now = Circumstances(now=NOON, stages=stages)

    assert evaluate(policy, Subject("robo", "scale_up", "x", {}), now).verdict is Approval.AUTO
    other = evaluate(policy, Subject("robo", "deploy_it", "x", {}), now)
    assert other.reason_code == "shadow_mode"


def test_autonomy_is_checked_between_the_rules_and_the_matrix() -> None:
    names = [check.name for check in judged(Stage.SUPERVISED, LOW).checks]

    assert names[-3:] == [Layer.RULE, Layer.AUTONOMY, Layer.MATRIX]


# --- laws ------------------------------------------------------------------------------------


@given(
    st.sampled_from([LOW, MEDIUM, ASKED, HIGH, FORBIDDEN]),
    st.sampled_from([None, *RiskLevel]),
    st.sampled_from(["", FULL]),
)
def test_a_lower_stage_never_lets_more_pass(
    rule: str, claimed: RiskLevel | None, section: str
) -> None:
    found = [judged(stage, rule, section=section, claimed=claimed).verdict.rank for stage in Stage]

    assert found == sorted(found, reverse=True)


@given(
    st.sampled_from(STAGES),
    st.sampled_from([LOW, MEDIUM, ASKED, HIGH, FORBIDDEN]),
    st.sampled_from([None, *RiskLevel]),
)
def test_above_medium_no_stage_makes_anything_automatic(
    stage: Stage | None, rule: str, claimed: RiskLevel | None
) -> None:
    evaluation = judged(stage, rule, section=FULL, claimed=claimed)

    if evaluation.effective.rank > RiskLevel.MEDIUM.rank:
        assert evaluation.verdict is not Approval.AUTO


# --- the section -----------------------------------------------------------------------------


def read(section: str) -> tuple[autonomy.AutonomyRules, ...]:
    policy = together(TEAM, matrix(), rules(LOW) + section)
    return tuple(each.autonomy for each in policy.policies if each.autonomy)


def test_the_section_is_read_with_its_defaults() -> None:
    [found] = read("  autonomy: {demote: {agreement_below: 95%, on_breaker: false}}\n")

    assert found.demotion == replace(Demotion(), agreement_below=0.95, on_breaker=False)
    assert autonomy.demotions([found]) == (found.demotion,)
    assert autonomy.demotions([]) == (Demotion(0.9, 20, True, True),)


@pytest.mark.parametrize(
    "section",
    [
        "autonomy: {}",
        "autonomy: {fool: [scale_*]}",
        "autonomy: {demote: {minimum: 0}}",
        "autonomy: {demote: {agreement_below: 120%}}",
        "autonomy: {demote: {on_breaker: 1}}",
    ],
)
def test_a_section_that_says_nothing_or_nonsense_is_refused(section: str) -> None:
    with pytest.raises(PolicyInvalid):
        read(f"  {section}\n")


def test_the_check_is_made_even_where_no_stage_is_set() -> None:
    found = stage_check(judged(None, LOW))

    assert (found.result, found.leads_to) == (Result.PASS, Approval.AUTO)


# --- the figures -----------------------------------------------------------------------------


def a_record(**facts: Any) -> Record:
    return Record(**{"ref": "REQ-1", "at": NOON, **facts})


def an_answer(agreed: bool = True, seconds: float = 60, reason: str = "") -> Answer:
    return Answer(agreed, "Lin", reason, timedelta(seconds=seconds))


def weighed(*records: Record) -> Evidence:
    return weigh(records, stage=Stage.SUPERVISED, since=NOON, until=NOON)


def test_without_records_no_figure_is_nought() -> None:
    figures = weighed().to_json()

    counts = {"requests": 0, "asked": 0, "decided": 0}
    assert {name: figures[name] for name in counts} == counts
    nothing = set(figures) - {*counts, "stage", "since", "until", "denials", "warnings"}
    assert {figures[name] for name in nothing} == {None}
    assert figures["warnings"] == [
        "Nobody decided anything at this stage yet: there is no evidence."
    ]


def test_nought_is_told_apart_from_nothing() -> None:
    fine = weighed(a_record(outcome=OutcomeStatus.SUCCESS, by_itself=True))
    untold = weighed(a_record(outcome=OutcomeStatus.FAILURE))

    assert (fine.customer_impact, fine.exception_rate) == (0, 0.0)
    assert (untold.customer_impact, untold.exception_rate) == (None, 1.0)
    assert (fine.agreement, fine.false_positives, fine.cost_per_incident) == (None, None, None)


def test_what_was_taken_back_counts_only_after_a_question() -> None:
    asked, withdrawn = a_record(questioned=True), a_record(withdrawn=True)
    both = a_record(questioned=True, withdrawn=True)

    assert weighed(withdrawn).taken_back is None
    assert weighed(asked).taken_back == 0
    assert weighed(asked, withdrawn, both).taken_back == 1


def test_the_figures_of_shadow_mode() -> None:
    marks = [True, True, False, None]
    incidents = [("INC-1",), (), (), ()]
    evidence = weighed(
        *(
            a_record(shadow=True, mark=mark, incidents=names)
            for mark, names in zip(marks, incidents, strict=True)
        )
    )

    assert evidence.agreement == pytest.approx(2 / 3, abs=1e-4)
    assert (evidence.decided, evidence.false_positives) == (3, 1)
    assert evidence.incident_coverage == 0.25


def test_the_figures_of_supervision() -> None:
    answers = [an_answer(seconds=10 * n) for n in range(1, 10)]
    answers.append(an_answer(agreed=False, seconds=100, reason="Not now."))
    evidence = weighed(
        *(
            a_record(
                ref=f"REQ-{n}",
                asked=True,
                answer=answer,
                escalated=n == 0,
                outcome=OutcomeStatus.FAILURE if n == 1 else OutcomeStatus.SUCCESS,
            )
            for n, answer in enumerate(answers[:-1])
        ),
        a_record(ref="REQ-9", asked=True, answer=answers[-1]),
    )

    assert (evidence.agreement, evidence.escalation_rate) == (0.9, 0.1)
    assert (evidence.turnaround_p50, evidence.turnaround_p90) == (50, 90)
    assert evidence.success_rate == pytest.approx(8 / 9, abs=1e-4)
    assert evidence.denials == (Denied("REQ-9", "Lin", "Not now."),)
    assert evidence.warnings == ()


def test_the_figures_of_autonomy() -> None:
    evidence = weighed(
        a_record(
            by_itself=True,
            incidents=("INC-1",),
            cost=30.0,
            outcome=OutcomeStatus.SUCCESS,
            outcome_after=timedelta(seconds=90),
        ),
        a_record(asked=True, incidents=("INC-1", "INC-2"), cost=10.0),
        a_record(by_itself=True, revoked=True, cost=500.0),
        a_record(
            by_itself=True, outcome=OutcomeStatus.SUCCESS, outcome_after=timedelta(seconds=30)
        ),
    )

    assert evidence.cost_per_incident == 20
    assert evidence.seconds_to_outcome == 60
    assert evidence.intervention_rate == 0.5


def test_the_figures_of_full_autonomy() -> None:
    evidence = weighed(
        a_record(by_itself=True, outcome=OutcomeStatus.SUCCESS, users=900),
        a_record(by_itself=True, outcome=OutcomeStatus.ROLLED_BACK, users=40),
        a_record(by_itself=True, outcome=OutcomeStatus.FAILURE, users=2),
        a_record(asked=True, open=True),
    )

    assert evidence.automation_rate == 0.25
    assert evidence.exception_rate == pytest.approx(2 / 3, abs=1e-4)
    assert evidence.customer_impact == 42


@pytest.mark.parametrize(("seconds", "weak"), [(4.9, True), (5, False)])
def test_decisions_too_quick_to_mean_anything_are_warned_of(seconds: float, weak: bool) -> None:
    evidence = weighed(*[a_record(asked=True, answer=an_answer(seconds=seconds))] * 3)

    assert ("weak evidence" in " ".join(evidence.warnings)) is weak


@pytest.mark.parametrize(
    ("yes", "no", "falls"), [(18, 2, False), (17, 3, True), (16, 3, False), (0, 19, False)]
)
def test_trust_falls_under_the_threshold_with_enough_decisions(
    yes: int, no: int, falls: bool
) -> None:
    answers = [True] * yes + [False] * no

    assert (fallen_below(answers, Demotion()) is not None) is falls


def test_below_shadow_there_is_nothing() -> None:
    assert [one_down(stage) for stage in Stage] == [
        Stage.SHADOW,
        Stage.SHADOW,
        Stage.SUPERVISED,
        Stage.AUTONOMOUS,
    ]
