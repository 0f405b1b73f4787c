"""The addresses of policies and of what their rules did."""

from __future__ import annotations

from django.urls import path

from approvals.web import guardrails, insights, policies, policy_draft, simulator

urlpatterns = [
    path("policies", policies.show),
    path("policies/versions", policies.versions),
    path("policies/versions/<int:number>", policies.version),
    path("policies/draft", policy_draft.draft),
    path("policies/simulate", simulator.show),
    path("guardrails", guardrails.show),
    path("guardrails/alerts/<int:number>/take", guardrails.take_alert),
    path("guardrails/alerts/<int:number>/close", guardrails.close_alert),
    path("guardrails/alerts/<int:number>/mute", guardrails.mute_alert),
    path("guardrails/breakers/<int:number>/reset", guardrails.reset_breaker),
    path("insights", insights.show),
]
