"""Laws of judging, held for documents and requests nobody thought of."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from approvals.domain.policy.circumstances import Circumstances, Count, Reported, Tripped
from approvals.domain.policy.documents import PolicySet, load
from approvals.domain.policy.evaluate import Evaluation, evaluate
from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.policy.subject import Subject, subject_of
from approvals.domain.terms import (
    Approval,
    BreakerAction,
    BreakerKind,
    OutcomeStatus,
    Phase,
    RiskLevel,
)
from tests.domain import reference

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ACTIONS = ("scale", "scale_up", "deploy", "notify_team", "view_logs", "drop_database")
GLOBS = (*ACTIONS, "scale*", "*", "view_*")
AGENTS = ("robo", "digger")
NAMESPACES = ("prod-shop", "prod-database-1", "test", "")
ASK = {"approval": "required", "approvers": [{"team": "leads"}], "timeout": "5m"}
AROUND: list[dict[str, Any]] = [
    {
        "apiVersion": "guardrails.io/v1",
        "kind": "Team",
        "metadata": {"name": "leads"},
        "spec": {"members": []},
    },
    {
        "apiVersion": "guardrails.io/v1",
        "kind": "RiskMatrix",
        "metadata": {"name": "m"},
        "spec": {"low": {"approval": "auto"}, "medium": ASK, "high": ASK, "critical": ASK},
    },
]

names = st.sampled_from(GLOBS)
conditions = st.lists(
    st.one_of(
        st.builds(lambda n: {"maxReplicas": n}, st.integers(0, 12)),
        st.builds(lambda n: {"maxPercentChange": n}, st.integers(1, 100)),
    ),
    max_size=2,
)


def _rule(name: str, approval: str | None, risk: str | None, limits: list[Any]) -> dict[str, Any]:
    rule: dict[str, Any] = {"name": name}
    if approval:
        rule["approval"] = approval
    if risk and not (approval == "auto" and risk in {"high", "critical"}):
        rule["risk"] = risk
    if len(rule) == 1:
        rule["approval"] = "required"
    return rule | ({"conditions": limits} if limits else {})


rules = st.builds(
    _rule,
    names,
    st.sampled_from([None, "auto", "auto", "required", "forbidden"]),
    st.sampled_from([None, *(level.value for level in RiskLevel)]),
    conditions,
)
scopes = st.fixed_dictionaries(
    {},
    optional={
        "namespaces": st.lists(st.sampled_from(["prod-*", "test", "*"]), min_size=1, max_size=2),
        "resources": st.lists(
            st.sampled_from(["deployments", "secrets (read-only)", "*"]), min_size=1, max_size=2
        ),
        "excluded": st.lists(st.sampled_from(["-database-", "payment*"]), min_size=1, max_size=1),
        "without_resource": st.lists(names, min_size=1, max_size=1),
    },
).filter(lambda scope: bool(scope.keys() - {"without_resource"}))
caps = st.fixed_dictionaries(
    {},
    optional={
        "pods": st.integers(0, 8),
        "replicaPercent": st.integers(1, 80),
        "costPerHourUsd": st.integers(1, 100),
        "users": st.integers(1, 1000),
    },
).filter(bool)
rates = st.one_of(
    st.builds(lambda n: {"rateLimits": {"actionsPerHour": n}}, st.integers(1, 8)),
    st.builds(
        lambda n, rest: {
            "rate_limits": {"scaling_events": {"max_per_hour": n, "cooldown_after_failure": rest}}
        },
        st.integers(1, 8),
        st.sampled_from(["10m", "30m"]),
    ),
)
sections = st.fixed_dictionaries(
    {},
    optional={
        "actions": st.lists(rules, min_size=1, max_size=4),
        "scope": scopes,
        "blastRadius": caps,
    },
)
agents = st.sampled_from([{}, {}, {"agents": ["robo"]}, {"agents": ["dig*"]}])
specs = st.builds(
    lambda a, b, c: a | b | c, agents, sections, st.one_of(st.just({}), rates)
).filter(lambda spec: bool(spec.keys() - {"agents"}))
restrictions = st.one_of(
    st.builds(lambda name: {"actions": [{"name": name, "approval": "forbidden"}]}, names),
    st.builds(lambda name: {"actions": [{"name": name, "approval": "required"}]}, names),
    st.builds(lambda scope: {"scope": scope}, scopes),
    st.builds(lambda cap: {"blastRadius": cap}, caps),
    rates,
)
numbers = st.one_of(st.none(), st.integers(0, 12), st.sampled_from([True, "many", 2.5]))


def _subject(
    agent: str,
    action: str,
    namespace: str,
    kind: str,
    claimed: str | None,
    before: Any,
    after: Any,
    pods: Any,
) -> Subject:
    submission: dict[str, Any] = {"action": action, "target": "shop", "parameters": {}}
    submission["resource"] = {"namespace": namespace, "type": kind}
    for name, value in (("from_replicas", before), ("to_replicas", after)):
        if value is not None:
            submission["parameters"][name] = value
    if isinstance(pods, int) and not isinstance(pods, bool):
        submission["impact"] = {"pods": pods}
    if claimed:
        submission["risk"] = claimed
    return subject_of(agent, submission)


subjects = st.builds(
    _subject,
    st.sampled_from(AGENTS),
    st.sampled_from(ACTIONS),
    st.sampled_from(NAMESPACES),
    st.sampled_from(["deployment", "Secrets", ""]),
    st.sampled_from([None, *(level.value for level in RiskLevel)]),
    numbers,
    numbers,
    numbers,
)
counts = st.dictionaries(
    st.sampled_from(ACTIONS),
    st.builds(
        lambda hour, more: Count(hour=hour, day=hour + more), st.integers(0, 8), st.integers(0, 4)
    ),
    max_size=3,
)
trips = st.lists(
    st.sampled_from([*zip(BreakerKind, BreakerAction, strict=True)]).map(
        lambda pair: Tripped("p", pair[0], pair[1], Phase.OPEN, NOON, "tripped")
    ),
    max_size=1,
)
reports = st.lists(
    st.builds(
        lambda action, minutes: Reported(
            action, OutcomeStatus.FAILURE, NOON - timedelta(minutes=minutes)
        ),
        st.sampled_from(ACTIONS),
        st.integers(0, 40),
    ),
    max_size=2,
)
moments = st.builds(
    lambda passed, tripped, reported: Circumstances(
        NOON, passed=passed, tripped=tuple(tripped), reported=tuple(reported)
    ),
    counts,
    trips,
    reports,
)


def documents(written: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return AROUND + [
        {
            "apiVersion": "guardrails.io/v1",
            "kind": "AgentPolicy",
            "metadata": {"name": f"p{number}"},
            "spec": spec,
        }
        for number, spec in enumerate(written)
    ]


class Spelt(yaml.SafeDumper):
    """Writes everything out: a policy has no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def written_out(all_documents: list[dict[str, Any]]) -> str:
    return yaml.dump_all(all_documents, Dumper=Spelt, sort_keys=False)


