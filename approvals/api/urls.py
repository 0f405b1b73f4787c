"""The addresses of this door; the composition root includes them at the top."""

from __future__ import annotations

from csp.decorators import csp_update
from django.urls import include, path
from django.views.decorators.http import require_safe
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from approvals.api import (
    alerts,
    autonomy,
    breakers,
    callers,
    deciding,
    deliveries,
    duty,
    history,
    judging,
    policies,
    problems,
    requests,
    running,
    standing,
    waiting,
)

V1 = [
    path("requests", requests.Requests.as_view()),
    path("requests/<str:ref>", waiting.patient(requests.OneRequest.as_view())),
    path("requests/<str:ref>/decisions", deciding.Decisions.as_view()),
    path("requests/<str:ref>/messages", deciding.Messages.as_view()),
    path("requests/<str:ref>/cancel", deciding.Cancel.as_view()),
    path("requests/<str:ref>/revoke", deciding.Revoke.as_view()),
    path("requests/<str:ref>/consume", running.Consume.as_view()),
    path("requests/<str:ref>/outcome", running.Outcome.as_view()),
    path("requests/<str:ref>/evidence", requests.Evidence.as_view()),
    path("requests/<str:ref>/mark", autonomy.SuggestionMarks.as_view()),
    path("evaluate", judging.Evaluate.as_view()),
    path("alerts", alerts.Alerts.as_view()),
    path("alerts/<int:number>/close", alerts.Close.as_view()),
    path("breakers", breakers.Breakers.as_view()),
    path("breakers/<str:number>/reset", breakers.Reset.as_view()),
    path("deliveries", deliveries.Deliveries.as_view()),
    path("deliveries/<int:number>/resend", deliveries.Resend.as_view()),
    path("policies", policies.Policies.as_view()),
    path("policies/validate", policies.Validate.as_view()),
    path("policies/simulate", policies.Simulate.as_view()),
    path("policies/<str:version>", policies.OnePolicy.as_view()),
    path("audit-events", history.AuditEvents.as_view()),
    path("audit-events/export", history.AuditExport.as_view()),
    path("agents/<str:name>/stages", autonomy.Stages.as_view()),
    path("agents/<str:name>/evidence", autonomy.AgentEvidence.as_view()),
    path("standing-grants", standing.StandingGrants.as_view()),
    path("standing-grants/<str:ref>/revoke", standing.Revoke.as_view()),
    path("agents/me", callers.MyAgent.as_view()),
    path("me", callers.Me.as_view()),
    path("me/absence", duty.MyAbsence.as_view()),
    path("teams", duty.Teams.as_view()),
]

# Swagger UI draws with inline styles; no script of any page may ever be inline.
docs = require_safe(
    csp_update({"style-src": ["'unsafe-inline'"]})(
        SpectacularSwaggerSplitView.as_view(url_name="api-schema")
    )
)

urlpatterns = [
    path("api/v1/", include(V1)),
    path("api/schema", SpectacularJSONAPIView.as_view(), name="api-schema"),
    path("api/docs", docs, name="api-docs"),
    path(".well-known/jwks.json", running.jwks),
    path("api/<path:anything>", problems.nowhere),
    path("api/", problems.nowhere),
]
