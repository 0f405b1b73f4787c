"""ServiceNow's address, below `integrations/servicenow/`."""

from __future__ import annotations

from django.urls import path

from integrations.servicenow import door

urlpatterns = [path("callback", door.callback, name="servicenow-callback")]
