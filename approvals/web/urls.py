"""The dashboard's addresses."""

from __future__ import annotations

from django.urls import include, path

from approvals.web import beside, decisions, history, requests
from approvals.web.dialogs import ADD_TIME

urlpatterns = [
    path("", include("approvals.web.queue_urls")),
    path("r/<str:ref>", requests.show),
    path("r/<str:ref>/live", requests.live),
    path("r/<str:ref>/evidence", requests.evidence),
    path("r/<str:ref>/decide", decisions.decide),
    path("r/<str:ref>/undo", decisions.undo),
    path("r/<str:ref>/messages", decisions.message),
    path("r/<str:ref>/cancel", decisions.cancel),
    path("r/<str:ref>/revoke", decisions.revoke),
    path("r/<str:ref>/mark", decisions.mark),
    path("r/<str:ref>/assign", beside.assign),
    path(f"r/<str:ref>/{ADD_TIME}", beside.add_time),
    path("r/<str:ref>/mute", beside.mute),
    path("history", history.history),
    path("", include("approvals.web.history_urls")),
    path("", include("approvals.web.agents_urls")),
    path("", include("approvals.web.oncall_urls")),
    path("", include("approvals.web.policy_urls")),
    path("", include("approvals.web.settings_urls")),
    path("", include("approvals.web.sign_in_urls")),
]
