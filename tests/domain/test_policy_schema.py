"""The JSON Schema for editors: it takes what the service takes, and marks what people get wrong."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types

from approvals.domain.policy import schema
from approvals.domain.policy.agent_policy import SECTIONS
from approvals.domain.policy.conditions import NAMED
from approvals.domain.policy.documents import load
from approvals.domain.policy.reading import PolicyInvalid
from tests.domain.test_documents import DEFAULT, EXAMPLES, matrix, policy, team

SCHEMA = Draft202012Validator(schema.schema())


def valid(text: str) -> bool:
    return all(SCHEMA.is_valid(document) for document in yaml.safe_load_all(text))


def refused(text: str) -> bool:
    try:
        load({"x.yaml": text}, is_part=True)
    except PolicyInvalid:
        return True
    return False


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema.schema())


@pytest.mark.parametrize("text", [DEFAULT, *EXAMPLES.values()])
def test_what_the_service_takes_is_valid(text: str) -> None:
    for document in yaml.safe_load_all(text):
        SCHEMA.validate(document)


EVERYTHING = """
agents: ["deploy-*"]
name: everything
scope:
  namespaces: [prod-*]
  resources: [services, secrets (read-only)]
  targets: ["web-*"]
  excluded: ["-database-"]
  without_resource: ["create_*"]
actions:
  - {name: scale, approval: auto, risk: low, because: Small., conditions: {maxReplicas: 20}}
  - {name: deploy, approval: required, approvers: [{team: leads, quorum: 2}], timeout: 5m}
rate_limits:
  actionsPerHour: 20
  actionsPerDay: 100
  cooldownAfterFailure: 30m
  deployments: {max_per_hour: 5, max_per_day: 20, cooldown_after_failure: 30m}
  scaling_events: {max_increase_per_event: 50%}
  mine: {max_per_hour: 1, max_per_recipient_per_day: 5, actions: ["tell_*"]}
circuit_breakers:
  error_rate: {threshold: 10%, window: 5m, minimum: 5, action: pause_and_alert, rest: 5m}
  rollback_count: {threshold: 3, window: 1h, action: require_human_review, rest: 1h}
  cost_spike: {threshold: 200%, baseline: 7d_average, action: freeze_scaling, rest: 1h}
blast_radius: {max_pods: 10, max_replica_percent: 25%, max_cost_per_hour_usd: 100, max_users: 1000}
data_classification: {scan: [names, accounts, emails, secrets], internal: ["report_*"]}
autonomy:
  full: ["analyse_*"]
  demote: {agreement_below: 90%, minimum: 20, on_breaker: true, on_incident: true}
attention:
  questions_per_hour: 20
  questions_per_approver_per_hour: 30
  denied_cooldown: 30m
  share_cards: true
"""
FORM = """
apiVersion: guardrails.io/v1
kind: AgentPolicy
metadata: {name: form, title: Form, labels: {team: web}}
spec:
  agent: bot
  blastRadius: {pods: 10, replicaPercent: 25, costPerHourUsd: 12.5, users: 1000}
  circuitBreaker: {rollbacks: 3, window: 1h, action: pause_and_alert, rest: 1h}
  dataClassification: {scan: [names]}
"""
HOURS = """
apiVersion: guardrails.io/v1
kind: Team
metadata: {name: leads}
spec:
  members: [lin@example.com, ada@example.com]
  on_duty: [{days: mon-fri, hours: "08:00-18:00", timezone: Europe/Berlin}, {hours: "8:00-9:00"}]
"""


@pytest.mark.parametrize("text", [EVERYTHING, FORM, HOURS, matrix()])
def test_every_key_of_every_section_is_known_to_both(text: str) -> None:
    for document in yaml.safe_load_all(text):
        SCHEMA.validate(document)
    others = {} if text == HOURS else {"teams.yaml": team("leads")}
    assert load({"a.yaml": text, **others}, is_part=True).version == 0


@pytest.mark.parametrize(
    "text",
    [
        "kind: Team\n",
        "agent: bot\n",
        "actions: {alowed: [x]}\n",
        "actions: {allowed: x}\n",
        "agent: a\nagents: [b]\nactions: {allowed: [x]}\n",
        "actions: [{name: x}]\n",
        "actions: [{approval: auto}]\n",
        "actions: [{name: x, approval: maybe}]\n",
        "actions: [{name: x, approval: auto, conditions: [{maxReplica: 2}]}]\n",
        "actions: [{name: x, approval: required, timeout: soon}]\n",
        "actions: [{name: x, approval: required, approvers: [{team: a, quorum: 0}]}]\n",
        "rate_limits: {deployments: {max_per_hour: 0}}\n",
        "rate_limits: {deployments: {per_hour: 5}}\n",
        "rateLimits: {actionsPerHour: many}\n",
        "circuitBreaker: {window: 5m}\n",
        "circuit_breakers: {error_rate: {window: 5m}}\n",
        "circuit_breakers: {error_rate: {threshold: 10%, action: explode}}\n",
        "blastRadius: {pod: 1}\n",
        "dataClassification: {scan: [passwords]}\n",
        "autonomy: {demote: {on_fire: true}}\n",
        "attention: {share_cards: perhaps}\n",
        "scope: {namespace: [a]}\n",
        matrix("{approval: auto, approvers: [{team: leads}]}"),
        matrix("{approval: required, timeout: 5m}"),
        matrix("{approval: auto, step_up: true}"),
        matrix("{approval: required, approvers: [{team: leads}], timeout: 5m, step_up: 2}"),
        matrix().replace("  critical:", "  critcal:"),
        matrix().replace("high: {approval: required", "high: {approval: auto"),
        HOURS.replace("hours:", "hour:"),
        policy("x", "{name: a, risk: huge}"),
        policy("x", "{name: a, risk: low}").replace("guardrails.io/v1", "guardrails.io/v2"),
        policy("x", "{name: a, risk: low}").replace("{name: x}", "{nam: x}"),
    ],
)
def test_what_people_get_wrong_is_marked_by_both(text: str) -> None:
    assert not valid(text)
    assert refused(text)


def test_every_section_and_every_condition_is_in_it() -> None:
    whole: dict[str, Any] = schema.schema()["$defs"]
    assert set(SECTIONS) <= set(whole["plain"]["properties"])
    assert set(whole["conditions"]["anyOf"][1]["properties"]) == set(NAMED)
