"""Every address of the service."""

from __future__ import annotations

from django.conf import settings
from django.urls import include, path

from approvals.api import door
from approvals.project import operations
from approvals.realtime import sse

urlpatterns = [
    path("healthz", operations.healthz),
    path("readyz", operations.readyz),
    path("metrics", operations.metrics_page),
    path("api/v1/requests/<str:ref>/events", sse.view(door.reader)),
    path(".well-known/", include("integrations.webhook.published")),
    path("", include("approvals.api.urls")),
    path("", include("approvals.web.urls")),
]
if "integrations.slack.adapter.SlackAdapter" in settings.ADAPTERS:
    urlpatterns.insert(0, path("integrations/slack/", include("integrations.slack.urls")))
if "integrations.pagerduty.adapter.PagerDutyAdapter" in settings.ADAPTERS:
    urlpatterns.insert(0, path("integrations/pagerduty/", include("integrations.pagerduty.urls")))
if "integrations.servicenow.adapter.ServiceNowAdapter" in settings.ADAPTERS:
    urlpatterns.insert(0, path("integrations/servicenow/", include("integrations.servicenow.urls")))
if "integrations.teams.adapter.TeamsAdapter" in settings.ADAPTERS:
    urlpatterns.insert(0, path("integrations/teams/", include("integrations.teams.urls")))
if "integrations.github.adapter.GitHubAdapter" in settings.ADAPTERS:
    urlpatterns.insert(0, path("integrations/github/", include("integrations.github.urls")))
handler404 = "approvals.web.problems.not_found"
handler500 = "approvals.web.problems.fault"
