"""What can be written after `countersign slack`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any


def add(
    group: Any,
    command: Callable[..., argparse.ArgumentParser],
    on_server: Callable[[str, str], Callable[[argparse.Namespace], int]],
) -> None:
    """Add the commands to their group; `command` and `on_server` are those of all commands."""
    manifest = command(
        group, "manifest", "print the Slack app's manifest", on_server("slack_setup", "manifest")
    )
    setup = command(
        group,
        "setup",
        "look at token, scopes, clicks and channels, and say what to do",
        on_server("slack_setup", "setup"),
    )
    for each in (manifest, setup):
        each.add_argument("--json", action="store_true", help="answer in JSON")
