"""Every figure the guardrails promise, at its edge, below it and above it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from approvals.domain.policy.circumstances import Circumstances, Count, Reported, Sent, Tripped
from approvals.domain.policy.documents import PolicySet, load
from approvals.domain.policy.evaluate import Evaluation, evaluate
from approvals.domain.policy.subject import subject_of
from approvals.domain.terms import BreakerAction, BreakerKind, OutcomeStatus, Phase

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DEFAULT = {"default.yaml": (ROOT / "policies/default.yaml").read_text()}


def policy(*names: str) -> PolicySet:
    """The default policy with some of the examples beside it."""
    files = {name: (ROOT / "examples/policies" / name).read_text() for name in names}
    return load(DEFAULT | files)


def judged(
    rules: PolicySet,
    action: str,
    *,
    agent: str = "robo",
    now: Circumstances | None = None,
    **changes: Any,
) -> Evaluation:
    submission = {"action": action, "target": "shop", "parameters": {}} | changes
    return evaluate(rules, subject_of(agent, submission), now or Circumstances(NOON))


def passed(action: str, window: str, number: int) -> Circumstances:
    hour = number if window == "hour" else 0
    return Circumstances(NOON, passed={action: Count(hour=hour, day=number)})


# --- layer 1: scope ----------------------------------------------------------------------------

SCOPED = policy("scope.yaml", "actions.yaml")


def touching(
    namespace: str, kind: str, action: str = "scale_up", target: str = "shop"
) -> Evaluation:
    resource = {"namespace": namespace, "type": kind}
    return judged(SCOPED, action, agent="deployment-bot", resource=resource, target=target, **SMALL)


SMALL: Mapping[str, Any] = {"parameters": {"from_replicas": 8, "to_replicas": 9}}


@pytest.mark.parametrize(
    ("namespace", "kind", "action", "target", "verdict", "reason"),
    [
        ("production-app-a", "deployments", "scale_up", "shop", "auto", ""),
        ("production-app-b", "configmaps", "restart_pod", "shop", "auto", ""),
        ("production-app-c", "deployments", "scale_up", "shop", "forbidden", "out_of_scope"),
        ("production-app-a", "services", "scale_up", "shop", "forbidden", "out_of_scope"),
        ("production-app-a", "secrets", "read_secret", "shop", "auto", ""),
        ("production-app-a", "secrets", "scale_up", "shop", "forbidden", "read_only"),
        ("production-app-a", "deployments", "scale_up", "main-database-1", "forbidden", "excluded"),
        ("production-app-a", "deployments", "scale_up", "eu-payment-api", "forbidden", "excluded"),
        ("", "deployments", "scale_up", "shop", "required", ""),
    ],
)
def test_scope(
    namespace: str, kind: str, action: str, target: str, verdict: str, reason: str
) -> None:
    evaluation = touching(namespace, kind, action, target)
    assert evaluation.verdict == verdict
    assert not reason or evaluation.reason_code == reason


@pytest.mark.parametrize(
    ("data_class", "aggregated", "reasoning", "action", "verdict"),
    [
        ("public", False, "", "restart_pod", "auto"),
        ("internal", False, "", "view_logs", "auto"),
        ("internal", False, "", "restart_pod", "required"),
        ("confidential", True, "47 customers are affected.", "view_logs", "auto"),
        ("confidential", False, "47 customers are affected.", "view_logs", "forbidden"),
        ("confidential", True, "Ask Maria Schmidt, maria@example.com", "view_logs", "forbidden"),
        ("restricted", True, "", "view_logs", "forbidden"),
    ],
)
def test_data_classes(
    data_class: str, aggregated: bool, reasoning: str, action: str, verdict: str
) -> None:
    rules = policy("actions.yaml")
    evaluation = judged(
        rules, action, data_classification=data_class, aggregated=aggregated, reasoning=reasoning
    )
    assert evaluation.verdict == verdict


# --- layer 2: action limits --------------------------------------------------------------------

LISTS = {
    "auto": ("scale_up", "restart_pod", "add_annotation", "create_ticket"),
    "required": ("scale_down", "modify_config", "delete_resource", "send_external_notification"),
    "forbidden": (
        "drop_database",
        "disable_monitoring",
        "modify_security_groups",
        "access_production_secrets",
    ),
}


@pytest.mark.parametrize(
    ("action", "verdict"), [(name, verdict) for verdict, names in LISTS.items() for name in names]
)
def test_the_three_lists(action: str, verdict: str) -> None:
    assert judged(policy("actions.yaml"), action, **SMALL).verdict == verdict


@pytest.mark.parametrize(
    ("stated", "below", "edge", "above"),
    [
        ("pods", 9, 10, 11),
        ("replica_percent", 24.9, 25, 25.1),
        ("cost_per_hour_usd", 99.99, 100, 100.01),
        ("users", 999, 1000, 1001),
    ],
)
def test_the_blast_radius(stated: str, below: float, edge: float, above: float) -> None:
    rules = policy("actions.yaml")
    verdicts = [
        judged(rules, "restart_pod", impact={stated: value}).verdict
        for value in (below, edge, above)
    ]
    assert verdicts == ["auto", "auto", "required"]


def test_parameters_count_where_they_say_more_than_the_stated_impact() -> None:
    rules = policy("actions.yaml")
    tame = {"replica_percent": 1, "pods": 1}
    from_five = judged(
        rules, "scale_up", impact=tame, parameters={"from_replicas": 5, "to_replicas": 8}
    )
    assert from_five.verdict == "required"
    [over] = [
        each for each in from_five.checks if each.leads_to == "required" and "60" in each.words
    ]
    assert over.name == "blast_radius"
    quarter = {"from_replicas": 8, "to_replicas": 10}
    assert judged(rules, "scale_up", impact=tame, parameters=quarter).verdict == "auto"


# --- layer 3: rate controls --------------------------------------------------------------------

LIMITED = policy("actions.yaml", "limits.yaml")
DEPLOYS = load(
    DEFAULT
    | {"limits.yaml": (ROOT / "examples/policies/limits.yaml").read_text()}
    | {"lists.yaml": "actions: {allowed: [deploy_service, notify_team, scale_up]}\n"}
)


@pytest.mark.parametrize(
    ("action", "window", "limit"),
    [
        ("deploy_service", "hour", 5),
        ("deploy_service", "day", 20),
        ("scale_up", "hour", 10),
        ("notify_team", "hour", 20),
    ],
)
def test_a_rate_lets_through_as_many_as_it_says(action: str, window: str, limit: int) -> None:
    named: dict[str, Any] = {"recipients": ["ops@example.com"], **SMALL}
    last = judged(DEPLOYS, action, now=passed(action, window, limit - 1), **named)
    over = judged(DEPLOYS, action, now=passed(action, window, limit), **named)
    beyond = judged(DEPLOYS, action, now=passed(action, window, limit + 1), **named)
    assert [last.verdict, over.verdict, beyond.verdict] == ["auto", "forbidden", "forbidden"]
    assert over.reason_code == "rate_limited"


@pytest.mark.parametrize(("sent", "verdict"), [(4, "auto"), (5, "forbidden"), (6, "forbidden")])
def test_a_recipient_hears_five_times_a_day(sent: int, verdict: str) -> None:
    now = Circumstances(NOON, sent=(Sent("notify_team", "ops@example.com", sent),))
    evaluation = judged(DEPLOYS, "notify_team", now=now, recipients=["Ops@example.com"])
    assert evaluation.verdict == verdict


@pytest.mark.parametrize(
    ("minutes", "verdict"), [(29, "forbidden"), (29.99, "forbidden"), (30, "auto"), (31, "auto")]
)
def test_a_failed_deployment_rests_for_thirty_minutes(minutes: float, verdict: str) -> None:
    failed = Reported("deploy_service", OutcomeStatus.FAILURE, NOON - timedelta(minutes=minutes))
    now = Circumstances(NOON, reported=(failed,))
    evaluation = judged(DEPLOYS, "deploy_service", now=now)
    assert evaluation.verdict == verdict
    assert verdict == "auto" or evaluation.reason_code == "cooling_down"


@pytest.mark.parametrize(("after", "asked"), [(149, False), (150, False), (151, True)])
def test_a_scaling_event_grows_by_half_at_most(after: int, asked: bool) -> None:
    roomy = load(
        {
            name: text.replace("replicaPercent: 25", "replicaPercent: 500")
            for name, text in DEFAULT.items()
        }
        | {"limits.yaml": (ROOT / "examples/policies/limits.yaml").read_text()}
        | {"wide.yaml": "actions: {allowed: [scale_up]}\n"}
    )
    huge = {"from_replicas": 100, "to_replicas": after}
    evaluation = judged(roomy, "scale_up", parameters=huge)
    step = next(
        each for each in evaluation.checks if each.name == "rate_limit" and "50" in each.words
    )
    assert (step.leads_to == "required") is asked


def tripped(kind: BreakerKind, does: BreakerAction, phase: Phase = Phase.OPEN) -> Circumstances:
    return Circumstances(NOON, tripped=(Tripped("limits", kind, does, phase, NOON, "tripped"),))


@pytest.mark.parametrize(
    ("kind", "does", "action", "verdict"),
    [
        (BreakerKind.ERROR_RATE, BreakerAction.PAUSE_AND_ALERT, "restart_pod", "forbidden"),
        (BreakerKind.ROLLBACK_COUNT, BreakerAction.REQUIRE_HUMAN_REVIEW, "restart_pod", "required"),
        (BreakerKind.COST_SPIKE, BreakerAction.FREEZE_SCALING, "scale_up", "forbidden"),
        (BreakerKind.COST_SPIKE, BreakerAction.FREEZE_SCALING, "restart_pod", "auto"),
    ],
)
def test_an_open_breaker_does_what_its_policy_says(
    kind: BreakerKind, does: BreakerAction, action: str, verdict: str
) -> None:
    evaluation = judged(LIMITED, action, now=tripped(kind, does), **SMALL)
    assert evaluation.verdict == verdict
    assert verdict != "forbidden" or evaluation.reason_code == "breaker_open"


# --- layer 4: approval gates -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "risk", "verdict", "asked"),
    [
        ("view_logs", "low", "auto", ()),
        ("create_ticket", "low", "auto", ()),
        ("restart_service", "medium", "required", ("team-leads",)),
        ("scale_up", "medium", "required", ("team-leads",)),
        ("config_change", "high", "required", ("managers", "security")),
        ("new_integration", "high", "required", ("managers", "security")),
        ("database_migration", "critical", "required", ("change-board",)),
        ("security_patch", "critical", "required", ("change-board",)),
    ],
)
def test_the_risk_matrix(action: str, risk: str, verdict: str, asked: tuple[str, ...]) -> None:
    evaluation = judged(policy(), action, **SMALL)
    assert (evaluation.effective, evaluation.verdict) == (risk, verdict)
    assert evaluation.plan is not None
    stages = evaluation.plan.stages
    assert tuple(stages[0].teams(0) if stages else ()) == asked
    if risk == "medium":
        assert stages[0].rungs[0].window == timedelta(minutes=5)


# --- the guardrails form -----------------------------------------------------------------------

FORM = policy("deployment-agent.yaml")
PROD: Mapping[str, Any] = {"resource": {"namespace": "prod-shop", "type": "deployments"}}


@pytest.mark.parametrize(
    ("before", "after", "holds"),
    [
        (16, 19, True),
        (16, 20, True),
        (16, 21, False),
        (4, 5, True),
        (10, 15, True),
        (10, 16, False),
    ],
)
def test_scaling_is_automatic_within_its_conditions(before: int, after: int, holds: bool) -> None:
    replicas: dict[str, Any] = {"parameters": {"from_replicas": before, "to_replicas": after}}
    evaluation = judged(FORM, "scale", **PROD, **replicas)
    rule = next(each for each in evaluation.checks if each.name == "action_rule")
    assert (rule.leads_to == "auto") is holds


def test_a_rollback_is_asked_for_five_minutes() -> None:
    evaluation = judged(FORM, "rollback", **PROD)
    assert evaluation.verdict == "required"
    assert evaluation.plan is not None
    assert evaluation.plan.stages[0].rungs[-1].window == timedelta(minutes=5)


@pytest.mark.parametrize(("used", "verdict"), [(19, "auto"), (20, "forbidden"), (21, "forbidden")])
def test_twenty_actions_an_hour_of_whatever_kind(used: int, verdict: str) -> None:
    split = {"scale": Count(hour=used - 5, day=used), "rollback": Count(hour=5, day=5)}
    evaluation = judged(FORM, "scale", now=Circumstances(NOON, passed=split), **PROD, **SMALL)
    assert evaluation.verdict == verdict
