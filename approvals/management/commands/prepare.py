"""Bring the database up to date and make what a first run needs."""

from __future__ import annotations

import os

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from approvals.services import clock, first_run


class Command(BaseCommand):
    help = "Migrate, apply the first policy, and add the first manager. Safe to repeat."

    def handle(self, *_: object, **__: object) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        made = first_run.prepare(
            policy_dir=settings.POLICY_DIR,
            data_dir=settings.DATA_DIR,
            at=clock.now(),
            email=os.environ.get("FIRST_MANAGER_EMAIL", ""),
            password=os.environ.get("FIRST_MANAGER_PASSWORD", ""),
            demo=False,
        )
        self.stdout.write(
            f"The database is ready; policy version {made.policy_version} is in force."
        )
        if made.password:
            self.stdout.write(
                f"First manager: {made.manager}, password (shown once): {made.password}"
            )
