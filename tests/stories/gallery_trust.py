"""What makes the pages of a lived-in service full: trust that grew and fell, alerts, limits, and a draft."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from approvals.domain.terms import AlertKind, Stage, Verdict
from approvals.models import Agent, Alert, ApprovalRequest, BreakerTrip, Person
from approvals.services import (
    actors,
    alert_life,
    alerts,
    autonomy,
    block_marks,
    lifecycle,
    policies,
    policy_changes,
    proposals,
    standing,
)
from approvals.services.policy_changes import Proposal
from tests.support import cast

DAYS, HOURS, MINUTES = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
Ask = Callable[..., ApprovalRequest]
IN_FORCE = """
apiVersion: guardrails.io/v1
kind: AgentPolicy
metadata: {name: scaling}
spec:
  agents: [infra-scaler]
  scope:
    targets: ["production-*", "staging-*"]
  actions:
    - {name: restart_pod, risk: medium, because: Restarting interrupts a pod.}
  rateLimits: {actionsPerHour: 10}
---
apiVersion: guardrails.io/v1
kind: AgentPolicy
metadata: {name: refunds}
spec:
  agents: [billing-refunds]
  actions:
    - name: refund_order
      approval: required
      risk: high
      when: parameters.amount > 500.0
      because: Money above EUR 500 is paid back by two.
  rateLimits: {actionsPerHour: 20}
---
apiVersion: guardrails.io/v1
kind: AgentPolicy
metadata: {name: crawlers}
spec:
  agents: ["crawler-*"]
  circuitBreaker: {errorRate: 0.1, window: 5m}
"""
DRAFT = """apiVersion: guardrails.io/v1
kind: AgentPolicy
metadata: {name: checkout-restarts}
spec:
  agents: [deploy-bot]
  actions:
    - name: restart_service
      approval: auto
      when: target == "checkout"
      because: It restarted well for two quarters, and nobody ever said no.
