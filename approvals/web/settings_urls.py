"""The addresses below /settings."""

from __future__ import annotations

from django.urls import path

from approvals.web import (
    settings,
    settings_messages,
    settings_showing,
    settings_webhooks,
    settings_you,
)

urlpatterns = [
    path("", settings.show),
    path("/live", settings.live),
    path("/channels/<slug:name>", settings.channel),
    path("/tests", settings.send),
    path("/tests/<int:number>", settings.test),
    path("/messages", settings_messages.show),
    path("/messages/<int:number>/resend", settings_messages.resend),
    path("/showing", settings_showing.show),
    path("/showing/change", settings_showing.change),
    path("/webhooks", settings_webhooks.show),
    path("/webhooks/rotate", settings_webhooks.rotate),
    path("/you", settings_you.show),
    path("/you/preferences", settings_you.prefer),
    path("/you/accounts/<int:number>/unlink", settings_you.unlink),
    path("/you/tokens", settings_you.make_token),
    path("/you/tokens/<slug:prefix>/revoke", settings_you.revoke_token),
    path("/you/sign-out-everywhere", settings_you.sign_out_everywhere),
]
