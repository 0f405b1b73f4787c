"""Slack's addresses where they are in the service, and where the tests of its door knock."""

from django.urls import include, path

urlpatterns = [
    path("integrations/slack/", include("integrations.slack.urls")),
    path("", include("integrations.slack.urls")),
]
