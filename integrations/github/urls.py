"""GitHub's addresses, below `integrations/github/`."""

from __future__ import annotations

from django.urls import path

from integrations.github import door

urlpatterns = [path("webhook", door.webhook, name="github-webhook")]
