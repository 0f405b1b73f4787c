"""Sweep for due timers and deliveries without Celery and without a broker."""

from __future__ import annotations

import signal
from threading import Event

from django.core.management.base import BaseCommand

from approvals.services.sweep import Sweeper


class Command(BaseCommand):
    help = "Fire due timers and send due deliveries until told to stop."

    def handle(self, *_: object, **__: object) -> None:
        stop = Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        sweeper = Sweeper(senders=2)
        sweeper.start()
        while not stop.wait(1.0):
            pass
        sweeper.stop(within=5.0)
