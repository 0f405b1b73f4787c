"""Slack's addresses, below `integrations/slack/`."""

from __future__ import annotations

from django.urls import path

from integrations.slack import door

urlpatterns = [path("events", door.events, name="slack-events")]
