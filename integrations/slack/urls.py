"""Slack's addresses, below `integrations/slack/`."""

from __future__ import annotations

from django.urls import path

from integrations.slack import door, oauth

urlpatterns = [
    path("events", door.events, name="slack-events"),
    path("install", oauth.install, name="slack-install"),
    path("oauth", oauth.oauth, name="slack-oauth"),
]
