"""Hear Slack over a connection of our own, where Slack cannot reach us."""

from __future__ import annotations

import signal
from threading import Event

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import import_string

LISTENER = "integrations.slack.socket_mode.main"


class Command(BaseCommand):
    help = "Listen to Slack in Socket Mode until told to stop; run one of these."

    def handle(self, *_: object, **__: object) -> None:
        if not settings.SLACK_APP_TOKEN:
            raise CommandError("SLACK_APP_TOKEN is not set; Socket Mode needs an xapp- token.")
        stop = Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        import_string(LISTENER)(stop)
