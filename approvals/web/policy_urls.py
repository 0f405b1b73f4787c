"""The addresses of policies and of what their rules did."""

from __future__ import annotations

from django.urls import path

from approvals.web import (
    guardrail_acts,
    guardrail_scope,
    guardrails,
    insights,
    policies,
    policy_draft,
    simulator,
)

urlpatterns = [
    path("policies", policies.show),
    path("policies/versions", policies.versions),
    path("policies/versions/<int:number>", policies.version),
    path("policies/draft", policy_draft.draft),
    path("policies/simulate", simulator.show),
    path("guardrails", guardrails.show),
    path("guardrails/alerts", guardrails.alerts),
    path("guardrails/alerts/<int:number>/take", guardrail_acts.take_alert),
    path("guardrails/alerts/<int:number>/watch", guardrail_acts.watch_alert),
    path("guardrails/alerts/<int:number>/close", guardrail_acts.close_alert),
    path("guardrails/alerts/<int:number>/mute", guardrail_acts.mute_alert),
    path("guardrails/alerts/<int:number>/scope", guardrail_scope.ask),
    path("guardrails/blocks/<str:ref>/judge", guardrail_acts.judge_block),
    path("guardrails/breakers", guardrails.breakers),
    path("guardrails/breakers/<int:number>/reset", guardrail_acts.reset_breaker),
    path("insights", insights.show),
]
