"""Judging: one request against ten, a hundred and a thousand rules, beside bare matching of the names."""

from __future__ import annotations

import time
from collections.abc import Callable
from fnmatch import fnmatchcase
from itertools import pairwise

from approvals.domain.policy.documents import PolicySet, load
from approvals.domain.policy.evaluate import evaluate
from approvals.domain.policy.subject import Subject, subject_of
from bench.figures import Against, Chapter, Series
from bench.ground import Ground
from bench.machine import Meter
from bench.plan import Plan

RULES = (10, 100, 1000)
OF_TEN = 10  # every tenth rule is a glob, and every tenth has conditions
SUBMISSION = {
    "action": "scale_service_7",
    "target": "production/checkout",
    "parameters": {"from_replicas": 5, "to_replicas": 6},
    "impact": {"pods": 1, "users": 10},
    "resource": {"namespace": "prod-shop", "type": "deployments"},
}


def measure(ground: Ground, plan: Plan) -> Chapter:
    """In this process, with no database: what judging alone costs, and how it grows."""
    del ground
    subject = subject_of("bench", SUBMISSION)
    judged = {number: Series(f"judged by {number:,} rules") for number in RULES}
    matched = {number: Series(f"{number:,} names matched, nothing else") for number in RULES}
    chapter = Chapter("Judging one request", [*judged.values(), *matched.values()])
    policies = {number: _policy(number) for number in RULES}
    meter = Meter()
    for _ in range(plan.slices):
        meter.start()
        for number, policy in policies.items():
            _repeat(judged[number], _judge(policy, subject), plan.seconds / len(RULES))
            _repeat(matched[number], _match(policy, subject), plan.seconds / len(RULES))
        chapter.note_noise(meter.stop())
    chapter.beside += [Against(judged[n], matched[n], by="time") for n in RULES]
    chapter.beside += [
        Against(judged[more], judged[fewer], by="time") for fewer, more in pairwise(RULES)
    ]
    return chapter


def _judge(policy: PolicySet, subject: Subject) -> Callable[[], object]:
    return lambda: evaluate(policy, subject)


def _match(policy: PolicySet, subject: Subject) -> Callable[[], object]:
    patterns = [rule.pattern for rule in policy.rules]
    return lambda: [pattern for pattern in patterns if fnmatchcase(subject.action, pattern)]


def _repeat(series: Series, once: Callable[[], object], seconds: float) -> None:
    times: list[float] = []
    until = time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        once()
        times.append(time.perf_counter() - began)
    series.add(len(times) / sum(times), times)


def _policy(number: int) -> PolicySet:
    rules = "\n".join(_rule(index) for index in range(number))
    return load({"bench.yaml": f"{_AROUND}{rules}\n"})


def _rule(index: int) -> str:
    if index % OF_TEN == OF_TEN - 1:
        return f"    - {{name: 'scale_*_{index}', approval: required}}"
    if index % OF_TEN == OF_TEN - 3:
        return f"    - {{name: scale_service_{index}, approval: auto, conditions: [{{maxReplicas: 20}}]}}"
    return f"    - {{name: change_thing_{index}, approval: auto}}"


_AROUND = """
apiVersion: guardrails.io/v1
kind: Team
metadata: {name: leads}
spec: {members: []}
---
apiVersion: guardrails.io/v1
kind: RiskMatrix
metadata: {name: bench}
spec:
  low: {approval: auto}
  medium: {approval: required, approvers: [{team: leads}], timeout: 5m}
  high: {approval: required, approvers: [{team: leads}], timeout: 5m}
  critical: {approval: required, approvers: [{team: leads}], timeout: 5m}
---
apiVersion: guardrails.io/v1
kind: AgentPolicy
metadata: {name: bench}
spec:
  scope: {namespaces: [prod-*], resources: [deployments, services], excluded: ["-database-"]}
  blastRadius: {pods: 10, replicaPercent: 25, costPerHourUsd: 100, users: 1000}
  rateLimits: {actionsPerHour: 20}
  circuitBreaker: {errorRate: 0.1, window: 5m}
  actions:
"""
