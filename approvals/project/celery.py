"""Celery: the workers that keep promises, correct without a broker and faster with one."""

from __future__ import annotations

import os
import warnings
from typing import Any

from celery import Celery, bootsteps
from celery.exceptions import SecurityWarning
from celery.signals import setup_logging, worker_shutting_down

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "approvals.project.settings")

from django.conf import settings  # the line above must come first
from django.utils.module_loading import import_string

# Celery warns root because pickled messages could run code; only JSON is accepted here.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("countersign")
app.conf.update(
    broker_url=settings.CELERY_BROKER_URL,
    accept_content=["json"],
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_soft_time_limit=45,
    task_time_limit=60,
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    worker_soft_shutdown_timeout=10,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "visibility_timeout": 180,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
    }
    if settings.REDIS_URL
    else {},
)
app.autodiscover_tasks(["approvals"])


@setup_logging.connect
def _keep_our_logs(**_: object) -> None:
    """Celery would replace the log set-up of settings; listening here stops it."""


class Sweep(bootsteps.StartStopStep):
    """Every worker sweeps by itself, from its first second, whether or not the broker answers."""

    requires = ("celery.worker.components:Timer",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self.sweeper = import_string("approvals.services.sweep.Sweeper")()

    def start(self, parent: Any) -> None:
        del parent
        worker_shutting_down.connect(self._hurry)
        self.sweeper.start()

    def _hurry(self, **_: object) -> None:
        """Celery asks its steps to stop one after another, seconds after it was told to."""
        self.sweeper.stopping.set()

    def stop(self, parent: Any) -> None:
        del parent
        self.sweeper.stop()


app.steps["worker"].add(Sweep)
