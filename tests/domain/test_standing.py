"""Standing grants: what they answer, what they never do, and how closely they fit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.domain.policy import standing
from approvals.domain.policy.checks import Layer
from approvals.domain.policy.circumstances import Circumstances, Standing
from approvals.domain.policy.evaluate import Evaluation, evaluate
from approvals.domain.policy.subject import Subject
from approvals.domain.terms import Approval, Basis, DataClass, RiskLevel, Stage
from tests.domain.scene import NOON, minutes
from tests.domain.test_policy import TEAM, matrix, rules, together

ASKED = "{name: scale_up, approval: required, risk: medium}"
GRANT = Standing(
    ref="SG-1",
    action="scale_up",
    target="production",
    bounds={"service": {"equals": "api"}, "to_replicas": {"least": 5, "most": 8}},
    uses_left=2,
    expires_at=minutes(60),
    given_by="Lin",
    most_uses=3,
    impact={"pods": 3},
    namespace="prod",
    recipients=("ops@example.com",),
)
SUBJECT = Subject(
    "robo",
    "scale_up",
    "production",
    {"service": "api", "to_replicas": 8},
    impact={"summary": "Whatever it says", "pods": 3},
    namespace="prod",
    recipients=("ops@example.com",),
)


def judged(
    *actions: str,
    subject: Subject = SUBJECT,
    section: str = "",
    grants: tuple[Standing, ...] = (GRANT,),
    **known: Any,
) -> Evaluation:
    policy = together(TEAM, matrix(), rules(*(actions or (ASKED,))) + section)
    return evaluate(policy, subject, Circumstances(now=NOON, standing=grants, **known))


def test_a_grant_answers_what_a_rule_and_the_matrix_ask() -> None:
    evaluation = judged()

    assert (evaluation.verdict, evaluation.basis) == (Approval.AUTO, Basis.STANDING_GRANT)
    assert (evaluation.standing, evaluation.reason_code) == ("SG-1", "standing_grant")
    last = evaluation.checks[-1]
    assert last.name is Layer.STANDING
    assert last.words == (
        "Covered by standing grant SG-1 of Lin: use 2 of 3, until 02 Mar 2026 13:00 UTC."
    )
    assert judged(grants=()).verdict is Approval.REQUIRED


def test_a_grant_answers_an_action_nobody_classified() -> None:
    assert judged("{name: other, risk: low}").basis is Basis.STANDING_GRANT


def test_a_grant_answers_supervision_and_the_blast_radius() -> None:
    caps = "  blastRadius: {pods: 2}\n"

    assert judged(section=caps).basis is Basis.STANDING_GRANT
    assert judged(stages={"*": Stage.SUPERVISED}).basis is Basis.STANDING_GRANT


def test_what_needs_no_answer_uses_no_grant() -> None:
    evaluation = judged("{name: scale_up, approval: auto, risk: low}")

    assert (evaluation.verdict, evaluation.basis) == (Approval.AUTO, Basis.POLICY)
    assert evaluation.standing == ""


def test_a_grant_never_answers_a_refusal() -> None:
    forbidden = judged("{name: scale_up, approval: forbidden}")
    shadowed = judged(stages={"*": Stage.SHADOW})

    assert (forbidden.verdict, forbidden.standing) == (Approval.FORBIDDEN, "")
    assert (shadowed.reason_code, shadowed.standing) == ("shadow_mode", "")
    assert shadowed.would_be is Approval.AUTO


def test_a_grant_never_answers_what_another_layer_asks() -> None:
    unplaced = replace(SUBJECT, namespace="")
    open_grant = replace(GRANT, namespace="")
    scope = "  scope: {namespaces: [prod]}\n"

    evaluation = judged(subject=unplaced, section=scope, grants=(open_grant,))

    assert evaluation.verdict is Approval.REQUIRED
    internal = replace(SUBJECT, data_class=DataClass.INTERNAL)
    section = "  dataClassification: {scan: [names]}\n"
    fitting = replace(GRANT, data_class=DataClass.INTERNAL)
    asked = judged(subject=internal, section=section, grants=(fitting,))
    assert asked.verdict is Approval.REQUIRED


def test_a_grant_ends_at_medium_risk() -> None:
    high = judged("{name: scale_up, risk: high}")
    claimed = judged(subject=replace(SUBJECT, claimed=RiskLevel.HIGH))

    assert [high.verdict, claimed.verdict] == [Approval.REQUIRED] * 2


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"parameters": {"service": "api", "to_replicas": 9}}, "to_replicas is more than 8"),
        ({"parameters": {"service": "api", "to_replicas": 4}}, "to_replicas is less than 5"),
        ({"parameters": {"service": "api", "to_replicas": True}}, "to_replicas is no number"),
        ({"parameters": {"service": "api", "to_replicas": "8"}}, "to_replicas is no number"),
        ({"parameters": {"service": "API", "to_replicas": 8}}, "service differs"),
        ({"parameters": {"to_replicas": 8}}, "the parameter service is missing"),
        (
            {"parameters": {"service": "api", "to_replicas": 8, "force": True}},
            "the parameter force is new",
        ),
        ({"impact": {"pods": 4}}, "its impact states more pods than was approved"),
        ({"impact": {"users": 1}}, "its impact states more users than was approved"),
        ({"namespace": "prod-2"}, "the resource is another one"),
        ({"resource_type": "secrets"}, "the resource is another one"),
        ({"data_class": DataClass.INTERNAL}, "the data are of another class"),
        ({"recipients": ("eve@example.com",)}, "it names other recipients"),
    ],
)
def test_whatever_is_wider_is_asked_and_told_why(changes: dict[str, Any], why: str) -> None:
    evaluation = judged(subject=replace(SUBJECT, **changes))

    assert evaluation.verdict is Approval.REQUIRED
    assert evaluation.checks[-1].words == f"Standing grant SG-1 does not cover this: {why}."


@pytest.mark.parametrize(
    "parameters",
    [
        {"service": "api", "to_replicas": float("nan")},
        {"service": "api", "to_replicas": float("inf")},
        {"service": "api", "to_replicas": None},
        {"service": "api", "to_replicas": [8]},
    ],
)
def test_numbers_that_are_none_are_not_covered(parameters: dict[str, Any]) -> None:
    assert judged(subject=replace(SUBJECT, parameters=parameters)).verdict is Approval.REQUIRED


def test_bounds_that_bound_nothing_cover_nothing() -> None:
    unbounded: list[dict[str, Any]] = [{}, {"most": None}, {"least": 1}, {"most": 8, "least": "1"}]
    for bound in unbounded:
        grant = replace(GRANT, bounds={**GRANT.bounds, "to_replicas": bound})
        assert judged(grants=(grant,)).verdict is Approval.REQUIRED


def test_what_is_no_json_is_the_same_as_nothing() -> None:
    assert standing.same({"a": [1]}, {"a": [1]})
    assert not standing.same({1, 2}, {1, 2})


def test_a_grant_for_another_action_is_not_even_mentioned() -> None:
    evaluation = judged(grants=(replace(GRANT, action="scale_down"),))

    assert evaluation.verdict is Approval.REQUIRED
    assert evaluation.checks[-1].name is Layer.MATRIX


def test_one_and_true_are_not_the_same_parameter() -> None:
    grant = replace(GRANT, bounds={"force": {"equals": 1}})
    asked = replace(SUBJECT, parameters={"force": True})

    assert judged(subject=asked, grants=(grant,)).verdict is Approval.REQUIRED


def test_a_grant_is_over_with_its_time_and_its_uses() -> None:
    assert judged(grants=(replace(GRANT, expires_at=NOON),)).verdict is Approval.REQUIRED
    assert judged(grants=(replace(GRANT, uses_left=0),)).verdict is Approval.REQUIRED
    almost = replace(GRANT, expires_at=NOON + timedelta(microseconds=1), uses_left=1)
    assert judged(grants=(almost,)).verdict is Approval.AUTO


def test_of_two_grants_the_one_that_ends_first_is_used_in_any_order() -> None:
    later = replace(GRANT, ref="SG-0", expires_at=minutes(90))

    assert judged(grants=(GRANT, later)).standing == "SG-1"
    assert judged(grants=(later, GRANT)).standing == "SG-1"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["service", "to_replicas", "force"]), json_values))
def test_nothing_outside_the_bounds_is_ever_automatic(parameters: dict[str, Any]) -> None:
    """The bounds once more, as plainly as they can be said."""
    value = parameters.get("to_replicas")
    inside = (
        set(parameters) == {"service", "to_replicas"}
        and parameters["service"] == "api"
        and type(value) in (int, float)
        and 5 <= value <= 8  # type: ignore[operator]  # known to be a number by then
    )

    verdict = judged(subject=replace(SUBJECT, parameters=parameters)).verdict

    assert verdict is (Approval.AUTO if inside else Approval.REQUIRED)