def together(all_documents: list[dict[str, Any]]) -> PolicySet:
    return load({"p.yaml": written_out(all_documents)})


def compatible(all_documents: list[dict[str, Any]]) -> PolicySet:
    """A set whose rules contradict one another is no policy at all, and judges nothing."""
    try:
        return together(all_documents)
    except PolicyInvalid as error:
        assume("forbid" not in str(error))
        raise


policies = st.lists(specs, max_size=3)


def shape(evaluation: Evaluation) -> tuple[Any, ...]:
    """What must not depend on where a rule stands."""
    return (
        evaluation.verdict,
        evaluation.reason_code,
        evaluation.computed,
        evaluation.effective,
        evaluation.plan,
        sorted((check.name, check.result, check.leads_to) for check in evaluation.checks),
    )


@given(policies, subjects, moments)
def test_nothing_passes_that_a_plain_reading_would_ask(
    written: list[dict[str, Any]], subject: Subject, now: Circumstances
) -> None:
    all_documents = documents(written)
    expected = reference.verdict(all_documents, subject, now)
    assert evaluate(compatible(all_documents), subject, now).verdict == expected


@given(policies, restrictions, subjects, moments)
def test_a_restriction_only_ever_restricts(
    written: list[dict[str, Any]], more: dict[str, Any], subject: Subject, now: Circumstances
) -> None:
    before = evaluate(compatible(documents(written)), subject, now)
    after = evaluate(compatible(documents([*written, more])), subject, now)
    assert after.verdict.rank >= before.verdict.rank


@given(policies, subjects, moments, st.randoms(use_true_random=False))
def test_the_order_of_documents_means_nothing(
    written: list[dict[str, Any]], subject: Subject, now: Circumstances, chance: random.Random
) -> None:
    all_documents = documents(written)
    shuffled = chance.sample(all_documents, len(all_documents))
    files = {f"{number}.yaml": written_out([each]) for number, each in enumerate(shuffled)}
    expected = shape(evaluate(compatible(all_documents), subject, now))
    assert shape(evaluate(load(files), subject, now)) == expected


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
submissions = st.fixed_dictionaries(
    {
        "action": st.sampled_from(ACTIONS) | st.text(min_size=1, max_size=20),
        "target": st.text(min_size=1, max_size=20),
        "parameters": st.dictionaries(
            st.sampled_from(["from_replicas", "to_replicas", "replicas", "cost"])
            | st.text(max_size=5),
            anything,
            max_size=4,
        ),
    },
    optional={
        "reasoning": st.text(max_size=40),
        "impact": st.dictionaries(
            st.sampled_from(["pods", "users", "replica_percent", "cost_per_hour_usd"]),
            st.integers() | st.floats(allow_nan=False),
            max_size=3,
        ),
        "risk": st.sampled_from([level.value for level in RiskLevel]),
        "data_classification": st.sampled_from(
            ["public", "internal", "confidential", "restricted"]
        ),
        "aggregated": st.booleans(),
        "recipients": st.lists(st.text(max_size=20), max_size=3),
        "context": st.dictionaries(st.text(max_size=5), anything, max_size=2),
        "resource": st.fixed_dictionaries({}, optional={"namespace": st.text(), "type": st.text()}),
    },
)


@given(policies, submissions, moments)
def test_whatever_is_asked_has_an_answer_and_always_the_same(
    written: list[dict[str, Any]], submission: dict[str, Any], now: Circumstances
) -> None:
    policy = compatible(documents(written))
    subject = subject_of("robo", submission)
    once = evaluate(policy, subject, now)
    assert once.verdict in Approval
    assert once == evaluate(policy, subject, now)
    assert (once.plan is None) == (once.verdict is Approval.FORBIDDEN)
