"""The addresses of the agents' pages."""

from __future__ import annotations

from django.urls import path

from approvals.web import agent_page, agent_zone, agents, agents_acts, agents_several

urlpatterns = [
    path("agents", agents.show_all),
    path("agents/new", agents_acts.register),
    path("agents/stop", agents_acts.stop),
    path("agents/stop-several", agents_several.stop),
    path("agents/<path:name>/stage", agents_acts.change_stage),
    path("agents/<path:name>/why/<int:number>", agents_acts.say_why),
    path("agents/<path:name>/planned/<int:number>/call-off", agents_acts.call_off),
    path("agents/<path:name>/start", agents_acts.start),
    path("agents/<path:name>/time-zone", agent_zone.change),
    path("agents/<path:name>/keys", agents_acts.issue_key),
    path("agents/<path:name>/keys/<str:prefix>/revoke", agents_acts.revoke_key),
    path("agents/<path:name>", agent_page.show),
]
