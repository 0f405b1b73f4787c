"""PagerDuty's addresses, below `integrations/pagerduty/`."""

from __future__ import annotations

from django.urls import path

from integrations.pagerduty import door

urlpatterns = [
    path("action/<str:verdict>", door.action, name="pagerduty-action"),
    path("webhook", door.webhook, name="pagerduty-webhook"),
]
