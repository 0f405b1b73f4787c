"""Teams' addresses, below `integrations/teams/`."""

from __future__ import annotations

from django.urls import path

from integrations.teams import door

urlpatterns = [path("messages", door.messages, name="teams-messages")]
