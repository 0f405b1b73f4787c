"""Start the service, and look whether it could start."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path

from countersign import terminal
from countersign.outcomes import NO, BadSettings, CouldNotTell


def up(asked: argparse.Namespace) -> int:
    """Become `manage.py up`: its signals and its exit code are the service's own."""
    manage = Path(__file__).resolve().parents[1] / "manage.py"
    if not manage.exists():
        raise CouldNotTell(
            f"There is no {manage}: this is the client alone. "
            "Start the service from its own directory: make run"
        )
    workers = [f"--workers={asked.workers}"] if asked.workers else []
    os.execv(sys.executable, [sys.executable, str(manage), "up", *workers])  # noqa: S606 - our own program


def doctor(asked: argparse.Namespace) -> int:
    """Look at everything; settings that cannot even be read are the first finding."""
    try:
        return int(importlib.import_module("countersign.server").call("doctor", "examine", asked))
    except BadSettings as error:
        if asked.json:
            finding = {
                "name": "settings",
                "level": "FAIL",
                "words": str(error),
                "fix": "Mend the setting.",
            }
            terminal.give({"healthy": False, "findings": [finding]})
        else:
            terminal.say(f"FAIL  settings: {error}")
        return NO
