"""Run one Celery worker; it sweeps for due timers and deliveries from its first second."""

from __future__ import annotations

import os
import sys

from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    help = "Run one Celery worker."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--threads", type=int, default=4)

    def handle(self, *_: object, **options: object) -> None:
        # Threads, not forks: the sweep shares the process with the pool, and a fork would copy its sockets.
        command = [
            sys.executable, "-m", "celery", "-A", "approvals.project.celery", "--quiet", "worker",
            "--pool", "threads", "--concurrency", str(options["threads"]),
            "--without-gossip", "--without-mingle", "--loglevel", "WARNING",
            "--hostname", f"worker-{os.getpid()}@%h",
        ]  # fmt: skip
        os.execv(sys.executable, command)  # noqa: S606  # becomes the worker, so signals reach it
