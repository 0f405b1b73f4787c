"""The dashboard's addresses."""

from __future__ import annotations

from django.urls import include, path

from approvals.web import (
    decisions,
    guardrails,
    history,
    insights,
    linking,
    requests,
    sign_in,
)

urlpatterns = [
    path("", include("approvals.web.queue_urls")),
    path("r/<str:ref>", requests.show),
    path("r/<str:ref>/live", requests.live),
    path("r/<str:ref>/decide", decisions.decide),
    path("r/<str:ref>/messages", decisions.message),
    path("r/<str:ref>/cancel", decisions.cancel),
    path("r/<str:ref>/revoke", decisions.revoke),
    path("r/<str:ref>/mark", decisions.mark),
    path("history", history.history),
    path("guardrails", guardrails.show),
    path("insights", insights.show),
    path("guardrails/alerts/<int:number>/take", guardrails.take_alert),
    path("guardrails/alerts/<int:number>/close", guardrails.close_alert),
    path("guardrails/alerts/<int:number>/mute", guardrails.mute_alert),
    path("guardrails/breakers/<int:number>/reset", guardrails.reset_breaker),
    path("", include("approvals.web.settings_urls")),
    path("sign-in", sign_in.sign_in),
    path("sign-out", sign_in.sign_out),
    path("link/<slug:kind>", linking.link),
]
