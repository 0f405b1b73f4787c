"""The nearest change that spares people: tried before it is told, bounded, never around a denial."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from approvals.domain.policy import amendments, documents, nearest, quantities
from approvals.domain.policy.circumstances import Circumstances
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.evaluate import Evaluation, evaluate
from approvals.domain.policy.nearest import Change
from approvals.domain.policy.subject import subject_of
from approvals.domain.terms import Approval, Stage

POLICIES = Path(__file__).resolve().parents[2] / "policies"
NIGHT = Circumstances(now=datetime(2026, 3, 6, 21, 30, tzinfo=UTC))  # a Friday
GUARDED = """
apiVersion: guardrails.io/v1
kind: AgentPolicy
metadata: {name: guarded}
spec:
  actions:
    - {name: scale, approval: auto, conditions: [{maxReplicas: 20}, {maxPercentChange: 50}]}
    - {name: refund, approval: auto, when: "parameters.amount <= 500.0"}
    - {name: restart_pod, approval: auto}
    - {name: page_team, approval: auto, conditions: [{hours: "08:00-18:00"}, {days: mon-fri}]}
    - {name: notify, approval: auto, conditions: [{recipients: ["*@example.com"]}, {maxRecipients: 2}]}
    - {name: rollback, approval: required}
    - {name: erase, approval: forbidden}
    - {name: scale_down, risk: high}
  blastRadius: {pods: 10, costPerHourUsd: 100}
