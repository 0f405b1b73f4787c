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
    path("settings", settings.show),
    path("settings/live", settings.live),
    path("settings/channels/<slug:name>", settings.channel),
    path("settings/tests", settings.send),
    path("settings/tests/<int:number>", settings.test),
    path("settings/messages", settings_messages.show),
    path("settings/messages/<int:number>/resend", settings_messages.resend),
    path("settings/showing", settings_showing.show),
    path("settings/showing/change", settings_showing.change),
    path("settings/webhooks", settings_webhooks.show),
    path("settings/webhooks/rotate", settings_webhooks.rotate),
    path("settings/you", settings_you.show),
    path("settings/you/preferences", settings_you.prefer),
    path("settings/you/keys", settings_you.keep_keys),
    path("settings/you/quiet", settings_you.keep_quiet),
    path("settings/you/accounts/<int:number>/unlink", settings_you.unlink),
    path("settings/you/tokens", settings_you.make_token),
    path("settings/you/tokens/<slug:prefix>/revoke", settings_you.revoke_token),
    path("settings/you/sign-out-everywhere", settings_you.sign_out_everywhere),
    path("settings/you/sessions/<slug:mark>/end", settings_you.sign_out_there),
]
