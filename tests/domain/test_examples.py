"""Examples beside policies: what is expected, and what came instead, with the line that says so."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.domain.policy import examples
from approvals.domain.policy.documents import load
from approvals.domain.policy.examples import Example, Tried
from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.terms import Phase, Stage

POLICIES = Path(__file__).resolve().parents[2] / "policies"
DEFAULT = load({"default.yaml": (POLICIES / "default.yaml").read_text()})


def one(text: str) -> Example:
    [example] = examples.read("a.test.yaml", text)
    return example


def tried(text: str) -> Tried:
    [result] = examples.run(DEFAULT, [one(text)])
    return result


def refusal(text: str) -> str:
    with pytest.raises(PolicyInvalid) as refused:
        examples.read("a.test.yaml", text)
    return str(refused.value)


SHIPPED = examples.read("default.test.yaml", (POLICIES / "default.test.yaml").read_text())


@pytest.mark.parametrize(
    "result", list(examples.run(DEFAULT, SHIPPED)), ids=lambda each: each.example.name
)
def test_the_default_policy_judges_as_its_own_examples_say(result: Tried) -> None:
    assert [str(miss) for miss in result.misses] == []


def test_enough_examples_are_shipped() -> None:
    assert len(SHIPPED) >= 15
    assert {
        each.wanted for example in SHIPPED for each in example.expected if each.what == "verdict"
    } == {
        "auto",
        "required",
        "forbidden",
    }


def test_what_came_instead_is_told_with_the_line_of_the_expectation() -> None:
    result = tried(
        "- name: a migration\n"
        "  request: {action: database_migration}\n"
        "  expect:\n"
        "    verdict: auto\n"
        "    risk: critical\n"
        "    asked: [managers, change-board]\n"
        "    check: {risk_matrix: pass, scope: fail}\n"
    )
    assert [str(miss) for miss in result.misses] == [
        "a.test.yaml:4: verdict is required, not auto",
        "a.test.yaml:6: asked is [change-board], not [change-board, managers]",
        "a.test.yaml:7: check scope is not made, not fail",
    ]
    assert not result.is_well


@pytest.mark.parametrize(
    ("status", "action"),
    [("approved", "create_ticket"), ("pending", "restart_pod"), ("denied", "drop_database")],
)
def test_a_status_is_a_verdict_by_another_name(status: str, action: str) -> None:
    assert tried(
        f"- {{name: x, request: {{action: {action}}}, expect: {{status: {status}}}}}"
    ).is_well


def test_a_request_is_read_as_a_submission_would_be() -> None:
    subject = one(
        "- name: all\n"
        "  request: {agent: robo, action: scale, target: shop, risk: high,\n"
        "    parameters: {share: 0.5, text: '0.5', n: [1, true]},\n"
        "    impact: {pods: 3, cost_per_hour_usd: 45.5}, resource: {namespace: prod, type: pods},\n"
        "    data_classification: confidential, aggregated: true, recipients: [a@b.c], reasoning: Why.}\n"
        "  expect: {verdict: required}\n"
    ).subject
    assert subject.agent == "robo"
    assert subject.parameters == {"share": 0.5, "text": "0.5", "n": [1, True]}
    assert subject.impact == {"pods": 3, "cost_per_hour_usd": 45.5}
    assert (subject.namespace, subject.aggregated, subject.recipients) == ("prod", True, ("a@b.c",))
    assert subject.claimed == "high"


def test_what_is_given_is_what_the_service_would_know() -> None:
    now = one(
        "- name: all\n"
        "  request: {action: scale}\n"
        "  given:\n"
        "    now: 2026-03-02T09:30:00Z\n"
        "    stage: supervised\n"
        "    passed: {scale: {hour: 9, day: 12}}\n"
        "    sent: [{action: send_mail, recipient: a@b.c, day: 5}]\n"
        "    reported: [{action: scale, status: failure, ago: 10m}]\n"
        "    breakers: [{policy: limits, kind: error_rate, phase: half_open}]\n"
        "    denied: true\n"
        "    history: {count: 12}\n"
        "  expect: {verdict: required}\n"
    ).given
    assert now.now.isoformat() == "2026-03-02T09:30:00+00:00"
    assert now.stages == {"*": Stage.SUPERVISED}
    assert (now.passed["scale"].hour, now.passed["scale"].day) == (9, 12)
    assert now.sent[0].day == 5
    assert now.now - now.reported[0].at == timedelta(minutes=10)
    assert now.tripped[0].phase is Phase.HALF_OPEN
    assert now.denied is not None
    assert now.history == {"count": 12}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- {request: {action: a}, expect: {verdict: auto}}", "a.test.yaml:1:3: "),
        ("- {name: x, request: {}, expect: {verdict: auto}}", "'action' is missing"),
        ("- {name: x, request: {action: a}, expect: {}}", "expect something"),
        ("- {name: x, request: {action: a}, expect: {verdikt: auto}}", "'verdict'"),
        ("- {name: x, request: {action: a}, expect: {verdict: yes}}", "not known here"),
        ("- {name: x, request: {actoin: a}, expect: {verdict: auto}}", "'action'"),
        ("- {name: x, request: {action: a}, expect: {check: {skope: fail}}}", "'scope'"),
        (
            "- {name: x, request: {action: a, impact: {pods: many}}, expect: {verdict: auto}}",
            "number",
        ),
        (
            "- {name: x, request: {action: a, parameters: {n: .inf}}, expect: {verdict: auto}}",
            "JSON",
        ),
        (
            "- {name: x, request: {action: a}, given: {now: soon}, expect: {verdict: auto}}",
            "moment",
        ),
        (
            "- {name: x, request: {action: a}, given: {stage: top}, expect: {verdict: auto}}",
            "shadow",
        ),
        ("name: x", "list"),
        ("", "empty"),
        ("- &a 1\n- *a", "anchors"),
    ],
)
def test_what_cannot_be_an_example_is_refused_by_its_place(text: str, words: str) -> None:
    assert words in refusal(text)


@given(st.text(max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    with contextlib.suppress(PolicyInvalid):
        examples.read("a.test.yaml", text)
