"""The blast radius: over a cap a person is asked, never silently passed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.domain.policy import blast
from approvals.domain.policy.checks import Check, Result
from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.policy.subject import Subject
from approvals.domain.terms import Approval
from tests.domain.asked import NOW, asked, impacts, parameters, scaled, written

MISSION = "{pods: 10, replicaPercent: 25, costPerHourUsd: 100, users: 1000}"


def looked_at(subject: Subject, *sections: str) -> list[Check]:
    found = [
        blast.read(written(text), policy=f"p{number}") for number, text in enumerate(sections, 1)
    ]
    return blast.check(found, subject, NOW)


def leads_to(subject: Subject, *sections: str) -> Approval:
    return Approval.strictest(*(check.leads_to for check in looked_at(subject, *sections)))


@pytest.mark.parametrize(
    ("figure", "below", "edge", "above"),
    [
        ("pods", 9, 10, 11),
        ("replica_percent", 24, 25, 25.01),
        ("cost_per_hour_usd", 99.5, 100, 100.5),
        ("users", 999, 1000, 1001),
    ],
)
def test_each_cap_at_its_edge(figure: str, below: float, edge: float, above: float) -> None:
    for amount, verdict in ((below, "auto"), (edge, "auto"), (above, "required")):
        assert leads_to(asked("restart_pods", impact={figure: amount}), MISSION) == verdict


def test_parameters_are_worked_out_and_said_in_words() -> None:
    check = next(c for c in looked_at(scaled(5, 8), MISSION) if c.result is Result.FAIL)
    assert check.words == "8 replicas from 5 is +60 %, at most 25 %."
    assert dict(check.values) == {"replica_percent": 60.0, "most": 25}
    assert (check.rule, check.file, check.line) == ("p1.blast_radius", "p.yaml", 1)


def test_the_smallest_cap_of_several_policies_counts_whatever_their_order() -> None:
    wide, narrow = "{pods: 10}", "{max_pods: 3}"
    for sections in ((wide, narrow), (narrow, wide)):
        (check,) = looked_at(asked("restart_pods", impact={"pods": 4}), *sections)
        assert (check.leads_to, check.values["most"]) == (Approval.REQUIRED, 3)


def test_what_is_not_stated_is_not_over_the_cap() -> None:
    checks = looked_at(asked("restart_pods"), MISSION)
    assert len(checks) == 4
    assert {check.result for check in checks} == {Result.PASS}


def test_a_scaling_that_does_not_say_how_much_could_not_be_checked() -> None:
    assert looked_at(asked("scale_up"), MISSION)[-1].result is Result.COULD_NOT_CHECK
    assert leads_to(asked("scale_up"), "{users: 5}") == Approval.AUTO


@pytest.mark.parametrize(
    ("given_parameters", "impact"),
    [
        ({"to_replicas": 500}, {}),
        ({"to_replicas": 500, "percent": 1}, {}),
        ({"to_replicas": 500, "delta": 1}, {}),
        ({"to_replicas": 500, "instances": []}, {}),
        ({"to_replicas": 500, "pods": 0}, {}),
        ({"to_replicas": 500}, {"pods": 0, "replica_percent": 0}),
        ({"instances": []}, {}),
        ({"percent": 25}, {}),
        ({}, {"pods": 2, "replica_percent": 2}),
    ],
)
def test_a_scaling_is_not_made_small_by_what_else_it_says(
    given_parameters: dict[str, Any], impact: dict[str, Any]
) -> None:
    subject = asked("scale_up", parameters=given_parameters, impact=impact)
    assert leads_to(subject, "{pods: 10}") == Approval.REQUIRED
    assert leads_to(subject, MISSION) == Approval.REQUIRED


def test_each_cap_on_a_scaling_is_judged_alone() -> None:
    assert leads_to(asked("scale", parameters={"percent": 25}), "{replicaPercent: 25}") == "auto"
    assert leads_to(asked("scale", parameters={"delta": 2}), "{pods: 2}") == "auto"
    unsure = looked_at(asked("scale", parameters={"delta": 2}), "{pods: 2, replicaPercent: 25}")
    assert [check.values["most"] for check in unsure if check.leads_to != "auto"] == [25]
    assert leads_to(scaled(8, 10), MISSION) == "auto"


@pytest.mark.parametrize("figure", ["pods", "replica_percent", "cost_per_hour_usd", "users"])
def test_what_is_stated_but_cannot_be_read_could_not_be_checked(figure: str) -> None:
    checks = looked_at(asked("restart_pods", impact={figure: "few"}), MISSION)
    assert [check.result for check in checks].count(Result.COULD_NOT_CHECK) == 1


def test_one_figure_within_the_cap_does_not_speak_for_another_that_cannot_be_read() -> None:
    (check,) = looked_at(
        asked("restart_pods", parameters={"pods": "x"}, impact={"pods": 2}), "{pods: 3}"
    )
    assert check.result is Result.COULD_NOT_CHECK
    (check,) = looked_at(
        asked("restart_pods", parameters={"pods": "x"}, impact={"pods": 4}), "{pods: 3}"
    )
    assert check.result is Result.FAIL


def test_growing_from_nothing_is_asked_about() -> None:
    unsure = [c for c in looked_at(scaled(0, 3), MISSION) if c.leads_to is Approval.REQUIRED]
    assert [c.words for c in unsure] == [
        "From 0 replicas a percentage cannot be told, at most 25 %."
    ]


def test_both_forms_of_the_section_mean_the_same() -> None:
    plain = "{max_pods: 10, max_replica_percent: 25%, max_cost_per_hour_usd: 100, max_users: 1000}"
    one, other = (blast.read(written(text), policy="p") for text in (MISSION, plain))
    assert one == other


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{}", "say at least one of"),
        ("{pod: 3}", "did you mean 'pods'"),
        ("{pods: 3, max_pods: 4}", "says again"),
        ("{pods: -1}", "at least 0"),
        ("{pods: many}", "at least 0"),
        ("{pods: true}", "at least 0"),
        ("{replicaPercent: 25 percent}", "a percentage"),
        ("{users: [1]}", "at least 0"),
        ("[pods]", "a mapping"),
    ],
)
def test_a_section_that_cannot_be_meant_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(PolicyInvalid, match=complaint):
        blast.read(written(text), policy="p")


@given(
    given_parameters=parameters,
    impact=impacts,
    figure=st.sampled_from(["pods", "replicaPercent", "costPerHourUsd", "users"]),
    caps=st.tuples(st.integers(0, 60), st.integers(0, 60)),
)
def test_a_smaller_cap_never_asks_less(
    given_parameters: Any, impact: Any, figure: str, caps: tuple[int, int]
) -> None:
    for action in ("scale", "restart_pods", "send_mail"):
        subject = asked(action, parameters=given_parameters, impact=impact)
        small, large = (leads_to(subject, f"{{{figure}: {cap}}}") for cap in sorted(caps))
        assert small.rank >= large.rank