"""


def rules(now: datetime) -> None:
    """A second version: some agents have scopes, rates and breakers of their own, and people more time."""
    files = policies.read_directory(cast.POLICIES) | {"agents.yaml": IN_FORCE}
    # Whoever looks at what waits may come to it a quarter of an hour after it was made.
    files["default.yaml"] = files["default.yaml"].replace("timeout: 5m", "timeout: 1h")
    policies.apply(files=files, author="ada@example.com", actor=cast.OPERATOR, at=now)


def stages(programs: Mapping[str, Agent], staff: Mapping[str, Person], began: datetime) -> None:
    """How far each is trusted from the beginning on; every other class last, for it would lower the rest."""
    for name, about, stage, reason in (
        ("deploy-bot", "restarts", Stage.AUTONOMOUS, "Two quarters without a failed restart."),
        ("deploy-bot", "configuration", Stage.SUPERVISED, "Its changes still need a second look."),
        ("infra-scaler", "scaling_events", Stage.AUTONOMOUS, "It scaled well in staging."),
        ("crawler-2", "deletions", Stage.SHADOW, "Let it suggest first."),
        ("deploy-bot", "*", Stage.SUPERVISED, "New here; low risk may run."),
        ("billing-refunds", "*", Stage.SUPERVISED, "It moves money."),
        ("infra-scaler", "*", Stage.SUPERVISED, "New here; low risk may run."),
        ("crawler-2", "*", Stage.SUPERVISED, "It reads, mostly."),
    ):
        autonomy.set_stage(
            agent=programs[name], action_class=about, stage=stage, reason=reason,
            actor=actors.person(staff["ada"]), at=began,
        )  # fmt: skip


def trouble(
    ask: Ask, programs: Mapping[str, Agent], staff: Mapping[str, Person], now: datetime
) -> None:
    """Asks again after a no, leaves its scope, and uses up its rates."""
    tries = (
        ("stripe/eu", ["refunds", "payouts"], "Payouts are not yours."),
        ("stripe/us", ["refunds", "payouts"], "Not in the United States either."),
        ("stripe/uk", ["refunds", "invoices"], "Ask Sam before you try another."),
    )
    for number, (target, scope, no) in enumerate(tries):
        at = now - 50 * MINUTES + 12 * number * MINUTES
        row = ask(
            programs["billing-refunds"], at, action="new_integration", target=target,
            parameters={"name": "refunds-v3", "scopes": scope}, reasoning="More scopes are needed.",
        )  # fmt: skip
        lifecycle.decide(
            ref=row.ref, person=staff["ada"], verdict=Verdict.DENY, comment=no,
            at=at + 3 * MINUTES, channel="web",
        )  # fmt: skip
    ask(programs["infra-scaler"], now - 40 * MINUTES, target="payments-db",
        parameters={"from_replicas": 2, "to_replicas": 4})  # fmt: skip
    for number in range(16):
        ask(programs["billing-refunds"], now - (45 - 2 * number) * MINUTES, action="create_ticket",
            target="tickets/billing", parameters={"title": f"Refund {number + 1} of the batch"},
            impact=None)  # fmt: skip


def answers(
    programs: Mapping[str, Agent], staff: Mapping[str, Person], stood: str, now: datetime
) -> None:
    """What people did about it: took and watched alerts, judged blocks, lowered and proposed trust."""
    _told(programs, staff, now)
    refused = ApprovalRequest.objects.filter(reason_code="action_forbidden").order_by("number")
    for row, is_right in zip(refused[:2], (True, False), strict=True):
        block_marks.mark(
            ref=row.ref, person=staff["grace"], is_right=is_right, at=now - HOURS,
            reason="" if is_right else "Monitoring of a host that is gone may be turned off.",
        )  # fmt: skip
    autonomy.set_stage(
        agent=programs["infra-scaler"], action_class="scaling_events", stage=Stage.SUPERVISED,
        reason="It scaled production twice for the same spike.", actor=actors.person(staff["ada"]),
        at=now - 6 * DAYS,
    )  # fmt: skip
    proposals.change_stage(
        agent=programs["infra-scaler"], action_class="restarts", stage=Stage.AUTONOMOUS,
        reason="Approved every time, within seconds.", by=staff["dana"],
        actor=actors.person(staff["dana"]), at=now - MINUTES,
    )  # fmt: skip
    if stood:
        standing.make_from(
            ref=stood, person=staff["lin"], until=now + 3 * DAYS, most_uses=10, at=now - HOURS
        )
    files = {
        **policies.read_directory(cast.POLICIES),
        "agents.yaml": IN_FORCE,
        "checkout.yaml": DRAFT,
    }
    policy_changes.offer(
        Proposal(files, staff["dana"].email, reason="Fewer needless questions.",
                 asked_by=staff["dana"]),
        actor=actors.person(staff["dana"]), at=now - MINUTES,
    )  # fmt: skip


def _told(programs: Mapping[str, Agent], staff: Mapping[str, Person], now: datetime) -> None:
    for hours in (3, 2, 1):
        at = now - hours * HOURS
        with transaction.atomic():
            alerts.raise_once(
                kind=AlertKind.UNUSUAL_PATTERN, key=f"{at:%Y-%m-%dT%H}:infra-scaler:rate",
                agent=programs["infra-scaler"], at=at,
                words=f"infra-scaler usually asks 6 times a day, now {41 - 8 * hours} times since "
                f"{at:%H}:00 UTC. Is that meant?",
                values={"pattern": "rate", "usual": 6, "now": 41 - 8 * hours, "days": 7},
            )  # fmt: skip
    scope = Alert.objects.filter(kind=AlertKind.SCOPE_VIOLATION.value).latest("pk")
    alert_life.take(number=scope.pk, person=staff["ada"], at=now - 20 * MINUTES)
    shape = Alert.objects.filter(
        kind=AlertKind.UNUSUAL_PATTERN.value, agent=programs["deploy-bot"]
    ).last()
    if shape is not None:
        alert_life.watch(
            number=shape.pk, person=staff["ada"], at=now - 10 * MINUTES,
            reason="The release of today changes what it sends.",
        )  # fmt: skip
    _tripped(programs["crawler-2"], now)


def _tripped(agent: Agent, now: datetime) -> None:
    """One breaker that was closed again, and one that is open."""
    same: dict[str, Any] = {
        "agent": agent, "policy": "crawlers", "kind": "error_rate", "does": "pause_and_alert",
        "values": {"rest_s": 300},
    }  # fmt: skip
    BreakerTrip.objects.create(
        **same, words="3 of the last 9 outcomes within 5 min went wrong.",
        opened_at=now - 5 * DAYS, half_open_at=now - 5 * DAYS + 5 * MINUTES,
        closed_at=now - 5 * DAYS + 40 * MINUTES, closed_by="person:ada@example.com",
        close_reason="The search index was rebuilt.",
    )  # fmt: skip
    BreakerTrip.objects.create(
        **same, words="4 of the last 10 outcomes within 5 min went wrong.",
        opened_at=now - 2 * MINUTES, half_open_at=now + 3 * MINUTES,
    )  # fmt: skip