"""


def policy(text: str = GUARDED) -> PolicySet:
    """These rules, with the teams and the matrix of the default policy alone."""
    shipped = (POLICIES / "default.yaml").read_text().split("\n---\n")
    frame = "\n---\n".join(part for part in shipped if "kind: AgentPolicy" not in part)
    return documents.load({"frame.yaml": frame, "guarded.yaml": text})


SET = policy()


def a_body(action: str, **more: Any) -> dict[str, Any]:
    return {"action": action, "target": "web", "parameters": {}, **more}


def offered(body: dict[str, Any], now: Circumstances = NIGHT) -> tuple[Change, ...]:
    return nearest.changes(SET, "bot", body, now, judged(body, now))


def judged(body: dict[str, Any], now: Circumstances = NIGHT) -> Evaluation:
    return evaluate(SET, subject_of("bot", body), now)


def told(body: dict[str, Any], now: Circumstances = NIGHT) -> list[str]:
    return [change.words for change in offered(body, now)]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"from_replicas": 5, "to_replicas": 8}, "Ask for to_replicas 7 instead of 8."),
        ({"from_replicas": 16, "to_replicas": 24}, "Ask for to_replicas 20 instead of 24."),
        ({"from_replicas": 5, "to_replicas": 2}, "Ask for to_replicas 3 instead of 2."),
        ({"replicas": {"from": 5, "to": 8}}, "Ask for replicas.to 7 instead of 8."),
    ],
)
def test_the_number_nearest_to_what_is_asked_is_told(
    parameters: dict[str, Any], words: str
) -> None:
    assert told(a_body("scale", parameters=parameters)) == [words]


def test_what_an_expression_compares_is_found_too_to_the_hundredth() -> None:
    body = a_body("refund", parameters={"amount": 612.5, "customer_id": 7})

    assert told(body) == ["Ask for amount 500 instead of 612.5."]


def test_the_impact_is_only_told_where_no_parameter_decides_it() -> None:
    body = a_body("restart_pod", impact={"pods": 12})

    (change,) = offered(body)
    assert change.fields == {"impact.pods": 10}


def test_to_do_nothing_is_not_offered() -> None:
    parameters = {"from_replicas": 5, "to_replicas": 6}

    assert told(a_body("scale", parameters=parameters, impact={"pods": 11})) == [
        "Ask for impact.pods 10 instead of 11."
    ]
    assert told(a_body("scale", parameters={"from_replicas": 1, "to_replicas": 2})) == []


def test_another_hour_is_told_when_the_clock_is_against_it() -> None:
    (change,) = offered(a_body("page_team"))

    assert change.at == datetime(2026, 3, 9, 8, tzinfo=UTC)
    assert change.words == "Ask at 08:00 UTC on Mon 9 Mar."


def test_fewer_recipients_are_told_as_they_would_pass_together() -> None:
    sent = ["ann@example.com", "eve@elsewhere.org", "bob@example.com", "cat@example.com"]

    (change,) = offered(a_body("notify", recipients=sent))

    assert change.fields == {"recipients": ["ann@example.com", "bob@example.com"]}


def test_a_high_claim_is_lifted_together_with_the_number() -> None:
    parameters = {"from_replicas": 5, "to_replicas": 8}

    (change,) = offered(a_body("scale", parameters=parameters, risk="high"))

    assert change.fields == {"parameters.to_replicas": 7, "risk": "medium"}


def test_a_lower_claim_than_policy_computes_is_never_offered() -> None:
    assert not any("risk" in each.fields for each in offered(a_body("rollback", risk="low")))


def test_nothing_is_offered_around_a_denial() -> None:
    assert offered(a_body("erase", risk="critical", parameters={"count": 9})) == ()


def test_the_one_denial_that_asks_for_a_word_is_answered_with_it() -> None:
    (change,) = offered(a_body("restart_pod", data_classification="confidential"))

    assert change.fields == {"aggregated": True}
    assert offered(a_body("restart_pod", data_classification="restricted")) == ()


def test_what_passes_already_needs_no_change() -> None:
    assert offered(a_body("restart_pod")) == ()


# --- what a manager would change -------------------------------------------------------------


def wanted(body: dict[str, Any], now: Circumstances = NIGHT) -> list[str]:
    return list(amendments.wanted(SET, "bot", body, now, judged(body, now)))


def test_a_rule_that_would_do_is_told_after_it_was_tried() -> None:
    assert wanted(a_body("compress_logs")) == [
        "A policy rule for compress_logs with approval: auto."
    ]


def test_a_rule_that_asks_is_named_with_its_line() -> None:
    (words,) = wanted(a_body("rollback"))

    assert words.startswith("Another guarded.rollback (guarded.yaml:12).")


def test_a_stage_that_asks_is_named() -> None:
    supervised = replace(NIGHT, stages={"*": Stage.SUPERVISED})

    assert any("A higher stage of bot for restarts." in words
               for words in wanted(a_body("restart_pod"), supervised))  # fmt: skip


def test_above_medium_no_rule_helps_and_that_is_told() -> None:
    (words,) = wanted(a_body("scale_down"))

    assert words.startswith("Nothing in the request can: policy rates it high, and above medium")


# --- laws ------------------------------------------------------------------------------------

numbers = some.one_of(some.integers(-50, 2**60), some.floats(-10, 1e9, allow_nan=False))
leaves = some.one_of(numbers, some.booleans(), some.text(max_size=5), some.none())
names = some.sampled_from(["from_replicas", "to_replicas", "replicas", "amount", "to", "pods", "x"])
bodies = some.fixed_dictionaries(
    {
        "action": some.sampled_from(
            ["scale", "refund", "restart_pod", "page_team", "notify", "rollback", "erase", "odd"]
        ),
        "target": some.just("web"),
        "parameters": some.dictionaries(
            names, some.one_of(leaves, some.dictionaries(names, leaves, max_size=2)), max_size=4
        ),
    },
    optional={
        "impact": some.dictionaries(
            some.sampled_from(["pods", "replica_percent", "cost_per_hour_usd", "users"]),
            some.one_of(some.integers(0, 2**40), some.floats(0, 1e6)),
        ),
        "risk": some.sampled_from(["low", "medium", "high", "critical"]),
        "data_classification": some.sampled_from(["public", "internal", "confidential"]),
        "recipients": some.lists(
            some.sampled_from(["a@example.com", "b@example.com", "c@x.org"]), max_size=5
        ),
    },
)


@given(bodies)
def test_whatever_is_offered_passes_and_nothing_is_offered_around_a_denial(
    body: dict[str, Any],
) -> None:
    before, found = judged(body), offered(body)
    for change in found:
        now = replace(NIGHT, now=change.at) if change.at else NIGHT
        assert evaluate(SET, subject_of("bot", change.body), now).verdict is Approval.AUTO
        around = before.verdict is Approval.FORBIDDEN
        assert not around or change.fields == {"aggregated": True}
        assert not any("from" in path for path in change.fields)
    if not found:
        said = amendments.wanted(SET, "bot", body, NIGHT, before)
        assert bool(said) == (before.verdict is not Approval.AUTO)


class Counting(nearest.Trials):
    """Counts what is tried."""

    most = 0

    def passes(self, body: Any, *, at: datetime | None = None) -> bool:
        verdict = super().passes(body, at=at)
        Counting.most = max(Counting.most, nearest.MOST_TRIALS - self.left)
        return verdict


@given(bodies)
def test_no_request_is_tried_more_often_than_is_allowed(body: dict[str, Any]) -> None:
    trials = Counting(SET, "bot", body, NIGHT)
    asking = [each for each in judged(body).checks if each.leads_to is Approval.REQUIRED]
    for _ in range(3):
        nearest._numbers(body, asking, trials)

    assert trials.left >= 0
    assert Counting.most <= nearest.MOST_TRIALS < 64


def test_what_shrinks_with_next_to_nothing_stays_a_number() -> None:
    body = {"parameters": {"amount": 5e-324}, "impact": {"users": 7}}
    (amount,) = quantities.of(body, "parameters")
    assert amount.builder(body, anchor=0, spread=True)(0.01)["impact"] == {"users": 7}


@given(some.dictionaries(names, leaves, max_size=4))
def test_a_quantity_is_never_what_is_there_already(parameters: dict[str, Any]) -> None:
    found = quantities.of({"parameters": parameters}, "parameters")

    assert all(each.name != "from_replicas" for each in found)
    assert all(quantities.is_number(each.value) for each in found)


def test_the_larger_a_body_the_fewer_trials_it_gets() -> None:
    """Each trial reads all of it, so that many of a large one would keep a process for a minute."""
    few, many = (
        nearest.Trials(SET, "bot", a_body("scale", note=["word"] * count), NIGHT).left
        for count in (3_000, 30_000)
    )
    assert nearest.MOST_TRIALS > few > many
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"a": deep}
    assert nearest.Trials(SET, "bot", a_body("scale", note=deep), NIGHT).left == 0
    assert nearest.Trials(SET, "bot", a_body("scale"), NIGHT).left == nearest.MOST_TRIALS
